//! What liars sign with.

use ally_consensus::{Context, Statement};
use ally_log::Checkpoint;
use ally_policy::{ServerIndex, ServerSet};

/// What nobody signed.
const UNSIGNED: [u8; 16] = [7; 16];

/// The keys of some servers, and of nobody else: what a coalition can sign is what its members could.
///
/// Implementations panic when they are asked for the key of a server that is not among
/// [`Keys::servers`]: an actor that forges is a bug of whoever drives it.
pub trait Keys: Send {
    /// Whose keys these are.
    fn servers(&self) -> &ServerSet;

    /// A server's signature of these bytes.
    fn sign(&self, server: ServerIndex, bytes: &[u8]) -> [u8; 64];

    /// A server's share on a statement of the engine.
    fn share(&self, server: ServerIndex, context: &Context, statement: &Statement) -> Vec<u8>;

    /// What shares on a statement of the engine combine to; none if some of them are wrong. Takes no
    /// key: anybody can do that who has the shares.
    ///
    /// Whoever gave them must be enough for the statement: a kernel for a new view, a quorum for a
    /// commit.
    fn combine(
        &self,
        context: &Context,
        statement: &Statement,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Option<Vec<u8>>;

    /// A server's share of the alliance key on a checkpoint; empty if it has none.
    fn certify_share(&self, server: ServerIndex, checkpoint: &Checkpoint) -> Vec<u8>;

    /// A certificate as it may exist under another epoch or policy of the same servers. Any may, so
    /// anybody may have it; who knows of none gives something that nobody signed.
    fn foreign_certificate(&self, _context: &Context, _statement: &Statement) -> Vec<u8> {
        UNSIGNED.to_vec()
    }

    /// As [`Keys::foreign_certificate`], on a block and its log in another epoch.
    fn foreign_checkpoint(&self, _checkpoint: &Checkpoint) -> Vec<u8> {
        UNSIGNED.to_vec()
    }
}
