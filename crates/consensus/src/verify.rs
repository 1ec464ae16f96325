//! From bytes on the wire to a message that the engine may believe was said.

use crate::{CheckpointCertificate, Context, Message, Signed, Statement};
use ally_policy::ServerIndex;

/// The primitives behind [`Verified`]: whoever holds the public keys implements this. The engine
/// never sees a key.
pub trait Authenticator {
    /// Whether `signature` is the server's on `bytes` ([`crate::signing_bytes`]).
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool;

    /// Whether `signature` is the kernel key's (new view) or the quorum key's (commit) on it.
    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool;

    /// Whether the alliance key signed the checkpoint statement of this block.
    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool;
}

/// A message of which every signature and certificate was checked, the nested ones too, and whose
/// shape is right: leaders sign their own views only, chains link, limits are kept. Whether it makes
/// sense *now* is the engine's business.
#[derive(Debug, Clone)]
pub struct Verified {
    message: Signed<Message>,
}

impl Verified {
    /// Who said it.
    pub fn sender(&self) -> ServerIndex {
        self.message.signer
    }

    /// What was said.
    pub fn message(&self) -> &Signed<Message> {
        &self.message
    }

    /// Takes it apart.
    pub fn into_inner(self) -> Signed<Message> {
        self.message
    }
}
