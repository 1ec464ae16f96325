//! Real cryptography: the server's own code, with keys that follow from the policy.

use super::test_rsa;
use ally_alliance::KeyPurpose;
use ally_alliance::keys::{PreparedSigning, SigningKey};
use ally_consensus::{CheckpointCertificate, Context, Statement};
use ally_keyring::{OwnKeys, PublicKeys};
use ally_log::{Certificate, CertificateVerifier, Checkpoint, Origin};
use ally_policy::{ServerIndex, TrustPolicy};
use ally_threshold::{Dealt, KeyShare, Scheme, VerifyingKey, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Alliances whose keys are kept for the next run.
const KEPT_MAX: usize = 16;

/// All keys of an alliance, public and secret.
pub struct RealKeys {
    pub(super) public: PublicKeys,
    own: Vec<OwnKeys>,
}

impl RealKeys {
    /// The keys of an alliance: the same each time. Those for checkpoints are RSA if `rsa` is wanted
    /// and there are test keys for its formula ([`test_rsa::deal`]); all others are BLS.
    ///
    /// # Cost
    /// A few milliseconds for each server the first time.
    pub fn of(policy: &TrustPolicy, context: Context, origin: &Origin, rsa: bool) -> Arc<Self> {
        type Kept = Mutex<BTreeMap<([u8; 32], bool), Arc<RealKeys>>>;
        static KEPT: Kept = Mutex::new(BTreeMap::new());
        let name = (context.policy.0, rsa);
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = kept.get(&name) {
            return Arc::clone(keys);
        }
        if kept.len() == KEPT_MAX {
            kept.clear();
        }
        let keys = Arc::new(Self::deal(policy, context, origin.clone(), rsa));
        kept.insert(name, Arc::clone(&keys));
        keys
    }

    fn deal(policy: &TrustPolicy, context: Context, origin: Origin, rsa: bool) -> Self {
        let mut rng = ChaCha20Rng::from_seed(context.policy.0);
        let mut bls = |purpose: KeyPurpose| {
            let formula = purpose.formula(policy);
            deal(Scheme::Bls12381, formula, context.epoch.0, &mut rng, &()).expect("BLS is dealt")
        };
        let certify = bls(KeyPurpose::Certify);
        let rsa = rsa.then(|| test_rsa::deal(KeyPurpose::Certify.formula(policy))).flatten();
        let (kernel, quorum) = (bls(KeyPurpose::Kernel), bls(KeyPurpose::Quorum));
        let certify = rsa.unwrap_or(certify);
        let signing: Vec<_> =
            (0..policy.server_count()).map(|_| SigningKey::generate(&mut rng)).collect();
        let public = PublicKeys {
            context,
            origin,
            servers: signing.iter().map(|key| PreparedSigning::new(key.public())).collect(),
            certify: certify.public.clone(),
            kernel: kernel.public.clone(),
            quorum: quorum.public.clone(),
        };
        let [mut certify, mut kernel, mut quorum] = [certify, kernel, quorum].map(by_server);
        let own = (0..).map(ServerIndex).zip(signing).map(|(me, signing)| OwnKeys {
            me,
            signing,
            certify: certify.remove(&me),
            kernel: kernel.remove(&me).expect("a share for each"),
            quorum: quorum.remove(&me).expect("a share for each"),
        });
        Self { own: own.collect(), public }
    }

    pub(super) fn sign(&self, server: ServerIndex, bytes: &[u8]) -> [u8; 64] {
        self.own[server.index()].signing.sign(bytes)
    }

    pub(super) fn share(&self, server: ServerIndex, statement: &Statement) -> Vec<u8> {
        self.own[server.index()].statement_share(&self.public, statement)
    }

    /// Empty if the key does without the server.
    pub(super) fn certify_share(&self, server: ServerIndex, checkpoint: &Checkpoint) -> Vec<u8> {
        let own = &self.own[server.index()];
        own.certify_share(&self.public, checkpoint).unwrap_or_default()
    }

    /// Proofs are made with numbers that follow from what is proved, so that a run repeats itself.
    pub(super) fn prove(
        &self,
        server: ServerIndex,
        checkpoint: &Checkpoint,
        share: &[u8],
    ) -> Vec<u8> {
        let seed = Sha256::new()
            .chain_update(server.0.to_le_bytes())
            .chain_update(checkpoint.statement().as_bytes())
            .chain_update(share);
        let mut rng = ChaCha20Rng::from_seed(seed.finalize().into());
        self.own[server.index()].prove_certify_share(&self.public, checkpoint, share, &mut rng)
    }

    /// The checkpoint that a certificate speaks of.
    pub fn checkpoint(&self, certificate: &CheckpointCertificate) -> Checkpoint {
        self.public.checkpoint(certificate)
    }

    /// What an outsider has: the key as a file.
    pub fn pem(&self) -> String {
        self.public.certify.to_pem()
    }

    /// Whether an outsider, who has the key as a file and nothing else, believes a certificate.
    pub fn convinces(&self, checkpoint: Checkpoint, signature: Vec<u8>) -> bool {
        let key = VerifyingKey::from_pem(&self.pem()).map(Outsider);
        let certificate = Certificate { checkpoint, signature };
        key.is_ok_and(|key| certificate.verify(&key).is_ok())
    }

    /// Whether the key for checkpoints is RSA.
    pub fn is_rsa(&self) -> bool {
        self.public.certify.scheme() != Scheme::Bls12381
    }
}

/// Holds the alliance's key and knows nothing of its servers.
struct Outsider(VerifyingKey);

impl CertificateVerifier for Outsider {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        self.0.verify(statement, signature)
    }
}

fn by_server(dealt: Dealt) -> BTreeMap<ServerIndex, KeyShare> {
    dealt.shares.into_iter().map(|share| (share.server(), share)).collect()
}
