//! Everybody's public keys: what it takes to check what servers say.

use crate::combine::{combine_shares, share_holds};
use ally_alliance::keys::PreparedSigning;
use ally_alliance::{Alliance, KeyPurpose};
use ally_codec::Decode;
use ally_consensus::{
    Authenticator, CheckpointCertificate, Context, Judge, Statement, signing_bytes,
};
use ally_log::{Checkpoint, Origin, OriginError};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::{CertifyJudge, CertifyShare, CombineFailure, checkpoint};
use ally_threshold::{Blame, PublicKey, ShareProof, SignatureShare, verify_share};

/// Everybody's public keys: what it takes to check what servers say.
pub struct PublicKeys {
    /// The alliance, epoch and policy.
    pub context: Context,
    /// The first line of every checkpoint.
    pub origin: Origin,
    /// Each server's signing key, by index.
    pub servers: Vec<PreparedSigning>,
    /// The alliance's key: signs checkpoints.
    pub certify: PublicKey,
    /// Signs new views.
    pub kernel: PublicKey,
    /// Signs commits.
    pub quorum: PublicKey,
}

impl PublicKeys {
    /// The keys that an alliance document names.
    ///
    /// # Errors
    /// [`OriginError`] if the document's origin is none.
    pub fn of(alliance: &Alliance) -> Result<Self, OriginError> {
        Ok(Self {
            context: alliance.context(),
            origin: Origin::new(alliance.origin())?,
            servers: alliance
                .servers()
                .map(|(_, server)| PreparedSigning::new(*server.signing()))
                .collect(),
            certify: alliance.key(KeyPurpose::Certify).clone(),
            kernel: alliance.key(KeyPurpose::Kernel).clone(),
            quorum: alliance.key(KeyPurpose::Quorum).clone(),
        })
    }

    /// The checkpoint that a certificate of the engine speaks of.
    pub fn checkpoint(&self, certificate: &CheckpointCertificate) -> Checkpoint {
        let CheckpointCertificate { block, log_size, log_root, .. } = certificate;
        checkpoint(&self.origin, self.context.epoch, *block, *log_size, *log_root)
    }

    /// Combines shares of the alliance key; the signature is verified.
    ///
    /// # Errors
    /// [`CombineFailure`] names the culprits, or says that proofs are needed.
    pub fn combine_certificate(
        &self,
        checkpoint: &Checkpoint,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<Vec<u8>, CombineFailure> {
        let statement = checkpoint.statement();
        combine_shares(&self.certify, statement.as_bytes(), shares)
    }

    /// Combines shares for the engine; the signature is verified.
    ///
    /// # Errors
    /// The servers whose shares are bad.
    pub fn combine_statement(
        &self,
        statement: &Statement,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<Vec<u8>, ServerSet> {
        let key = self.statement_key(statement);
        let bytes = signing_bytes(&self.context, statement.kind(), &statement.content());
        combine_shares(key, &bytes, shares).map_err(|failure| match failure {
            CombineFailure::Culprits(servers) => servers,
            CombineFailure::Inconsistent => shares
                .iter()
                .filter(|(server, share)| !share_holds(key, &bytes, *server, share, &[]))
                .map(|(server, _)| *server)
                .collect(),
        })
    }

    /// Whether a share of the alliance key is right, given its proof (empty if it needs none).
    pub fn certify_share_holds(
        &self,
        checkpoint: &Checkpoint,
        server: ServerIndex,
        share: &[u8],
        proof: &[u8],
    ) -> bool {
        share_holds(&self.certify, checkpoint.statement().as_bytes(), server, share, proof)
    }

    pub(crate) fn statement_key(&self, statement: &Statement) -> &PublicKey {
        match statement {
            Statement::NewView { .. } => &self.kernel,
            Statement::Commit { .. } => &self.quorum,
        }
    }
}

impl Authenticator for PublicKeys {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        self.servers.get(signer.index()).is_some_and(|key| key.verify(bytes, signature))
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        let bytes = signing_bytes(context, statement.kind(), &statement.content());
        *context == self.context && self.statement_key(statement).verify(&bytes, signature)
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        let statement = self.checkpoint(certificate).statement();
        *context == self.context
            && self.certify.verify(statement.as_bytes(), &certificate.signature)
    }

    fn share_bytes_max(&self, signer: ServerIndex, statement: &Statement) -> usize {
        self.statement_key(statement).share_bytes(signer)
    }
}

impl Judge for PublicKeys {
    fn statement_share(
        &self,
        context: &Context,
        statement: &Statement,
        server: ServerIndex,
        share: &[u8],
    ) -> bool {
        let bytes = signing_bytes(context, statement.kind(), &statement.content());
        share_holds(self.statement_key(statement), &bytes, server, share, &[])
    }
}

impl CertifyJudge for PublicKeys {
    fn is_wrong(
        &self,
        context: &Context,
        server: ServerIndex,
        share: &CertifyShare,
        proof: Option<&[u8]>,
    ) -> bool {
        let CertifyShare { block, log_size, log_root, .. } = share;
        let checkpoint = checkpoint(&self.origin, context.epoch, *block, *log_size, *log_root);
        let Ok(given) = SignatureShare::from_bytes(&share.share) else { return true };
        let shown = proof.and_then(|bytes| ShareProof::from_bytes(bytes).ok());
        let statement = checkpoint.statement();
        match verify_share(&self.certify, statement.as_bytes(), server, &given, shown.as_ref()) {
            Ok(()) | Err(Blame::Encoding(_)) => false,
            // What it signed in place of a proof is none.
            Err(Blame::NoProof) => proof.is_some(),
            Err(_) => true,
        }
    }
}
