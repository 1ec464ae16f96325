//! Entries: what the log holds for one proposal.

use crate::limits::{COMMAND_BYTES_MAX, ENTRY_BYTES_MAX};
use ally_log::{Hash, NONCE_BYTES, leaf_hash};
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt;

/// What makes two equal commands two proposals. A client draws one at random for each proposal and
/// keeps it for every retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(pub [u8; NONCE_BYTES]);

/// A proposal's name: the RFC 6962 leaf hash of its [`Entry`].
///
/// Whoever gets the same id ordered has ordered the same command, so no member can take the id of
/// another's proposal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposalId(pub Hash);

/// Lower-case hexadecimal, 64 digits.
impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One entry of the log: `nonce (16) || command (1..=1048576)`.
///
/// Receipts prove the inclusion of these bytes. Cloning shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry(Bytes);

impl Entry {
    /// The entry of a new proposal.
    ///
    /// # Errors
    /// [`EntryError`] if the command is empty or too long.
    pub fn new(nonce: Nonce, command: &[u8]) -> Result<Self, EntryError> {
        // Checked first, so that nothing is copied in vain.
        check_length(NONCE_BYTES.saturating_add(command.len()))?;
        let mut bytes = BytesMut::with_capacity(NONCE_BYTES + command.len());
        bytes.put_slice(&nonce.0);
        bytes.put_slice(command);
        Ok(Self(bytes.freeze()))
    }

    /// Takes bytes for an entry, without a copy.
    ///
    /// # Errors
    /// [`EntryError`] if they are too few or too many; whoever sent them is to blame.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, EntryError> {
        check_length(bytes.len())?;
        Ok(Self(bytes))
    }

    /// What makes it differ from other entries with the same command.
    pub fn nonce(&self) -> Nonce {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&self.0[..NONCE_BYTES]);
        Nonce(nonce)
    }

    /// The command. Shares the entry's memory.
    pub fn command(&self) -> Bytes {
        self.0.slice(NONCE_BYTES..)
    }

    /// The whole entry as the log holds it.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The whole entry as the log holds it.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The proposal's name.
    ///
    /// # Cost
    /// Hashes the entry.
    pub fn id(&self) -> ProposalId {
        ProposalId(leaf_hash(&self.0))
    }
}

/// Why bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Nothing after the nonce.
    #[error("the command is empty")]
    Empty,
    /// Longer than the log takes.
    #[error("the command has {bytes} bytes, the limit is {COMMAND_BYTES_MAX}")]
    TooLong {
        /// Length of the command.
        bytes: usize,
    },
}

fn check_length(entry_bytes: usize) -> Result<(), EntryError> {
    match entry_bytes {
        0..=NONCE_BYTES => Err(EntryError::Empty),
        length if length > ENTRY_BYTES_MAX => {
            Err(EntryError::TooLong { bytes: length - NONCE_BYTES })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_nonce_and_a_command() {
        let entry = Entry::new(Nonce([7; 16]), b"set 5").expect("a short command");
        assert_eq!(
            &entry.as_bytes()[..],
            b"\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07set 5"
        );
        assert_eq!((entry.nonce(), &entry.command()[..]), (Nonce([7; 16]), &b"set 5"[..]));
        assert_eq!(Entry::from_bytes(entry.as_bytes().clone()), Ok(entry));
    }

    #[test]
    fn lengths_are_checked_at_both_ends() {
        let nonce = Nonce([0; 16]);
        assert_eq!(Entry::new(nonce, b""), Err(EntryError::Empty));
        assert_eq!(Entry::from_bytes(Bytes::from_static(b"short")), Err(EntryError::Empty));
        assert!(Entry::new(nonce, &vec![0; COMMAND_BYTES_MAX]).is_ok());
        let long = vec![0; ENTRY_BYTES_MAX + 1];
        let expected = EntryError::TooLong { bytes: COMMAND_BYTES_MAX + 1 };
        assert_eq!(Entry::new(nonce, &long[NONCE_BYTES..]), Err(expected));
        assert_eq!(Entry::from_bytes(Bytes::from(long)), Err(expected));
    }

    #[test]
    fn another_nonce_is_another_proposal() {
        let ids = [1, 2].map(|n| Entry::new(Nonce([n; 16]), b"pay 5").expect("short").id());
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[0], Entry::new(Nonce([1; 16]), b"pay 5").expect("short").id());
    }
}
