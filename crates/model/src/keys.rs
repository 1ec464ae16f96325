//! Modelled signatures: digests that name their signer. The model holds every key and signs only what
//! its actors may sign, so forging is out of the question by construction.

use ally_codec::Encode;
use ally_consensus::{
    Authenticator, CheckpointCertificate, Context, Message, Signed, Statement, signing_bytes,
};
use ally_policy::ServerIndex;
use sha2::{Digest, Sha256};

/// All keys of a modelled alliance.
pub(crate) struct Keys;

fn digest(kind: &[u8], signer: u16, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(kind);
    hasher.update(signer.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize().into()
}

fn signature(signer: ServerIndex, bytes: &[u8]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&digest(b"server", signer.0, bytes));
    signature
}

/// What the shares of enough servers combine to.
pub(crate) fn combine(context: &Context, statement: &Statement) -> Vec<u8> {
    let bytes = signing_bytes(context, statement.kind(), &statement.content());
    digest(b"group", 0, &bytes).to_vec()
}

/// Signs as the driver of a server does: share first, then the signature over all.
pub(crate) fn sign(
    context: &Context,
    signer: ServerIndex,
    slow_path: bool,
    mut body: Message,
) -> Signed<Message> {
    if let Some(statement) = body.share_statement(slow_path) {
        let bytes = signing_bytes(context, statement.kind(), &statement.content());
        body.set_share(digest(b"share", signer.0, &bytes).to_vec());
    }
    let signature = match body.signed_kind() {
        None => [0; 64],
        Some(kind) => signature(signer, &signing_bytes(context, kind, &body.signed_content())),
    };
    Signed { signer, signature, body }
}

impl Authenticator for Keys {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], said: &[u8; 64]) -> bool {
        signature(signer, bytes) == *said
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        combine(context, statement) == signature
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        let unsigned = CheckpointCertificate { signature: Vec::new(), ..certificate.clone() };
        let bytes = signing_bytes(context, "checkpoint", &unsigned.to_bytes());
        digest(b"alliance", 0, &bytes)[..] == certificate.signature[..]
    }
}
