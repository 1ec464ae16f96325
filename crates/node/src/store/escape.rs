//! Values as the database gets them: nothing in them can pass for the end of a commit.
//!
//! Whether damage at the end of the write-ahead log is a commit cut off by a power failure or harm
//! done to something durable is told by looking for an intact commit behind it (`wal.rs`). Batches
//! hold what clients wrote, and clients can write what a commit looks like, checksum and all: in a
//! batch that a power failure cut off, that would make a healthy directory look damaged, at every
//! server at once. A commit ends with [`MARK`] and a number that is not zero; so in values a zero
//! is put behind each [`MARK`].
//!
//! # Cost
//! A search of each value for three bytes, some GB/s; a copy only where they occur.

use super::tables::TablesError;
use bytes::Bytes;
use memchr::memmem;

/// How the end of a commit begins, see `wal.rs`. No end of it is a beginning of it, so that putting
/// something behind one makes no other.
const MARK: &[u8] = b"FJL";
/// What follows it in a value.
const APART: u8 = 0;

/// A value as it is stored.
pub(super) fn escaped(value: Bytes) -> Bytes {
    let marks: Vec<usize> = memmem::find_iter(&value, MARK).collect();
    if marks.is_empty() {
        return value;
    }
    let mut stored = Vec::with_capacity(value.len() + marks.len());
    let mut from = 0;
    for mark in marks {
        let to = mark + MARK.len();
        stored.extend_from_slice(&value[from..to]);
        stored.push(APART);
        from = to;
    }
    stored.extend_from_slice(&value[from..]);
    stored.into()
}

/// The value that was stored as this.
///
/// # Errors
/// [`TablesError::Damaged`] if no value is stored as this.
pub(super) fn unescaped(stored: Bytes) -> Result<Bytes, TablesError> {
    let marks: Vec<usize> = memmem::find_iter(&stored, MARK).collect();
    if marks.is_empty() {
        return Ok(stored);
    }
    let mut value = Vec::with_capacity(stored.len());
    let mut from = 0;
    for mark in marks {
        let to = mark + MARK.len();
        if stored.get(to) != Some(&APART) {
            return Err(TablesError::Damaged("a value holds the end of a commit".to_owned()));
        }
        value.extend_from_slice(&stored[from..to]);
        from = to + 1;
    }
    value.extend_from_slice(&stored[from..]);
    Ok(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back(value: &[u8]) {
        let stored = escaped(Bytes::copy_from_slice(value));
        assert!(memmem::find(&stored, b"FJL\x03").is_none(), "{value:?}");
        assert_eq!(unescaped(stored).expect("it was stored"), value);
    }

    #[test]
    fn every_value_comes_back_and_none_holds_the_end_of_a_commit() {
        let letters = [b'F', b'J', b'L', 0, 3];
        // Every word of up to six of these letters.
        for length in 0..=6 {
            for word in 0..letters.len().pow(length) {
                let letter = |place| letters[word / letters.len().pow(place) % letters.len()];
                comes_back(&(0..length).map(letter).collect::<Vec<u8>>());
            }
        }
    }

    #[test]
    fn most_values_are_not_copied() {
        let value = Bytes::from(vec![7; 1000]);
        let stored = escaped(value.clone());
        assert_eq!(stored.as_ptr(), value.as_ptr());
        assert_eq!(unescaped(stored).expect("it was stored").as_ptr(), value.as_ptr());
    }

    #[test]
    fn what_was_never_stored_is_damage() {
        for stored in [&b"FJL\x03"[..], b"FJL", b"FJL\x00FJLx"] {
            assert!(unescaped(Bytes::from_static(stored)).is_err(), "{stored:?}");
        }
    }
}
