//! Modelled signatures: a digest over the signer's name and the bytes. Tests that forge simply do
//! not know how; that is all the strength that is needed here.

use ally_codec::Encode;
use ally_consensus::{
    Authenticator, CheckpointCertificate, Context, Judge, Message, Signed, Statement, signing_bytes,
};
use ally_policy::ServerIndex;
use sha2::{Digest as _, Sha256};

/// How long every share is.
pub const SHARE_BYTES: usize = 32;

/// Every key of a test alliance.
pub struct Keys;

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn sign_bytes(signer: ServerIndex, bytes: &[u8]) -> [u8; 64] {
    let half = digest(&[b"server", &signer.0.to_le_bytes(), bytes]);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&half);
    signature[32..].copy_from_slice(&half);
    signature
}

/// What combining a kernel's or a quorum's shares gives.
pub fn combine(context: &Context, statement: &Statement) -> Vec<u8> {
    digest(&[b"group", &signing_bytes(context, statement.kind(), &statement.content())]).to_vec()
}

/// One server's share.
pub fn share(context: &Context, statement: &Statement, server: ServerIndex) -> Vec<u8> {
    let bytes = signing_bytes(context, statement.kind(), &statement.content());
    digest(&[b"share", &server.0.to_le_bytes(), &bytes]).to_vec()
}

/// The alliance's signature on a decided block.
pub fn certify(context: &Context, header: &ally_consensus::BlockHeader) -> CheckpointCertificate {
    let mut certificate = CheckpointCertificate {
        block: header.block_ref(),
        log_size: header.log_size,
        log_root: header.log_root,
        signature: Vec::new(),
    };
    certificate.signature = checkpoint_signature(context, &certificate);
    certificate
}

fn checkpoint_signature(context: &Context, certificate: &CheckpointCertificate) -> Vec<u8> {
    let unsigned = CheckpointCertificate { signature: Vec::new(), ..certificate.clone() };
    let bytes = unsigned.to_bytes();
    digest(&[b"alliance", &signing_bytes(context, "checkpoint", &bytes)]).to_vec()
}

/// Signs as the driver of a server does: share first, then the signature over all.
pub fn sign(
    context: &Context,
    signer: ServerIndex,
    slow_path: bool,
    spoil: bool,
    mut body: Message,
) -> Signed<Message> {
    if let Some(statement) = body.share_statement(slow_path) {
        let share = share(context, &statement, signer);
        body.set_share(if spoil { vec![0] } else { share });
    }
    sign_as_is(context, signer, body)
}

/// Signs what is there, with whatever share it has.
pub fn sign_as_is(context: &Context, signer: ServerIndex, body: Message) -> Signed<Message> {
    let signature = match body.signed_kind() {
        None => [0; 64],
        Some(kind) => sign_bytes(signer, &signing_bytes(context, kind, &body.signed_content())),
    };
    Signed { signer, signature, body }
}

impl Authenticator for Keys {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        sign_bytes(signer, bytes) == *signature
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        combine(context, statement) == signature
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        checkpoint_signature(context, certificate) == certificate.signature
    }

    fn share_bytes_max(&self, _: ServerIndex, _: &Statement) -> usize {
        SHARE_BYTES
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
