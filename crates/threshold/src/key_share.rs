//! One server's secret part of a threshold key.

use ally_codec::{DecodeError, Reader};
use ally_policy::ServerIndex;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::access::Secret;
use crate::public_key::Kind;
use crate::threshold_scheme::ThresholdScheme;
use crate::{
    KeyId, KeyShareError, LeafShares, Message, PlanError, PublicKey, ShareProof, SignError,
    SignatureShare,
};

/// The version of the encoding.
const VERSION: u8 = 1;

/// The most leaves one server may hold: the most leaves of a formula.
const LEAVES_MAX: usize = 1024;

/// The longest secret of one leaf: four exponents, each longer than a modulus of 2048 bits by as
/// much as shares may grow.
const SECRET_BYTES_MAX: usize = 4 * (2048 + 4096) / 8;

/// A server's sub-shares of a key, one for each of its leaves. Wiped when it goes; cannot be
/// printed or copied.
pub struct KeyShare {
    key: KeyId,
    server: ServerIndex,
    secrets: Vec<Secret>,
}

impl KeyShare {
    pub(crate) fn new(key: KeyId, server: ServerIndex, secrets: Vec<Secret>) -> Self {
        Self { key, server, secrets }
    }

    /// The share with these secrets, if it is what the public key commits to.
    ///
    /// # Errors
    /// [`PlanError::OtherPlan`] where the server has not so many leaves, [`PlanError::Mismatch`].
    pub(crate) fn checked(
        public: &PublicKey,
        server: ServerIndex,
        secrets: Vec<Secret>,
    ) -> Result<Self, PlanError> {
        let share = Self::new(public.id(), server, secrets);
        match share.check(public) {
            Ok(()) => Ok(share),
            Err(KeyShareError::Mismatch { leaf }) => Err(PlanError::Mismatch { leaf }),
            Err(KeyShareError::OtherKey) => Err(PlanError::OtherPlan),
        }
    }

    /// The secret of each of its leaves with the leaf's number, if it is a share of `public`.
    pub(crate) fn secrets_of(&self, public: &PublicKey) -> Option<Vec<(usize, &[u8])>> {
        let fits = self.fits(public);
        let leaves = public.access().leaves_of(self.server);
        let secrets = self.secrets.iter().map(|secret| secret.as_slice());
        fits.then(|| leaves.zip(secrets).collect())
    }

