//! PEM blocks (RFC 7468), strict on what they accept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::KeyError;

/// Characters of base64 in a line.
const LINE: usize = 64;

/// The most characters of base64 that a block may hold; no key of ours comes near.
const BLOCK_MAX: usize = 4096;

/// `bytes` as a block with the label, ended by a newline.
pub(crate) fn encode(label: &str, bytes: &[u8]) -> String {
    let body = STANDARD.encode(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(LINE) {
        text.extend(line.iter().copied().map(char::from));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The content of the first block with the label. Text before and after it is skipped.
pub(crate) fn decode(text: &str, label: &str) -> Result<Vec<u8>, KeyError> {
    let (_, rest) =
        text.split_once(&format!("-----BEGIN {label}-----")).ok_or(KeyError::NoBlock)?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----")).ok_or(KeyError::NoBlock)?;
    let body: String =
        body.chars().filter(|c| !c.is_ascii_whitespace()).take(BLOCK_MAX + 1).collect();
    if body.len() > BLOCK_MAX {
        return Err(KeyError::Base64);
    }
    STANDARD.decode(body).map_err(|_| KeyError::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        for length in [0, 1, 47, 48, 49, 550] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let text = encode("THING", &bytes);
            assert!(text.lines().all(|line| line.len() <= LINE));
            assert_eq!(decode(&format!("# note\n{text}\n"), "THING"), Ok(bytes));
            assert_eq!(decode(&text, "OTHER"), Err(KeyError::NoBlock));
        }
    }

    #[test]
    fn damaged_blocks_are_refused() {
        let text = encode("THING", b"forty-two bytes of nothing much to look at");
        assert_eq!(decode(&text.replace("-----END", "----END"), "THING"), Err(KeyError::NoBlock));
        let (front, _) = text.split_once("\n").unwrap();
        let dirty = format!("{front}\n!{}", &text[front.len() + 1..]);
        assert_eq!(decode(&dirty, "THING"), Err(KeyError::Base64));
        let long = format!("-----BEGIN THING-----{}-----END THING-----", "A".repeat(9000));
        assert_eq!(decode(&long, "THING"), Err(KeyError::Base64));
    }
}
