//! The public side of a threshold key: commitments, and what follows from them.

use super::curve::G2;
use super::scalar::SecretScalar;
use super::sharing::Sharing;
use super::verifying_key::VerifyingKey;
use crate::access::Access;
use ally_codec::{DecodeError, Reader, Writer};
use ally_policy::Formula;

/// The public key of an alliance together with what it takes to check every share: the commitments
/// of a [`Sharing`] of the secret key, which nobody may ever have held.
pub(crate) struct PublicKey {
    key: VerifyingKey,
    coefficients: Vec<G2>,
    /// The verification key of each leaf, from left to right.
    leaves: Vec<G2>,
}

impl PublicKey {
    /// The key that a sharing shares; `None` for a sharing of 0.
    pub(super) fn new(sharing: Sharing) -> Option<Self> {
        let key = VerifyingKey::new(*sharing.root()?);
        let leaves = sharing.leaves().iter().copied().collect::<Option<_>>()?;
        Some(Self { key, coefficients: sharing.into_coefficients(), leaves })
    }

    /// Builds the key from commitments that were computed. `None` if the coefficients are not as
    /// many as the formula asks for, or if a node's key would be the point at infinity.
    pub(super) fn from_commitments(
        formula: &Formula,
        root: G2,
        coefficients: Vec<G2>,
    ) -> Option<Self> {
        Sharing::new(formula, Some(root), coefficients).and_then(Self::new)
    }

    /// What relying parties need.
    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The key itself.
    pub(super) fn root(&self) -> &G2 {
        self.key.point()
    }

    /// The commitments to all coefficients but the constant of the root.
    pub(super) fn coefficients(&self) -> &[G2] {
        &self.coefficients
    }

    /// The verification key of a leaf by number.
    pub(super) fn leaf(&self, leaf: usize) -> Option<&G2> {
        self.leaves.get(leaf)
    }

    /// Whether `secret` is that of `leaf`. Constant time but for the verdict.
    pub(super) fn is_secret(&self, leaf: usize, secret: &[u8]) -> bool {
        let secret = secret.try_into().ok().and_then(SecretScalar::decode);
        secret.is_some_and(|secret| Some(&G2::public_key(&secret)) == self.leaf(leaf))
    }

    /// Appends the commitments (96 bytes each), the key first; the formula fixes how many there are.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.key.to_bytes());
        self.coefficients.iter().for_each(|point| {
            writer.raw(&point.encode());
        });
    }

    /// Reads the commitments of a key over the formula of `access`, and checks that every point is
    /// in the group.
    ///
    /// # Errors
    /// [`DecodeError`]; whoever made the key is to blame.
    pub(crate) fn decode(reader: &mut Reader<'_>, access: &Access) -> Result<Self, DecodeError> {
        let sharing = Sharing::decode(reader, access.formula())?;
        Self::new(sharing).ok_or(DecodeError::Invalid("commitment: a key of zero"))
    }
}