    /// Whose share it is.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// Which key it is a share of.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// `version (1) || key id (32) || server (2, LE) || leaves (2, LE) || bytes of a secret (2, LE)
    /// || secret of each leaf`. Keep it as secret as the share itself.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let width = self.secrets.first().map_or(0, |secret| secret.len());
        // Of the final size at once: a buffer that grows leaves copies of secrets behind.
        let length = 39 + width * self.secrets.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.key.0);
        bytes.extend_from_slice(&self.server.0.to_le_bytes());
        bytes.extend_from_slice(&(self.secrets.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&(width as u16).to_le_bytes());
        self.secrets.iter().for_each(|secret| bytes.extend_from_slice(secret));
        debug_assert_eq!(bytes.len(), length);
        bytes
    }

    /// Reads what [`KeyShare::encode`] wrote. Whether it fits a public key is for
    /// [`KeyShare::check`] to say.
    ///
    /// # Errors
    /// [`DecodeError`]: the bytes are no key share.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(DecodeError::Invalid("version of a key share"));
        }
        let key = KeyId(reader.array()?);
        let server = ServerIndex(reader.u16()?);
        let count = usize::from(reader.u16()?);
        let width = usize::from(reader.u16()?);
        for (claimed, limit) in [(count, LEAVES_MAX), (width, SECRET_BYTES_MAX)] {
            if claimed > limit {
                return Err(DecodeError::TooLong { claimed, limit });
            }
        }
        if count == 0 || width == 0 {
            return Err(DecodeError::Invalid("size of a key share"));
        }
        let secrets = reader.raw(count * width)?.chunks(width);
        let secrets = secrets.map(|secret| Zeroizing::new(secret.to_vec())).collect();
        reader.finish()?;
        Ok(Self { key, server, secrets })
    }

    /// Checks that this is what the public key commits to. Do it once, when a share is received
    /// or loaded: a wrong share would make wrong signature shares, and this server would be blamed.
    ///
    /// # Errors
    /// [`KeyShareError`]: the dealer or the keeper of the share is to blame.
    ///
    /// # Cost
    /// Per leaf as much as a signature share.
    pub fn check(&self, public: &PublicKey) -> Result<(), KeyShareError> {
        match public.kind() {
            Kind::Rsa(key) => self.check_with(key, public),
            Kind::Bls(key) => self.check_with(key, public),
        }
    }

    fn check_with<S: ThresholdScheme>(
        &self,
        scheme: &S,
        public: &PublicKey,
    ) -> Result<(), KeyShareError> {
        if !self.fits(public) {
            return Err(KeyShareError::OtherKey);
        }
        for (leaf, secret) in self.leaves(public) {
            if !scheme.owns(leaf, secret) {
                return Err(KeyShareError::Mismatch { leaf });
            }
        }
        Ok(())
    }

    /// This server's share of the signature on `message`. Constant time.
    ///
    /// A share is no vote: the caller signs only what may be signed.
    ///
    /// # Errors
    /// [`SignError`]: the caller is to blame.
    ///
    /// # Cost
    /// RSA: for each of the server's leaves and each of the key's moduli one exponentiation.
    pub fn sign<'m>(
        &self,
        public: &PublicKey,
        message: impl Into<Message<'m>>,
    ) -> Result<SignatureShare, SignError> {
        let shares = self.sign_batch(public, &[message.into()])?;
        // One message, one share.
        shares.into_iter().next().ok_or(SignError::OtherKey)
    }

    /// This server's shares of the signatures on several messages, in their order. Constant time.
    ///
    /// A share is no vote: the caller signs only what may be signed.
    ///
    /// # Errors
    /// [`SignError`]: the caller is to blame, and nothing is signed.
    ///
    /// # Cost
    /// As many exponentiations as for single messages, but side by side: where the processor has
    /// wide vectors, far less time than one after the other.
    pub fn sign_batch(
        &self,
        public: &PublicKey,
        messages: &[Message<'_>],
    ) -> Result<Vec<SignatureShare>, SignError> {
        match public.kind() {
            Kind::Rsa(key) => self.sign_with(key, public, messages),
            Kind::Bls(key) => self.sign_with(key, public, messages),
        }
    }

    fn sign_with<S: ThresholdScheme>(
        &self,
        scheme: &S,
        public: &PublicKey,
        messages: &[Message<'_>],
    ) -> Result<Vec<SignatureShare>, SignError> {
        if !self.fits(public) {
            return Err(SignError::OtherKey);
        }
        let prepared = messages.iter().map(|message| scheme.prepare(message));
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let jobs: Vec<(&[u8], &S::Prepared)> = prepared
            .iter()
            .flat_map(|prepared| self.secrets.iter().map(move |secret| (&secret[..], prepared)))
            .collect();
        let shares = scheme.sign(&jobs).ok_or(SignError::OtherKey)?;
        let of_message = |leaves: &[Vec<u8>]| {
            SignatureShare(LeafShares::new(self.key, self.server, leaves.to_vec()))
        };
        // A share that fits a key has a leaf at least: the key names servers that hold some.
        Ok(shares.chunks(self.secrets.len().max(1)).map(of_message).collect())
    }

    /// The proof that `share` is right. Made on demand only: when a combination has failed.
    ///
    /// `rng` is mixed with the secret and the statement, so that even a generator that repeats
    /// itself does not make two proofs with one nonce (which would give the share away).
    ///
    /// # Errors
    /// [`SignError`]: the caller is to blame, also when `share` is not in this server's name. A
    /// share that this server did not make gets a proof that does not verify, and gives nothing
    /// away.
    ///
    /// # Cost
    /// RSA: for each leaf one and a half of a share. The first proof or check of a proof with a
    /// `PublicKey` makes a table, for nine tenths of a share.
    pub fn prove<'m>(
        &self,
        public: &PublicKey,
        message: impl Into<Message<'m>>,
        share: &SignatureShare,
        rng: &mut impl CryptoRng,
    ) -> Result<ShareProof, SignError> {
        let message = message.into();
        match public.kind() {
            Kind::Rsa(key) => self.prove_with(key, public, &message, share, rng),
            Kind::Bls(key) => self.prove_with(key, public, &message, share, rng),
        }
    }

    /// This server's share of the signature on `message` with the proof that it is right: what
    /// [`KeyShare::sign`] and [`KeyShare::prove`] make, for those who are going to be asked for both.
    /// Constant time.
    ///
    /// # Errors
    /// [`SignError`]: the caller is to blame, and nothing is signed.
    ///
    /// # Cost
    /// RSA: two shares, where one after the other takes two and a half; for each further leaf one
    /// more. (Of a key of several moduli, one after the other is the cheaper way where the processor
    /// has AVX-512 IFMA: by count, not measured.)
    pub fn sign_with_proof<'m>(
        &self,
        public: &PublicKey,
        message: impl Into<Message<'m>>,
        rng: &mut impl CryptoRng,
    ) -> Result<(SignatureShare, ShareProof), SignError> {
        let message = message.into();
        match public.kind() {
            Kind::Rsa(key) => self.sign_proven_with(key, public, &message, rng),
            Kind::Bls(key) => self.sign_proven_with(key, public, &message, rng),
        }
    }

    fn sign_proven_with<S: ThresholdScheme>(
        &self,
        scheme: &S,
        public: &PublicKey,
        message: &Message<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(SignatureShare, ShareProof), SignError> {
        if !self.fits(public) {
            return Err(SignError::OtherKey);
        }
        let prepared = scheme.prepare(message)?;
        let leaves: Vec<_> = self.leaves(public).collect();
        let signed = scheme.sign_proven(&leaves, &prepared, rng).ok_or(SignError::OtherKey)?;
        let (shares, proofs) = signed.into_iter().unzip();
        let of_leaves = |leaves| LeafShares::new(self.key, self.server, leaves);
        Ok((SignatureShare(of_leaves(shares)), ShareProof(of_leaves(proofs))))
    }

    fn prove_with<S: ThresholdScheme>(
        &self,
        scheme: &S,
        public: &PublicKey,
        message: &Message<'_>,
        share: &SignatureShare,
        rng: &mut dyn CryptoRng,
    ) -> Result<ShareProof, SignError> {
        if !self.fits(public) {
            return Err(SignError::OtherKey);
        }
        let ours = share.0.key() == self.key && share.0.server() == self.server;
        if !ours || share.0.leaves().len() != self.secrets.len() {
            return Err(SignError::OtherShare);
        }
        let prepared = scheme.prepare(message)?;
        let mut proofs = Vec::with_capacity(self.secrets.len());
        for ((leaf, secret), share) in self.leaves(public).zip(share.0.leaves()) {
            let share = scheme.parse_share(share).map_err(|_| SignError::OtherShare)?;
            proofs.push(scheme.prove(leaf, secret, &prepared, &share, rng));
        }
        Ok(ShareProof(LeafShares::new(self.key, self.server, proofs)))
    }

    fn fits(&self, public: &PublicKey) -> bool {
        self.key == public.id() && self.secrets.len() == public.leaf_count(self.server)
    }

    fn leaves<'a>(&'a self, public: &'a PublicKey) -> impl Iterator<Item = (usize, &'a [u8])> {
        let secrets = self.secrets.iter().map(|secret| secret.as_slice());
        public.access().leaves_of(self.server).zip(secrets)
    }
}
