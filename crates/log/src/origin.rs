//! The name an alliance signs its checkpoints under.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// The longest origin in bytes.
pub const ORIGIN_BYTES_MAX: usize = 255;

/// The alliance origin: the first line of every checkpoint, for instance `example.org/clearing`.
///
/// One to 255 printable ASCII characters without space and `+`.
///
/// # Source
/// C2SP tlog-checkpoint (no spaces, no plus, no newline). Ours: ASCII alone, so that two origins that
/// look the same are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

/// Why a text is no origin. Whoever wrote it is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// There is no character.
    #[error("an origin cannot be empty")]
    Empty,
    /// There are too many.
    #[error("an origin has at most {ORIGIN_BYTES_MAX} bytes, this one has {0}")]
    TooLong(
        /// Bytes found.
        usize,
    ),
    /// A character that an origin cannot have.
    #[error("an origin cannot have {0:?}: use printable ASCII without space and '+'")]
    Character(
        /// The first of them.
        char,
    ),
}

impl Origin {
    /// Checks a text.
    ///
    /// # Errors
    /// [`OriginError`].
    pub fn new(text: &str) -> Result<Self, OriginError> {
        if text.is_empty() {
            return Err(OriginError::Empty);
        }
        if text.len() > ORIGIN_BYTES_MAX {
            return Err(OriginError::TooLong(text.len()));
        }
        let allowed = |character: &char| character.is_ascii_graphic() && *character != '+';
        match text.chars().find(|character| !allowed(character)) {
            Some(character) => Err(OriginError::Character(character)),
            None => Ok(Self(text.into())),
        }
    }

    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::new(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_printable_ascii_makes_an_origin() {
        assert_eq!(Origin::new("example.org/clearing").unwrap().as_str(), "example.org/clearing");
        assert_eq!(Origin::new(""), Err(OriginError::Empty));
        for (text, character) in [("a b", ' '), ("a+b", '+'), ("a\nb", '\n'), ("é", 'é')] {
            assert_eq!(Origin::new(text), Err(OriginError::Character(character)));
        }
        assert!(Origin::new(&"x".repeat(ORIGIN_BYTES_MAX)).is_ok());
        assert_eq!(Origin::new(&"x".repeat(256)), Err(OriginError::TooLong(256)));
    }
}
