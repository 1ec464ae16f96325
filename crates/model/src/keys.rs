//! Modelled signatures: digests that name their signer. The model holds every key and signs only what
//! its actors may sign, so forging is out of the question by construction.

use ally_codec::Encode;
use ally_consensus::{
    Authenticator, CheckpointCertificate, Context, Judge, Message, SHARE_BYTES_MAX, Signed,
    Statement, signing_bytes,
};
use ally_policy::ServerIndex;
use sha2::{Digest, Sha256};

/// All keys of a modelled alliance.
#[derive(Debug, Clone, Copy)]
pub struct Keys;

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
pub fn combine(context: &Context, statement: &Statement) -> Vec<u8> {
    let bytes = signing_bytes(context, statement.kind(), &statement.content());
    digest(b"group", 0, &bytes).to_vec()
}

/// A server's share of that.
pub fn share(context: &Context, statement: &Statement, server: ServerIndex) -> Vec<u8> {
    let bytes = signing_bytes(context, statement.kind(), &statement.content());
    digest(b"share", server.0, &bytes).to_vec()
}

/// Signs a checkpoint in the alliance's name; whatever signature it has is replaced.
pub fn certify(context: &Context, certificate: CheckpointCertificate) -> CheckpointCertificate {
    let signature = checkpoint_signature(context, &certificate).to_vec();
    CheckpointCertificate { signature, ..certificate }
}

fn checkpoint_signature(context: &Context, certificate: &CheckpointCertificate) -> [u8; 32] {
    let unsigned = CheckpointCertificate { signature: Vec::new(), ..certificate.clone() };
    digest(b"alliance", 0, &signing_bytes(context, "checkpoint", &unsigned.to_bytes()))
}

/// Signs as the driver of a server does: share first, then the signature over all.
pub fn sign(
    context: &Context,
    signer: ServerIndex,
    slow_path: bool,
    mut body: Message,
) -> Signed<Message> {
    if let Some(statement) = body.share_statement(slow_path) {
        body.set_share(share(context, &statement, signer));
    }
    sign_as_is(context, signer, body)
}

/// Signs what is there, with whatever share it has.
pub fn sign_as_is(context: &Context, signer: ServerIndex, body: Message) -> Signed<Message> {
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
        checkpoint_signature(context, certificate)[..] == certificate.signature[..]
    }

    fn share_bytes_max(&self, _: ServerIndex, _: &Statement) -> usize {
        SHARE_BYTES_MAX
    }
}

impl Judge for Keys {
    fn statement_share(
        &self,
        context: &Context,
        statement: &Statement,
        server: ServerIndex,
        given: &[u8],
    ) -> bool {
        share(context, statement, server) == given
    }
}
