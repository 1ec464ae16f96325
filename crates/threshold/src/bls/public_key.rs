//! The public side of a threshold key: commitments, and what follows from them.

use super::curve::G2;
use super::sharing::Sharing;
use super::verifying_key::VerifyingKey;
use crate::access::Access;
use ally_codec::{DecodeError, Reader, Writer};
use ally_policy::Formula;

/// The public key of an alliance together with what it takes to check every share: the commitments
/// of a sharing of the secret key, which nobody may ever have held.
#[derive(Debug)]
pub(crate) struct PublicKey {
    key: VerifyingKey,
    sharing: Sharing,
}

impl PublicKey {
    /// The key shared by `sharing`, whose root is `root`.
    pub(super) fn new(root: G2, sharing: Sharing) -> Self {
        debug_assert_eq!(sharing.root(), Some(&root));
        Self { key: VerifyingKey::new(root), sharing }
    }

    /// Builds the key from commitments that were computed. `None` if the coefficients are not as
    /// many as the formula asks for, or if a node's key would be the point at infinity.
    pub(super) fn from_commitments(
        formula: &Formula,
        root: G2,
        coefficients: Vec<G2>,
    ) -> Option<Self> {
        Sharing::new(formula, Some(root), coefficients).map(|sharing| Self::new(root, sharing))
    }

    /// What relying parties need.
    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The key itself.
    pub(super) fn root(&self) -> &G2 {
        self.key.point()
    }

    /// The commitments.
    pub(super) fn sharing(&self) -> &Sharing {
        &self.sharing
    }

    /// The verification key of a leaf by number.
    pub(super) fn leaf(&self, leaf: usize) -> Option<&G2> {
        self.sharing.leaf(leaf)
    }

    /// Appends the commitments (96 bytes each), the key first; the formula fixes how many there are.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.key.to_bytes());
        self.sharing.encode_coefficients(writer);
    }

    /// Reads the commitments of a key over the formula of `access`, and checks that every point is
    /// in the group.
    ///
    /// # Errors
    /// [`DecodeError`]; whoever made the key is to blame.
    pub(crate) fn decode(reader: &mut Reader<'_>, access: &Access) -> Result<Self, DecodeError> {
        let sharing = Sharing::decode(reader, access.formula())?;
        let root = sharing.root().copied();
        let root = root.ok_or(DecodeError::Invalid("commitment: a key of zero"))?;
        Ok(Self::new(root, sharing))
    }
}
