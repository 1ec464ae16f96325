//! Reading: takes bytes from the front and checks every length before anything is allocated.

use crate::Decode;
use alloc::vec::Vec;
use core::fmt;

/// Why bytes are not the encoding of a value. The sender (or the disk) is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The value goes on after the last byte.
    Truncated {
        /// Bytes the next field needs.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A length or a count is above its limit.
    TooLong {
        /// What the bytes claim.
        claimed: usize,
        /// What is allowed here.
        limit: usize,
    },
    /// Bytes are left after the value.
    TrailingBytes {
        /// How many.
        left: usize,
    },
    /// A field holds a value that this type does not have.
    Invalid(
        /// Which field, and what is wrong with it.
        &'static str,
    ),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, left } => {
                write!(f, "truncated: the next field needs {needed} bytes, {left} are left")
            }
            Self::TooLong { claimed, limit } => {
                write!(f, "too long: {claimed} claimed, at most {limit} allowed")
            }
            Self::TrailingBytes { left } => write!(f, "{left} bytes left after the value"),
            Self::Invalid(what) => write!(f, "invalid {what}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Takes an encoding apart from front to back.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Takes `length` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(DecodeError::Truncated { needed: length, left: self.rest.len() }),
        }
    }

    /// Takes `N` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.raw(N)?);
        Ok(array)
    }

    /// Takes one byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Takes two bytes, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Takes four bytes, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Takes eight bytes, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Takes `length (4, LE) || bytes` of at most `limit` bytes.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] above the limit, [`DecodeError::Truncated`].
    pub fn bytes(&mut self, limit: usize) -> Result<&'a [u8], DecodeError> {
        let length = self.length(limit)?;
        self.raw(length)
    }

    /// Takes `count (4, LE)` and that many items, at most `limit`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] above the limit; whatever an item fails with.
    pub fn list<T: Decode>(&mut self, limit: usize) -> Result<Vec<T>, DecodeError> {
        let count = self.length(limit)?;
        // No more is set aside for a claim than there are bytes behind it.
        let mut items = Vec::with_capacity(count.min(self.left() / size_of::<T>().max(1)));
        for _ in 0..count {
            items.push(T::decode(self)?);
        }
        Ok(items)
    }

    /// Takes an option: `0`, or `1` and the value.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] on any other first byte; whatever the value fails with.
    pub fn option<T: Decode>(&mut self) -> Result<Option<T>, DecodeError> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(T::decode(self)?)),
            _ => Err(DecodeError::Invalid("option tag")),
        }
    }

    /// Takes one value.
    ///
    /// # Errors
    /// Whatever the value fails with.
    pub fn value<T: Decode>(&mut self) -> Result<T, DecodeError> {
        T::decode(self)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`] if anything is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes { left: self.rest.len() })
        }
    }

    fn length(&mut self, limit: usize) -> Result<usize, DecodeError> {
        let claimed = self.u32()? as usize;
        if claimed > limit {
            return Err(DecodeError::TooLong { claimed, limit });
        }
        Ok(claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encode, Writer};

    #[derive(Debug, PartialEq)]
    struct Number(u16);

    impl Encode for Number {
        fn encode(&self, writer: &mut Writer) {
            writer.u16(self.0);
        }
    }

    impl Decode for Number {
        fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
            Ok(Self(reader.u16()?))
        }
    }

    #[test]
    fn every_field_comes_back() {
        let mut writer = Writer::new();
        writer.u8(1).u16(2).u32(3).u64(4).raw(&[5, 6]).bytes(b"seven");
        writer.list(&[Number(8), Number(9)]).option(Some(&Number(10))).option::<Number>(None);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(2));
        assert_eq!(reader.u32(), Ok(3));
        assert_eq!(reader.u64(), Ok(4));
        assert_eq!(reader.array(), Ok([5, 6]));
        assert_eq!(reader.bytes(5), Ok(&b"seven"[..]));
        assert_eq!(reader.list(2), Ok(alloc::vec![Number(8), Number(9)]));
        assert_eq!(reader.option(), Ok(Some(Number(10))));
        assert_eq!(reader.option::<Number>(), Ok(None));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_length_is_checked_before_it_is_believed() {
        let claimed = u32::MAX.to_le_bytes();
        assert_eq!(
            Reader::new(&claimed).bytes(100),
            Err(DecodeError::TooLong { claimed: u32::MAX as usize, limit: 100 })
        );
        assert_eq!(
            Reader::new(&claimed).list::<Number>(usize::MAX),
            Err(DecodeError::Truncated { needed: 2, left: 0 })
        );
    }

    #[test]
    fn bytes_left_over_and_unknown_tags_are_refused() {
        assert_eq!(Number::from_bytes(&[1, 0, 9]), Err(DecodeError::TrailingBytes { left: 1 }));
        assert_eq!(Reader::new(&[2]).option::<Number>(), Err(DecodeError::Invalid("option tag")));
        assert_eq!(Number::from_bytes(&[1]), Err(DecodeError::Truncated { needed: 2, left: 1 }));
    }
}
