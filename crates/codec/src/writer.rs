//! Writing: appends fixed-width integers and length-prefixed byte strings.

use crate::Encode;
use alloc::vec::Vec;

/// Room that is set aside at once, in bytes: most encodings (headers, votes, what is signed) fit.
const ROOM: usize = 256;

/// Builds an encoding from front to back.
pub struct Writer {
    bytes: Vec<u8>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Writer {
    /// An empty encoding.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty encoding that will have about so many bytes: for what is long, or kept for long.
    pub fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }

    /// Appends two bytes, little-endian.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// Appends four bytes, little-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// Appends eight bytes, little-endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// Appends bytes whose length the reader knows (digests, keys, tags).
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends `length (4, LE) || bytes`.
    ///
    /// # Panics
    /// If `bytes` is 4 GiB or longer; every caller has a far smaller limit of its own.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len());
        self.raw(bytes)
    }

    /// Appends `count (4, LE)` and then each item.
    ///
    /// # Panics
    /// If there are 2^32 items or more; every caller has a far smaller limit of its own.
    pub fn list<T: Encode>(&mut self, items: &[T]) -> &mut Self {
        self.length(items.len());
        for item in items {
            item.encode(self);
        }
        self
    }

    /// Appends `0`, or `1` and the value.
    pub fn option<T: Encode>(&mut self, value: Option<&T>) -> &mut Self {
        match value {
            None => self.u8(0),
            Some(value) => {
                self.u8(1);
                value.encode(self);
                self
            }
        }
    }

    /// Appends one value.
    pub fn value<T: Encode>(&mut self, value: &T) -> &mut Self {
        value.encode(self);
        self
    }

    /// Bytes written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The finished encoding.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn length(&mut self, length: usize) {
        self.u32(u32::try_from(length).expect("lengths are bounded far below 4 GiB"));
    }
}
