//! One signature: who signs, with which nonces, what.

use super::ciphersuite::{BindingFactors, challenge, commitments_digest, message_digest};
use super::commitment::Commitment;
use super::error::{NonceError, SigningError};
use super::group::{Point, SecretScalar};
use super::key_share::KeyShare;
use super::nonces::NoncePair;
use super::public_key::PublicKey;
use super::sharing::times_with_base;
use super::signature_share::SignatureShare;
use super::threshold::{identifier, weight};
use crate::{Blame, KeyId, LeafFault, SignError};
use ally_codec::Writer;
use ally_policy::{ServerIndex, ServerSet};
use curve25519_dalek::traits::VartimeMultiscalarMul;
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Bytes of a signature (RFC 8032).
pub const SIGNATURE_BYTES: usize = 64;

/// The signing of one message with one pair of nonces of each signer. Signers and whoever collects
/// their shares make it from the same message and commitments. Cheap to clone.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    public: PublicKey,
    message: Vec<u8>,
    digest: [u8; 32],
    /// In ascending order.
    signers: Vec<Signer>,
    group_commitment: Point,
    challenge: Scalar,
}

struct Signer {
    commitment: Commitment,
    leaf: usize,
    key: Point,
    binding_factor: Scalar,
    /// The weight of its share in the key.
    weight: Scalar,
}

impl Session {
    /// Opens a session: `commitments` are one of each signer, of the holders at least as many as the
    /// formula demands; all of them have to answer. The order does not matter.
    ///
    /// # Errors
    /// [`SigningError::Refused`] with each sender of a commitment in another's name, for another key
    /// or epoch, or twice; [`SigningError::NotQualified`].
    ///
    /// # Cost
    /// One multiplication of as many points at once as there are signers; for each signer an
    /// inversion and a short hash.
    ///
    /// # Source
    /// RFC 9591, sections 4.3 to 4.6. The binding factors make that parallel sessions cannot be
    /// played off against each other (Drijvers et al. 2019; Benhamouda et al. 2021).
    pub fn new(
        public: &PublicKey,
        message: &[u8],
        commitments: &[(ServerIndex, Commitment)],
    ) -> Result<Self, SigningError> {
        let mut chosen = check(public, commitments)?;
        chosen.sort_unstable_by_key(|commitment| commitment.server);

        let servers: Vec<ServerIndex> = chosen.iter().map(|chosen| chosen.server).collect();
        let message_digest = message_digest(message);
        let commitments_digest = commitments_digest(&encode_commitments(&chosen));
        let factors = BindingFactors::new(public.root(), &message_digest, &commitments_digest);
        let signer = |commitment: Commitment| {
            let (leaf, key) = public.share_key(commitment.server)?;
            let binding_factor = factors.of(&identifier(commitment.server));
            let weight = weight(commitment.server, &servers);
            Some(Signer { commitment, leaf, key: *key, binding_factor, weight })
        };
        // Who holds no share was refused above.
        let signers: Vec<Signer> = chosen.into_iter().filter_map(signer).collect();
        let group_commitment = group_commitment(&signers).ok_or(SigningError::NoCommitment)?;
        let challenge = challenge(&group_commitment, public.root(), message);
        let digest = Sha256::new_with_prefix(b"ally/v1/frost-session")
            .chain_update(public.id().0)
            .chain_update(message_digest)
            .chain_update(commitments_digest)
            .finalize()
            .into();
        let (public, message) = (public.clone(), message.to_vec());
        Ok(Self(Arc::new(Inner { public, message, digest, signers, group_commitment, challenge })))
    }

    /// Names the session: SHA-256 over `tag || key id (32) || H4(message) (64) || H5(commitments)
    /// (64)`. Shares carry it, so that a share that was made for other commitments, which somebody
    /// showed its sender, blames nobody.
    pub fn digest(&self) -> [u8; 32] {
        self.0.digest
    }

    /// What is signed.
    pub fn message(&self) -> &[u8] {
        &self.0.message
    }

    /// Who signs: all of them.
    pub fn signers(&self) -> ServerSet {
        self.0.signers.iter().map(|signer| signer.commitment.server).collect()
    }

