//! One server's secrets, and what they make.

use crate::PublicKeys;
use ally_alliance::keys::SigningKey;
use ally_codec::{Decode, Encode};
use ally_consensus::{Statement, signing_bytes};
use ally_log::Checkpoint;
use ally_policy::ServerIndex;
use ally_threshold::{KeyShare, SignatureShare};
use rand_core::CryptoRng;

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
        rng: &mut impl CryptoRng,
    ) -> Vec<u8> {
        let (Some(own), Ok(share)) = (&self.certify, SignatureShare::from_bytes(share)) else {
            return Vec::new();
        };
        let statement = checkpoint.statement();
        let proof = own.prove(&keys.certify, statement.as_bytes(), &share, rng);
        proof.map_or_else(|_| Vec::new(), |proof| proof.to_bytes())
    }
}
