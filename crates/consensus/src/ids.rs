//! Numbers and names that cross functions, each a type of its own.

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use std::cmp::Ordering;
use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The first one.
            pub const ZERO: Self = Self(0);

            /// The one after this; the largest stays as it is.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Encode for $name {
            fn encode(&self, writer: &mut Writer) {
                writer.u64(self.0);
            }
        }

        impl Decode for $name {
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(reader.u64()?))
            }
        }
    };
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub [u8; 32]);

        /// That of the bytes.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                words(&self.0).cmp(words(&other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl Encode for $name {
            fn encode(&self, writer: &mut Writer) {
                writer.raw(&self.0);
            }
        }

        impl Decode for $name {
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(reader.array()?))
            }
        }
    };
}

/// For comparisons: maps are searched by digests, and nearly always the first word tells.
fn words(digest: &[u8; 32]) -> impl Iterator<Item = u64> {
    digest.as_chunks().0.iter().copied().map(u64::from_be_bytes)
}

number! {
    /// Number of the configuration (members, policy, keys) in force.
    Epoch
}
number! {
    /// One leader's term; a correct server never goes back to a lower view.
    View
}
number! {
    /// A block's distance from the genesis block, which has height 0.
    Height
}
number! {
    /// A batch's number among the batches of its origin, contiguous from 0.
    Sequence
}
number! {
    /// A point in time or a duration in microseconds. The engine has no clock: [`crate::Now`] is
    /// passed in, and each of its two clocks compared only with values from the same source.
    Micros
}
number! {
    /// A place in the journal: the first record of a server has position 1, and each next record one
    /// more. 0 is "before the first record", which is always durable.
    JournalPosition
}

digest! {
    /// SHA-256 of the genesis document: the alliance's name everywhere.
    AllianceId
}
digest! {
    /// SHA-256 of the trust policy in force.
    PolicyDigest
}
digest! {
    /// SHA-256 of a block header. It covers the view, so a block is voted for in one view only.
    BlockHash
}
digest! {
    /// SHA-256 of something else: a batch, a payload, a log root.
    Digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_ordered_as_their_bytes() {
        let digest = |at: usize, byte: u8| {
            let mut bytes = [7; 32];
            bytes[at] = byte;
            Digest(bytes)
        };
        let digests: Vec<_> =
            (0..32).flat_map(|at| [0, 7, 8, 255].map(|byte| digest(at, byte))).collect();
        for one in &digests {
            for other in &digests {
                assert_eq!(one.cmp(other), one.0.cmp(&other.0), "{:?}, {:?}", one.0, other.0);
            }
        }
    }
}
