//! That a share was made with the committed secret: equality of two discrete logarithms.
//!
//! For the leaf's secret s': v_leaf = v^s' and share^2 = (x^4)^s'. The prover commits to v^r and
//! (x^4)^r for a random r, hashes everything to a challenge c, and answers z = s' c + r, over the
//! integers, since it does not know the order of the group. r is so long that z hides s'.
//!
//! # Source
//! Shoup 2000, section 3.1 (there with L_1 = 128 bits for the challenge); the hash binds domain,
//! key, policy, epoch and leaf besides.

use crypto_bigint::{BoxedUint, ConcatenatingMul, Resize};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::sharing::Part;
use super::{Component, EXPONENT, PublicKey};
use crate::seed::SeedStream;

/// Bytes of the challenge: 128 bits.
pub(crate) const CHALLENGE_BYTES: usize = 16;

/// How much longer than the secret the nonce is, in bytes: twice the challenge.
const NONCE_EXTRA: usize = 2 * CHALLENGE_BYTES;

/// What is proven, for one of the key's moduli.
pub(crate) struct Statement<'a> {
    public: &'a PublicKey,
    component: &'a Component,
    leaf: usize,
    /// x^4.
    base: BoxedUint,
    /// share^2.
    power: BoxedUint,
}

/// `challenge (16) || response (bytes of a secret + 33, big-endian)`.
pub(crate) struct Proof {
    challenge: [u8; CHALLENGE_BYTES],
    response: BoxedUint,
}

impl Proof {
    /// `None` where the length is wrong, or the response longer than an honest one can be: the
    /// bound comes before any exponentiation, so that a proof cannot cost more than it should.
    pub(crate) fn parse(component: &Component, bytes: &[u8]) -> Option<Self> {
        let (challenge, response) = bytes.split_first_chunk()?;
        let length = response_bytes(component);
        // r is below 2^(8 (length - 1)) and s' c far below it, so z is below twice that.
        if response.len() != length || response[0] > 1 {
            return None;
        }
        let response = BoxedUint::from_be_slice(response, 8 * length as u32).ok()?;
        Some(Self { challenge: *challenge, response })
    }
}

/// Bytes of a proof.
pub(crate) fn proof_bytes(component: &Component) -> usize {
    CHALLENGE_BYTES + response_bytes(component)
}

/// Bytes of a response: those of the nonce and one for the carry.
pub(crate) fn response_bytes(component: &Component) -> usize {
    component.secret_bytes() + NONCE_EXTRA + 1
}

impl<'a> Statement<'a> {
    /// That `share` is the share of `leaf` modulo the N_i at `position`, of the message whose encoding
    /// has the square `square`.
    pub(crate) fn new(
        public: &'a PublicKey,
        position: usize,
        leaf: usize,
        square: &BoxedUint,
        share: &BoxedUint,
    ) -> Self {
        let component = &public.components()[position];
        let group = component.group();
        Self { public, component, leaf, base: group.square(square), power: group.square(share) }
    }

    /// x^4, which the commitment takes to the power of the nonce.
    pub(crate) fn base(&self) -> &BoxedUint {
        &self.base
    }

    /// The proof; `exponent` is s', `commitment` is x^4 to the power of the nonce. Constant time.
    pub(crate) fn prove(
        &self,
        exponent: &BoxedUint,
        nonce: &BoxedUint,
        commitment: BoxedUint,
    ) -> Vec<u8> {
        let modulus = self.component.group().modulus();
        let first = modulus.pow_comb_secret(self.component.base_powers(), nonce);
        let challenge = self.challenge(&(first, commitment));
        let length = response_bytes(self.component);
        let response = respond(exponent, &challenge, nonce, length);
        [&challenge[..], &response[..]].concat()
    }

    /// Whether the proof holds. Variable time: all of it is public.
    ///
    /// Recomputes the commitments as v^z / v_leaf^c and (x^4)^z / (share^2)^c.
    pub(crate) fn is_shown_by(&self, proof: &Proof) -> bool {
        let (group, modulus) = (self.component.group(), self.component.group().modulus());
        let challenge = BoxedUint::from_be_slice_vartime(&proof.challenge);
        let leaf_key = self.component.leaf_key(self.leaf);
        // One inversion for both.
        let Some(inverse) = modulus.invert(&group.times(leaf_key, &self.power)) else {
            return false;
        };
        let inverses = (group.times(&inverse, &self.power), group.times(&inverse, leaf_key));
        let base = (self.component.base_powers(), &proof.response);
        let commitments = (
            modulus.pow_comb_product(base, &[(&inverses.0, &challenge)]),
            modulus.pow_product(&[(&self.base, &proof.response), (&inverses.1, &challenge)]),
        );
        self.challenge(&commitments) == proof.challenge
    }

