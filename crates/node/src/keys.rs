//! The keys of a running server: everybody's public ones, and its own secrets.

use ally_alliance::keys::{PreparedSigning, SigningKey};
use ally_alliance::{Alliance, KeyPurpose};
use ally_codec::{Decode, Encode};
use ally_consensus::{
    Authenticator, CheckpointCertificate, Context, Judge, Statement, signing_bytes,
};
use ally_log::{Checkpoint, Hash, Origin, OriginError};
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::{CertifyJudge, CertifyShare, CombineFailure};
use ally_threshold::{
    Blame, CombineError, KeyShare, PublicKey, ShareProof, SignatureShare, combine, verify_share,
};

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

/// One server's secrets.
pub struct OwnKeys {
    /// Which server.
    pub me: ServerIndex,
    /// Signs what it says.
    pub signing: SigningKey,
    /// Its share of [`PublicKeys::certify`]; none if the formula does without this server.
    pub certify: Option<KeyShare>,
    /// Its share of [`PublicKeys::kernel`].
    pub kernel: KeyShare,
    /// Its share of [`PublicKeys::quorum`].
    pub quorum: KeyShare,
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
        Checkpoint {
            origin: self.origin.clone(),
            log_size: certificate.log_size,
            log_root: Hash(certificate.log_root.0),
            epoch: self.context.epoch.0,
            height: certificate.block.height.0,
            block: Hash(certificate.block.hash.0),
        }
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

    fn statement_key(&self, statement: &Statement) -> &PublicKey {
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
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            log_size: share.log_size,
            log_root: Hash(share.log_root.0),
            epoch: context.epoch.0,
            height: share.block.height.0,
            block: Hash(share.block.hash.0),
        };
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

impl OwnKeys {
    /// This server's share on a statement of the engine.
    ///
    /// # Panics
    /// If the share does not belong to the alliance's key: loading the keys checks that.
    pub fn statement_share(&self, keys: &PublicKeys, statement: &Statement) -> Vec<u8> {
        let own = match statement {
            Statement::NewView { .. } => &self.kernel,
            Statement::Commit { .. } => &self.quorum,
        };
        let bytes = signing_bytes(&keys.context, statement.kind(), &statement.content());
        let share = own.sign(keys.statement_key(statement), &bytes);
        share.expect("key shares are checked against the document at the start").to_bytes()
    }

    /// This server's share of the alliance key on a checkpoint; `None` if it has no part in it.
    ///
    /// # Panics
    /// As [`OwnKeys::statement_share`].
    pub fn certify_share(&self, keys: &PublicKeys, checkpoint: &Checkpoint) -> Option<Vec<u8>> {
        let own = self.certify.as_ref()?;
        let share = own.sign(&keys.certify, checkpoint.statement().as_bytes());
        Some(share.expect("key shares are checked against the document at the start").to_bytes())
    }

    /// The proof that a share given before is right; empty if the scheme's shares prove themselves,
    /// or if the share is not this server's.
    pub fn prove_certify_share(
        &self,
        keys: &PublicKeys,
        checkpoint: &Checkpoint,
        share: &[u8],
    ) -> Vec<u8> {
        let (Some(own), Ok(share)) = (&self.certify, SignatureShare::from_bytes(share)) else {
            return Vec::new();
        };
        let statement = checkpoint.statement();
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let proof = own.prove(&keys.certify, statement.as_bytes(), &share, &mut rng);
        proof.map_or_else(|_| Vec::new(), |proof| proof.to_bytes())
    }
}

/// Combines shares of contributors who satisfy the key's formula.
///
/// # Errors
/// [`CombineFailure`]: some of the shares are wrong.
///
/// # Panics
/// If the contributors do not satisfy the formula. They are counted by the policy's formulas, which
/// are the keys' (the document was checked for that): that they do not is this server's fault, and to
/// ask anybody for proofs, as for a wrong share, would accuse the others of it.
fn combine_shares(
    key: &PublicKey,
    message: &[u8],
    shares: &[(ServerIndex, Vec<u8>)],
) -> Result<Vec<u8>, CombineFailure> {
    let mut decoded = Vec::with_capacity(shares.len());
    let mut culprits = ServerSet::EMPTY;
    for (server, share) in shares {
        match SignatureShare::from_bytes(share) {
            Ok(share) => decoded.push((*server, share)),
            Err(_) => {
                culprits.insert(*server);
            }
        }
    }
    if !culprits.is_empty() {
        return Err(CombineFailure::Culprits(culprits));
    }
    combine(key, message, &decoded).map_err(|error| match error {
        CombineError::Refused { culprits } => {
            CombineFailure::Culprits(culprits.into_iter().map(|(server, _)| server).collect())
        }
        CombineError::Inconsistent { .. } => CombineFailure::Inconsistent,
        own => panic!("shares that cannot make a signature were to be combined: {own}"),
    })
}

fn share_holds(
    key: &PublicKey,
    message: &[u8],
    server: ServerIndex,
    share: &[u8],
    proof: &[u8],
) -> bool {
    let Ok(share) = SignatureShare::from_bytes(share) else { return false };
    let proof = ShareProof::from_bytes(proof).ok();
    verify_share(key, message, server, &share, proof.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_policy::Formula;
    use ally_threshold::{Scheme, deal};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// A key of two out of three, and everybody's share on a message.
    fn two_of_three() -> (PublicKey, Vec<(ServerIndex, Vec<u8>)>) {
        let leaves = (0..3).map(|index| Formula::Leaf(ServerIndex(index))).collect();
        let formula = Formula::gate(2, leaves).expect("2 of 3");
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let dealt = deal(Scheme::Bls12381, &formula, 0, &mut rng, &()).expect("dealt");
        let share = |own: &KeyShare| own.sign(&dealt.public, b"message").expect("ours").to_bytes();
        let shares = dealt.shares.iter().map(|own| (own.server(), share(own))).collect();
        (dealt.public, shares)
    }

    #[test]
    fn shares_of_a_quorum_combine_and_wrong_ones_name_who_gave_them() {
        let (key, mut shares) = two_of_three();
        let signature = combine_shares(&key, b"message", &shares[..2]).expect("a quorum");
        assert!(key.verify(b"message", &signature));
        shares[1].1 = shares[2].1.clone();
        let failure = combine_shares(&key, b"message", &shares[..2]).expect_err("a wrong share");
        assert_eq!(failure, CombineFailure::Culprits([ServerIndex(1)].into_iter().collect()));
    }

    #[test]
    #[should_panic = "not enough shares"]
    fn too_few_shares_are_nobody_elses_fault() {
        let (key, shares) = two_of_three();
        _ = combine_shares(&key, b"message", &shares[..1]);
    }
}
