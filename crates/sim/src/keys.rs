//! Modelled cryptography: signatures and threshold shares that nobody can forge.
//!
//! A signature is a hash over a secret of the world, the signer and the bytes. Only [`KeyTable::sign`]
//! makes one, and a Byzantine actor is handed a [`Signer`] that signs for its own coalition only.
//! Policies are evaluated for real: a threshold signature exists only if the shares that were given
//! satisfy the formula.

use crate::policy::Policy;
use ally_consensus::{
    Authenticator, CheckpointCertificate, Context, Quorums, Statement, signing_bytes,
};
use ally_policy::{ServerIndex, ServerSet};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// All keys of a world.
pub struct KeyTable {
    secret: [u8; 32],
    policy: Arc<Policy>,
}

/// The keys of some servers: of one honest server, or of a coalition.
#[derive(Clone)]
pub struct Signer {
    table: Arc<KeyTable>,
    servers: ServerSet,
}

impl KeyTable {
    /// The keys of a world with this policy.
    pub fn new(secret: [u8; 32], policy: Arc<Policy>) -> Arc<Self> {
        Arc::new(Self { secret, policy })
    }

    /// The keys of `servers` only.
    pub fn signer(self: &Arc<Self>, servers: ServerSet) -> Signer {
        Signer { table: Arc::clone(self), servers }
    }

    /// Combines shares on a statement: the signature, or the servers whose shares are bad.
    pub fn combine(
        &self,
        context: &Context,
        statement: &Statement,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<Vec<u8>, ServerSet> {
        let bytes = statement_bytes(context, statement);
        let good =
            |(server, share): &&(ServerIndex, Vec<u8>)| *share == self.share(*server, &bytes);
        let givers: ServerSet = shares.iter().filter(good).map(|(server, _)| *server).collect();
        let enough = match statement {
            Statement::NewView { .. } => self.policy.is_kernel(&givers),
            Statement::Commit { .. } => self.policy.is_quorum(&givers),
        };
        if enough {
            return Ok(self.mark("statement", &[], &bytes));
        }
        Err(shares.iter().map(|(server, _)| *server).filter(|s| !givers.contains(*s)).collect())
    }

    /// The alliance's signature on a checkpoint, if the servers that hold it decided are enough.
    pub fn certify(
        &self,
        context: &Context,
        certificate: &CheckpointCertificate,
        givers: &ServerSet,
    ) -> Option<Vec<u8>> {
        self.policy
            .is_certify_set(givers)
            .then(|| self.mark("checkpoint", &[], &checkpoint_bytes(context, certificate)))
    }

    fn share(&self, server: ServerIndex, bytes: &[u8]) -> Vec<u8> {
        self.mark("share", &server.0.to_le_bytes(), bytes)
    }

    fn mark(&self, kind: &str, signer: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Sha256::new();
        hasher.update(self.secret);
        hasher.update(kind.as_bytes());
        hasher.update(signer);
        hasher.update(bytes);
        hasher.finalize().to_vec()
    }
}

impl Signer {
    /// Signs for one of the servers it holds keys of.
    ///
    /// # Panics
    /// If it does not hold that server's key: an actor that forges is a bug of the simulator.
    pub fn sign(&self, server: ServerIndex, bytes: &[u8]) -> [u8; 64] {
        assert!(self.servers.contains(server), "{server} is not in this coalition");
        let mut signature = [0; 64];
        let mark = self.table.mark("signature", &server.0.to_le_bytes(), bytes);
        signature[..32].copy_from_slice(&mark);
        signature
    }

    /// A server's share on a statement.
    ///
    /// # Panics
    /// As [`Signer::sign`].
    pub fn share(&self, server: ServerIndex, context: &Context, statement: &Statement) -> Vec<u8> {
        assert!(self.servers.contains(server), "{server} is not in this coalition");
        self.table.share(server, &statement_bytes(context, statement))
    }

    /// Whose keys these are.
    pub fn servers(&self) -> &ServerSet {
        &self.servers
    }
}

impl Authenticator for KeyTable {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        signature[..32] == self.mark("signature", &signer.0.to_le_bytes(), bytes)
            && signature[32..] == [0; 32]
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        signature == self.mark("statement", &[], &statement_bytes(context, statement))
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        certificate.signature
            == self.mark("checkpoint", &[], &checkpoint_bytes(context, certificate))
    }
}

fn statement_bytes(context: &Context, statement: &Statement) -> Vec<u8> {
    signing_bytes(context, statement.kind(), &statement.content())
}

fn checkpoint_bytes(context: &Context, certificate: &CheckpointCertificate) -> Vec<u8> {
    use ally_codec::Writer;
    let mut writer = Writer::new();
    writer.value(&certificate.block).u64(certificate.log_size).value(&certificate.log_root);
    signing_bytes(context, "checkpoint", writer.as_bytes())
}