    /// r: fresh randomness, stirred with the secret and the statement. A generator that returns
    /// the same bytes twice (a machine restored from a snapshot) then still gives two statements
    /// two nonces, and one statement the same proof again.
    pub(crate) fn nonce(&self, exponent: &BoxedUint, rng: &mut dyn CryptoRng) -> Part {
        let mut fresh = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *fresh);
        let secret = Zeroizing::new(exponent.to_be_bytes());
        let statement = self.hash();
        let mut stream =
            SeedStream::from_parts(b"ally/v1/rsa-nonce", &[&secret, &statement, &*fresh]);
        let mut bytes = Zeroizing::new(vec![0; response_bytes(self.component) - 1]);
        stream.fill(&mut bytes);
        let bits = 8 * bytes.len() as u32;
        Zeroizing::new(BoxedUint::from_be_slice_truncated(&bytes, bits))
    }

    /// What x^2 is taken to for x^4 to the power of the nonce; as wide as a response. Constant time.
    pub(crate) fn doubled(&self, nonce: &BoxedUint) -> Part {
        let wide = nonce.resize_unchecked(8 * response_bytes(self.component) as u32);
        Zeroizing::new(Zeroizing::new(wide).wrapping_shl_vartime(1))
    }

    fn challenge(&self, commitments: &(BoxedUint, BoxedUint)) -> [u8; CHALLENGE_BYTES] {
        let group = self.component.group();
        let digest: [u8; 32] = Sha256::new()
            .chain_update(b"ally/v1/rsa-share-proof")
            .chain_update(self.hash())
            .chain_update(group.bytes(&commitments.0))
            .chain_update(group.bytes(&commitments.1))
            .finalize()
            .into();
        let mut challenge = [0; CHALLENGE_BYTES];
        challenge.copy_from_slice(&digest[..CHALLENGE_BYTES]);
        challenge
    }

    /// Everything that identifies the statement, each field of fixed width: `tag || bits (4, LE) ||
    /// N_i || e (8, LE) || fingerprint of the key (32) || policy digest (32) || epoch (8, LE) || leaf
    /// (8, LE) || x^4 || v || v_leaf || share^2`.
    fn hash(&self) -> [u8; 32] {
        let (public, group) = (self.public, self.component.group());
        Sha256::new()
            .chain_update(b"ally/v1/rsa-share-statement")
            .chain_update(group.bits().to_le_bytes())
            .chain_update(group.name())
            .chain_update(EXPONENT.to_le_bytes())
            .chain_update(public.verifying_key().fingerprint())
            .chain_update(public.access().digest())
            .chain_update(public.epoch().to_le_bytes())
            .chain_update((self.leaf as u64).to_le_bytes())
            .chain_update(group.bytes(&self.base))
            .chain_update(group.bytes(group.base()))
            .chain_update(group.bytes(self.component.leaf_key(self.leaf)))
            .chain_update(group.bytes(&self.power))
            .finalize()
            .into()
    }
}

/// `exponent * challenge + nonce` over the integers, `length` bytes, big-endian. Constant time.
fn respond(
    exponent: &BoxedUint,
    challenge: &[u8; CHALLENGE_BYTES],
    nonce: &BoxedUint,
    length: usize,
) -> Vec<u8> {
    let challenge = BoxedUint::from_be_slice_truncated(challenge, 8 * CHALLENGE_BYTES as u32);
    let bits = 8 * length as u32;
    let product = Zeroizing::new(exponent.concatenating_mul(&challenge));
    let product = Zeroizing::new((&*product).resize_unchecked(bits));
    let nonce = Zeroizing::new(nonce.resize_unchecked(bits));
    let response = product.wrapping_add(&*nonce).to_be_bytes();
    response[response.len() - length..].to_vec()
}
