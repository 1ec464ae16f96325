//! What a signature scheme does at one leaf of the tree.
//!
//! Everything that is the same for every scheme (who may contribute, which leaves are combined,
//! who is blamed) is done once, outside, by the types of this crate's public interface.

use rand_core::CryptoRng;

use crate::access::Selection;
use crate::{LeafFault, Message, UnsupportedEncoding};

/// The public half of a key, as the scheme sees it: an array of leaves.
///
/// Shares, proofs and secrets cross this border as byte strings of fixed width, so that one set
/// of containers serves every scheme.
pub(crate) trait ThresholdScheme {
    /// An encoded message: an element of the scheme's group, with whatever is derived from it.
    type Prepared;

    /// A leaf's signature share, parsed and in range.
    type Share;

    /// Whether shares can be verified without a proof.
    const SELF_EVIDENT: bool;

    /// Encodes a message.
    ///
    /// # Errors
    /// [`UnsupportedEncoding`] where the scheme has no such encoding; the caller is to blame.
    fn prepare(&self, message: &Message<'_>) -> Result<Self::Prepared, UnsupportedEncoding>;

    /// Whether `secret` is what the dealer committed to for `leaf`, of the right length. Constant
    /// time.
    fn owns(&self, leaf: usize, secret: &[u8]) -> bool;

    /// The shares of pairs of a leaf's secret and a message, in their order; `None` if one of the
    /// secrets is none of this scheme. Constant time. All in one call, since schemes do several
    /// exponentiations faster side by side than one after the other.
    fn sign(&self, jobs: &[(&[u8], &Self::Prepared)]) -> Option<Vec<Vec<u8>>>;

    /// The proof that `share` was made with the secret of `leaf`; empty for a self-evident scheme,
    /// and if `secret` is no secret of this scheme. `share` is what [`ThresholdScheme::sign`]
    /// returned for the same arguments. Constant time.
    fn prove(
        &self,
        leaf: usize,
        secret: &[u8],
        prepared: &Self::Prepared,
        share: &Self::Share,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8>;

    /// The share of each leaf's secret with its proof, both as [`ThresholdScheme::sign`] and
    /// [`ThresholdScheme::prove`] make them of the same `rng`; `None` if one of the secrets is none of
    /// this scheme. Constant time. Schemes override it where the two have work in common.
    fn sign_proven(
        &self,
        leaves: &[(usize, &[u8])],
        prepared: &Self::Prepared,
        rng: &mut dyn CryptoRng,
    ) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let jobs: Vec<_> = leaves.iter().map(|(_, secret)| (*secret, prepared)).collect();
        let mut signed = Vec::with_capacity(leaves.len());
        for ((leaf, secret), bytes) in leaves.iter().zip(self.sign(&jobs)?) {
            let share = self.parse_share(&bytes).ok()?;
            let proof = self.prove(*leaf, secret, prepared, &share, rng);
            signed.push((bytes, proof));
        }
        Some(signed)
    }

    /// How many bytes the share of one leaf has.
    fn share_width(&self) -> usize;

    /// Reads a share that came from anyone.
    ///
    /// # Errors
    /// Its sender's: a share of the wrong length or outside its range.
    fn parse_share(&self, share: &[u8]) -> Result<Self::Share, LeafFault>;

    /// Checks one leaf's share: by the proof, or by itself where the scheme is self-evident (then
    /// `proof` is not looked at).
    ///
    /// # Errors
    /// The sender's: the share is wrong, or the proof does not show that it is right.
    fn verify_share(
        &self,
        leaf: usize,
        prepared: &Self::Prepared,
        share: &Self::Share,
        proof: &[u8],
    ) -> Result<(), LeafFault>;

    /// Checks of a share that are only worth their price when a combination has failed.
    ///
    /// # Errors
    /// The sender's.
    fn inspect(&self, share: &Self::Share) -> Result<(), LeafFault>;

    /// Combines the shares of the selected leaves, given in the order of
    /// [`Selection::leaves`]. `None`, or a signature that does not verify, where one of them is
    /// wrong. Variable time: shares are public.
    fn combine(
        &self,
        prepared: &Self::Prepared,
        selection: &Selection,
        shares: &[&Self::Share],
    ) -> Option<Vec<u8>>;

    /// The ordinary verifier.
    fn verify(&self, prepared: &Self::Prepared, signature: &[u8]) -> bool;
}