    /// Combines the shares of all signers: an ordinary Ed25519 signature, `R (32) || s (32)`, which
    /// is verified before it is returned. Only when it does not verify are shares looked at one by
    /// one.
    ///
    /// # Errors
    /// [`SigningError::Refused`] with each sender of a share in another's name, for another key or
    /// session, twice, or wrong; [`SigningError::Incomplete`]. With the signed commitments and
    /// shares, anybody comes to the same verdict.
    ///
    /// # Cost
    /// One verification; if it fails, one more for each share.
    ///
    /// # Source
    /// RFC 9591, sections 5.3 and 5.4.
    pub fn aggregate(
        &self,
        shares: &[(ServerIndex, SignatureShare)],
    ) -> Result<[u8; SIGNATURE_BYTES], SigningError> {
        let mut seen = ServerSet::EMPTY;
        let blame = |(sender, share): &(ServerIndex, SignatureShare)| {
            Some((*sender, self.blame(*sender, share, &mut seen)?))
        };
        refuse(shares.iter().filter_map(blame).collect())?;
        let missing = self.signers().difference(&seen);
        if !missing.is_empty() {
            return Err(SigningError::Incomplete { missing });
        }

        let response: Scalar = shares.iter().map(|(_, share)| share.response).sum();
        let mut signature = [0; SIGNATURE_BYTES];
        let (front, back) = signature.split_at_mut(SIGNATURE_BYTES / 2);
        front.copy_from_slice(self.0.group_commitment.bytes());
        back.copy_from_slice(response.as_bytes());
        if self.0.public.verify(&self.0.message, &signature) {
            return Ok(signature);
        }
        let verdict = |(sender, share): &(ServerIndex, SignatureShare)| {
            Some((*sender, self.verify_share(*sender, share).err()?))
        };
        refuse(shares.iter().filter_map(verdict).collect())?;
        Err(SigningError::Unverified)
    }

    /// Checks one signer's share. Public: whoever has the commitments, signed by their senders, and
    /// the share needs no proof beside them.
    ///
    /// # Errors
    /// [`Blame`]: the sender is to blame. [`Blame::OtherSession`] says that it answered something
    /// else, perhaps what somebody else asked of it.
    ///
    /// # Cost
    /// Two multiplications.
    ///
    /// # Source
    /// RFC 9591, section 5.4.
    pub fn verify_share(&self, sender: ServerIndex, share: &SignatureShare) -> Result<(), Blame> {
        if let Some(blame) = self.blame(sender, share, &mut ServerSet::EMPTY.clone()) {
            return Err(blame);
        }
        let signer = self.signer(sender).ok_or(Blame::UnknownServer)?;
        let commitment = signer.commitment_share();
        let factor = -(self.0.challenge * signer.weight);
        let opened = times_with_base(&factor, signer.key.point(), &share.response);
        let wrong = Blame::Leaf { leaf: signer.leaf, fault: LeafFault::Wrong };
        if opened == commitment { Ok(()) } else { Err(wrong) }
    }

    /// What is wrong with a share before any arithmetic.
    fn blame(
        &self,
        sender: ServerIndex,
        share: &SignatureShare,
        seen: &mut ServerSet,
    ) -> Option<Blame> {
        if self.signer(sender).is_none() {
            Some(Blame::UnknownServer)
        } else if share.server != sender {
            Some(Blame::OtherServer { named: share.server })
        } else if !seen.insert(sender) {
            Some(Blame::Duplicate)
        } else if share.key != self.0.public.id() {
            Some(Blame::OtherKey)
        } else if share.session != self.0.digest {
            Some(Blame::OtherSession)
        } else {
            None
        }
    }

    fn signer(&self, server: ServerIndex) -> Option<&Signer> {
        let of = |signer: &Signer| signer.commitment.server;
        let at = self.0.signers.binary_search_by_key(&server, of).ok()?;
        self.0.signers.get(at)
    }

