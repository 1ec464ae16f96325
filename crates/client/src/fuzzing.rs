//! What is private and reads what servers send, for the fuzz targets. Not in a program.

use crate::listen::Verifier;
use crate::{Decided, Membership};
use ally_proto::v1::{Anchor, Block};

/// A listener without a connection: takes what a server streams.
#[derive(Debug)]
pub struct Stream(Verifier);

impl Stream {
    /// Listens from an entry on.
    pub fn new(membership: Membership, from: u64) -> Self {
        Self(Verifier::new(membership, from, true))
    }

    /// The stream begins, again or with another server.
    ///
    /// # Errors
    /// What the server is blamed for; so for the others.
    pub fn start(&mut self, frontier: &[u8]) -> Result<(), String> {
        self.0.start(frontier)
    }

    /// A block comes.
    ///
    /// # Errors
    /// As [`Stream::start`].
    pub fn block(&mut self, block: Block) -> Result<(), String> {
        self.0.block(block)
    }

    /// A proof comes; what the application is handed for it.
    ///
    /// # Errors
    /// As [`Stream::start`].
    pub fn anchor(&mut self, anchor: &Anchor) -> Result<Vec<Decided>, String> {
        self.0.anchor(anchor)
    }
}
