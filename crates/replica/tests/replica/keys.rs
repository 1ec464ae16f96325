//! Modelled keys: a signature is a hash over the signer's name. Nobody forges one in these tests but
//! by asking for it.

use ally_consensus::{
    Authenticator, CheckpointCertificate, Context, Judge, Statement, signing_bytes,
};
use ally_log::{Checkpoint, Hash, Origin};
use ally_policy::ServerIndex;
use ally_replica::{CertifyJudge, CertifyShare};
use sha2::{Digest as _, Sha256};

pub const ORIGIN: &str = "example.org/test";

/// How long every share is.
const SHARE_BYTES: usize = 32;

/// Everybody's public keys.
#[derive(Debug, Clone)]
pub struct Keys;

pub fn sign(signer: ServerIndex, bytes: &[u8]) -> [u8; 64] {
    let half = digest(&[b"sign", &signer.0.to_le_bytes(), bytes]);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&half);
    signature
}

pub fn share(server: ServerIndex, statement: &[u8]) -> Vec<u8> {
    digest(&[b"share", &server.0.to_le_bytes(), statement]).to_vec()
}

pub fn combined(statement: &[u8]) -> Vec<u8> {
    digest(&[b"combined", statement]).to_vec()
}

pub fn statement_bytes(context: &Context, statement: &Statement) -> Vec<u8> {
    signing_bytes(context, statement.kind(), &statement.content())
}

pub fn checkpoint_of(context: &Context, certificate: &CheckpointCertificate) -> Checkpoint {
    Checkpoint {
        origin: Origin::new(ORIGIN).unwrap(),
        log_size: certificate.log_size,
        log_root: Hash(certificate.log_root.0),
        epoch: context.epoch.0,
        height: certificate.block.height.0,
        block: Hash(certificate.block.hash.0),
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl Authenticator for Keys {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        sign(signer, bytes) == *signature
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        combined(&statement_bytes(context, statement)) == signature
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        let statement = checkpoint_of(context, certificate).statement();
        combined(statement.as_bytes()) == certificate.signature
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
        share(server, &statement_bytes(context, statement)) == given
    }
}

/// A scheme whose shares prove themselves only beside a proof: the share over again.
impl CertifyJudge for Keys {
    fn is_wrong(
        &self,
        context: &Context,
        server: ServerIndex,
        given: &CertifyShare,
        proof: Option<&[u8]>,
    ) -> bool {
        let CertifyShare { block, log_size, log_root, .. } = *given;
        let signature = Vec::new();
        let certificate = CheckpointCertificate { block, log_size, log_root, signature };
        let right = share(server, checkpoint_of(context, &certificate).statement().as_bytes());
        proof.is_some_and(|proof| given.share != right || proof != right)
    }
}
