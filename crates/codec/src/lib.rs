//! Canonical, bounded byte encoding: one value, one encoding.
//!
//! Everything that Ally signs, hashes, stores or sends is written with [`Writer`] and read back
//! with [`Reader`]. The format is as plain as it gets: integers are little-endian and of fixed
//! width, byte strings and lists carry a `u32` length in front, options carry one byte `0` or `1`.
//! There are no varints, no field tags and no padding, so a value has exactly one encoding, and a
//! reader that accepts bytes would write the same bytes again.
//!
//! Owns: byte order, lengths, the check of a length *before* anything is allocated for it.
//! May not touch: I/O, cryptography, any type of the protocol.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod reader;
mod writer;

pub use reader::{DecodeError, Reader};
pub use writer::Writer;

use alloc::sync::Arc;
use alloc::vec::Vec;

/// A value with one canonical encoding.
pub trait Encode {
    /// Appends the encoding of `self`.
    fn encode(&self, writer: &mut Writer);

    /// The encoding as a fresh byte string.
    fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.encode(&mut writer);
        writer.into_bytes()
    }
}

/// A value that can be read back from its canonical encoding.
pub trait Decode: Sized {
    /// Reads one value from the front of `reader`.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not the canonical encoding of a value; the sender is to
    /// blame. Never panics, and holds memory in proportion to the bytes that are there, whatever
    /// lengths they claim.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads one value that takes up all of `bytes`.
    ///
    /// # Errors
    /// As [`Decode::decode`]; also when bytes are left over.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// Sharing does not show: the encoding is the value's.
impl<T: Encode> Encode for Arc<T> {
    fn encode(&self, writer: &mut Writer) {
        T::encode(self, writer);
    }
}

impl<T: Decode> Decode for Arc<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::decode(reader).map(Arc::new)
    }
}
