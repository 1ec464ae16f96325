//! Changes to bytes, the same every time: what an ordinary test tries where libFuzzer is not at hand.

/// Numbers that decoders get wrong.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 1 << 31, u32::MAX as u64, u64::MAX];

/// Letters and words with a meaning in some text that is read here.
const WORDS: [&str; 20] = [
    "\"",
    "'''",
    "\n",
    "\r\n",
    "[",
    "]]",
    "(",
    ")",
    ",",
    " of ",
    " and ",
    "=",
    "#",
    "-",
    "0",
    "1e9",
    "18446744073709551616",
    "\u{fc}",
    "\u{0}",
    "\\u0041",
];

/// A source of numbers that a seed determines (splitmix64).
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// Starts with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }
}

/// A change of `bytes`, or several; `other` is what parts may be taken from.
pub fn mutate(bytes: &[u8], other: &[u8], draw: &mut Draw) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..=draw.below(3) {
        change(&mut changed, other, draw);
    }
    changed
}

fn change(bytes: &mut Vec<u8>, other: &[u8], draw: &mut Draw) {
    let at = draw.below(bytes.len());
    match draw.below(9) {
        0 => bytes.truncate(at),
        1 => {
            let from = draw.below(other.len());
            let to = other.len().min(from + draw.below(64));
            insert(bytes, at, &other[from..to]);
        }
        2 => {
            let number = NUMBERS[draw.below(NUMBERS.len())].to_le_bytes();
            overwrite(bytes, at, &number[..[1, 2, 4, 8][draw.below(4)]]);
        }
        3 => {
            let word = WORDS[draw.below(WORDS.len())];
            insert(bytes, at, word.as_bytes());
        }
        4 => {
            let end = bytes.len().min(at + 1 + draw.below(32));
            bytes.drain(at..end);
        }
        5 => {
            let end = bytes.len().min(at + 1 + draw.below(200));
            let again = bytes[at..end].to_vec();
            insert(bytes, at, &again);
        }
        6 => {
            let count = 1 + draw.below(8);
            let noise = draw.bytes(count);
            overwrite(bytes, at, &noise);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << draw.below(8);
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, more: &[u8]) {
    bytes.splice(at..at, more.iter().copied());
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (place, byte) in bytes[at..].iter_mut().zip(with) {
        *place = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn changes_are_the_same_every_time_and_many() {
        let changes = || {
            let mut draw = Draw::new(7);
            (0..300).map(|_| mutate(b"one two three", b"four", &mut draw)).collect::<Vec<_>>()
        };
        assert_eq!(changes(), changes());
        let different: BTreeSet<_> = changes().into_iter().collect();
        assert!(different.len() > 250, "{}", different.len());
    }

    #[test]
    fn nothing_can_be_changed_too() {
        let mut draw = Draw::new(1);
        let longest = (0..300).map(|_| mutate(b"", b"", &mut draw).len()).max();
        assert!(longest.is_some_and(|length| length > 0));
    }
}