    /// With which nonces the holder of the share signs.
    pub(super) fn commitment(
        &self,
        key: KeyId,
        server: ServerIndex,
    ) -> Result<Commitment, NonceError> {
        if self.0.public.id() != key {
            return Err(NonceError::OtherKey);
        }
        Ok(self.signer(server).ok_or(NonceError::NotASigner)?.commitment)
    }

    /// The share made with these nonces, which are those of the commitment. Constant time.
    pub(super) fn sign(
        &self,
        share: &KeyShare,
        pair: NoncePair,
    ) -> Result<SignatureShare, SignError> {
        let (key, server) = (share.key(), share.server());
        if key != self.0.public.id() {
            return Err(SignError::OtherKey);
        }
        let signer = self.signer(server).ok_or(SignError::OtherKey)?;
        let blinded = SecretScalar::new(pair.binding.number() * signer.binding_factor);
        let nonce = pair.hiding.plus(&blinded);
        let factor = signer.weight * self.0.challenge;
        let signed = SecretScalar::new(factor * share.secret().number());
        let response = nonce.number() + signed.number();
        Ok(SignatureShare { key, server, session: self.0.digest, response })
    }
}

#[cfg(test)]
impl Session {
    /// Everything that is derived on the way: of each signer its binding factor, and the group
    /// commitment.
    pub(super) fn derived(&self) -> (Vec<[u8; 32]>, [u8; 32]) {
        let factors = self.0.signers.iter().map(|signer| signer.binding_factor.to_bytes());
        (factors.collect(), *self.0.group_commitment.bytes())
    }

    /// With what a signer's binding nonce and key share go into its response.
    pub(super) fn equation(&self, server: ServerIndex) -> (Scalar, Scalar) {
        let signer = self.signer(server).expect("a signer");
        (signer.binding_factor, self.0.challenge * signer.weight)
    }
}

impl Signer {
    /// Its part of the group commitment.
    fn commitment_share(&self) -> EdwardsPoint {
        let points = &self.commitment.points;
        points.hiding.point() + points.binding.point() * self.binding_factor
    }
}

/// The commitments, if all are in order and enough.
fn check(
    public: &PublicKey,
    commitments: &[(ServerIndex, Commitment)],
) -> Result<Vec<Commitment>, SigningError> {
    let mut seen = ServerSet::EMPTY;
    let blame = |(sender, commitment): &(ServerIndex, Commitment)| {
        let blame = if public.share_key(*sender).is_none() {
            Blame::UnknownServer
        } else if commitment.server != *sender {
            Blame::OtherServer { named: commitment.server }
        } else if !seen.insert(*sender) {
            Blame::Duplicate
        } else if commitment.key != public.id() {
            Blame::OtherKey
        } else {
            return None;
        };
        Some((*sender, blame))
    };
    refuse(commitments.iter().filter_map(blame).collect())?;
    if seen.len() < public.threshold().needed() {
        return Err(SigningError::NotQualified { missing: public.threshold().without(&seen) });
    }
    Ok(commitments.iter().map(|(_, commitment)| *commitment).collect())
}

fn refuse(culprits: Vec<(ServerIndex, Blame)>) -> Result<(), SigningError> {
    if culprits.is_empty() { Ok(()) } else { Err(SigningError::Refused { culprits }) }
}

/// `identifier (32, LE) || hiding (32) || binding (32)` of each signer: RFC 9591, section 4.3.
fn encode_commitments(sorted: &[Commitment]) -> Vec<u8> {
    let mut writer = Writer::new();
    for commitment in sorted {
        writer.raw(identifier(commitment.server).as_bytes());
        commitment.points.encode(&mut writer);
    }
    writer.into_bytes()
}

/// The signature's R; `None` for the identity.
fn group_commitment(signers: &[Signer]) -> Option<Point> {
    let points = |signer: &Signer| signer.commitment.points;
    let hiding: EdwardsPoint = signers.iter().map(|signer| *points(signer).hiding.point()).sum();
    let factors = signers.iter().map(|signer| signer.binding_factor);
    let binding = signers.iter().map(|signer| *points(signer).binding.point());
    Point::new(hiding + EdwardsPoint::vartime_multiscalar_mul(factors, binding))
}
