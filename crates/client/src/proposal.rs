//! A command on its way into the log.

use crate::{Error, Receipt, ReceiptFile};
use ally_proto::{Entry, Nonce, ProposalId};
use bytes::Bytes;

/// A command with the nonce that makes it this proposal and no other.
///
/// Keep it to be able to propose it again after a failure, also in another process: however often
/// and to however many servers a proposal is sent, state machines apply it once, as long as its
/// copies come within a million commands of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    entry: Entry,
    id: ProposalId,
}

impl Proposal {
    /// A new proposal of `command` (1 to 1,048,576 bytes), with a random nonce.
    ///
    /// # Errors
    /// [`Error::Command`] if the command is empty or too long; [`Error::Randomness`] if the
    /// operating system has none.
    pub fn new(command: &[u8]) -> Result<Self, Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| Error::Randomness(error.to_string()))?;
        Self::with_nonce(Nonce(nonce), command)
    }

    /// The proposal with this nonce: the same one each time.
    ///
    /// # Errors
    /// [`Error::Command`] if the command is empty or too long.
    pub fn with_nonce(nonce: Nonce, command: &[u8]) -> Result<Self, Error> {
        Ok(Self::from_entry(Entry::new(nonce, command)?))
    }

    /// The proposal that an entry of the log belongs to.
    pub fn from_entry(entry: Entry) -> Self {
        Self { id: entry.id(), entry }
    }

    /// Its name.
    pub fn id(&self) -> ProposalId {
        self.id
    }

    /// What is asked for.
    pub fn command(&self) -> Bytes {
        self.entry.command()
    }

    /// The receipt as a file to keep: it has the nonce in it.
    pub fn receipt_file(&self, receipt: Receipt) -> ReceiptFile {
        ReceiptFile { nonce: self.entry.nonce().0, receipt }
    }

    /// What the log will hold: `nonce (16) || command`. Receipts prove the inclusion of these bytes.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }
}
