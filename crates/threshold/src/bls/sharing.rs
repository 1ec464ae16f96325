//! One value shared down the tree, with a commitment to every polynomial.
//!
//! A key, a part of a key, a part of a leaf, nothing at all (0): whatever is shared, it is done in
//! this one way.

use super::commitments::{coefficient_count, leaf_commitments};
use super::curve::{G2, G2_BYTES};
use super::scalar::{SCALAR_BYTES, Scalar, SecretScalar, SecretValue};
use crate::access::Secret;
use ally_codec::{DecodeError, Reader, Writer};
use ally_policy::Formula;
use zeroize::Zeroizing;

/// The public half of a sharing: Feldman's commitments, gate by gate.
///
/// A gate `k of m` shares its value with a polynomial of degree `k - 1`; child `i` (from 1) gets the
/// polynomial's value at `i`. Committed to are the coefficients in G2, from the root down and from
/// left to right; the constant term of a gate below the root is not repeated, because it follows
/// from the gate above. So the number of commitments is fixed by the formula, and every leaf has one
/// verification key that nobody has to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sharing {
    /// What is shared; `None` is a sharing of 0.
    root: Option<G2>,
    coefficients: Vec<G2>,
    /// What each leaf gets, from left to right; `None` is 0.
    leaves: Vec<Option<G2>>,
}

impl Sharing {
    /// `None` if the coefficients are not as many as the formula asks for, or if a node of a sharing
    /// other than of 0 would get 0.
    ///
    /// # Cost
    /// That of [`leaf_commitments`].
    pub(super) fn new(formula: &Formula, root: Option<G2>, coefficients: Vec<G2>) -> Option<Self> {
        let leaves = leaf_commitments(formula, root, &coefficients)?;
        Some(Self { root, coefficients, leaves })
    }

    /// The commitment to what is shared; `None` is 0.
    pub(super) fn root(&self) -> Option<&G2> {
        self.root.as_ref()
    }

    /// The commitments to all coefficients but the constant of the root.
    pub(super) fn coefficients(&self) -> &[G2] {
        &self.coefficients
    }

    /// The commitments to all coefficients but the constant of the root.
    pub(super) fn into_coefficients(self) -> Vec<G2> {
        self.coefficients
    }

    /// What each leaf gets, from left to right; `None` is 0.
    pub(super) fn leaves(&self) -> &[Option<G2>] {
        &self.leaves
    }

    /// Whether `secret` is what `leaf` gets; `None` if it is no number in 0..r. Constant time but for
    /// the verdict, and for whether it is 0.
    pub(super) fn is_due(&self, leaf: usize, secret: &[u8; SCALAR_BYTES]) -> Option<bool> {
        let commitment = G2::commitment(SecretValue::decode(secret)?);
        Some(self.leaves.get(leaf) == Some(&commitment))
    }

    /// Appends the coefficients (96 bytes each) without the root.
    pub(super) fn encode_coefficients(&self, writer: &mut Writer) {
        for coefficient in &self.coefficients {
            writer.raw(&coefficient.encode());
        }
    }

    /// Reads the coefficients of a sharing whose root is known, and checks that every point is in
    /// the group.
    ///
    /// # Errors
    /// [`DecodeError`]; whoever shared is to blame.
    pub(super) fn decode_coefficients(
        reader: &mut Reader<'_>,
        formula: &Formula,
        root: Option<G2>,
    ) -> Result<Self, DecodeError> {
        let coefficients = points(reader, coefficient_count(formula))?;
        let sharing = Self::new(formula, root, coefficients);
        sharing.ok_or(DecodeError::Invalid("commitment: a key of zero"))
    }

    /// As [`Sharing::decode_coefficients`], for a sharing whose root stands in front.
    pub(super) fn decode(reader: &mut Reader<'_>, formula: &Formula) -> Result<Self, DecodeError> {
        let mut commitments = points(reader, 1 + coefficient_count(formula))?;
        let root = commitments.remove(0);
        let sharing = Self::new(formula, Some(root), commitments);
        sharing.ok_or(DecodeError::Invalid("commitment: a key of zero"))
    }
}

fn points(reader: &mut Reader<'_>, count: usize) -> Result<Vec<G2>, DecodeError> {
    // Checked before the points are: each of them costs a square root.
    let needed = count * G2_BYTES;
    if reader.left() < needed {
        return Err(DecodeError::Truncated { needed, left: reader.left() });
    }
    let point = |bytes: [u8; G2_BYTES]| {
        G2::decode(&bytes).ok_or(DecodeError::Invalid("commitment: not a point of the group"))
    };
    (0..count).map(|_| point(reader.array()?)).collect()
}

/// Shares `value` over `formula`: the public half, and the secret of each leaf (32 bytes, LE), from
/// left to right. A set of leaves on which the formula holds determines the value, all others know
/// nothing of it but what the commitment to it says.
///
/// `root` is the commitment to `value`. `draw` gives the coefficients, gate by gate from the root
/// down and from left to right. `None` if a node of a sharing other than of 0 got 0, which has the
/// chance of guessing a key.
///
/// # Source
/// Benaloh & Leichter 1988 (sharing down the tree), Shamir 1979 at each gate, Feldman 1987
/// (commitments).
///
/// # Cost
/// One multiplication in G2 per coefficient; see also [`Sharing::new`].
pub(super) fn share(
    formula: &Formula,
    value: SecretValue,
    root: Option<G2>,
    draw: &mut dyn FnMut() -> SecretScalar,
) -> Option<(Sharing, Vec<Secret>)> {
    let mut dealer = Dealer { draw, coefficients: Vec::new(), leaves: Vec::new() };
    dealer.share(formula, value);
    let sharing = Sharing::new(formula, root, dealer.coefficients)?;
    Some((sharing, dealer.leaves))
}

struct Dealer<'a> {
    draw: &'a mut dyn FnMut() -> SecretScalar,
    coefficients: Vec<G2>,
    leaves: Vec<Secret>,
}

impl Dealer<'_> {
    /// Shares the value of a node among its children.
    fn share(&mut self, formula: &Formula, value: SecretValue) {
        let gate = match formula {
            Formula::Leaf(_) => {
                self.leaves.push(Zeroizing::new(value.encode().to_vec()));
                return;
            }
            Formula::Gate(gate) => gate,
        };
        let fresh: Vec<SecretScalar> = (1..gate.threshold()).map(|_| (self.draw)()).collect();
        self.coefficients.extend(fresh.iter().map(G2::public_key));
        for (child, x) in gate.children().iter().zip(1..) {
            self.share(child, SecretValue::polynomial(&value, &fresh, &Scalar::small(x)));
        }
    }
}

/// The sum of all secrets (32 bytes, LE), each times its public factor. `None` if one is not in 0..r,
/// or if the sum is 0, which is no secret of a leaf. Constant time.
pub(super) fn weighted_sum<'a>(
    terms: impl IntoIterator<Item = (Scalar, &'a [u8])>,
) -> Option<Secret> {
    let mut sum = SecretValue::default();
    for (factor, secret) in terms {
        let secret = SecretValue::decode(secret.try_into().ok()?)?;
        sum = sum.plus(&secret.scaled(&factor));
    }
    Some(Zeroizing::new(sum.nonzero()?.encode().to_vec()))
}

/// The sum of the coefficients of several sharings, place by place. `None` if there are no sharings,
/// if they are not over one formula, or if a sum is infinite: then a gate would open with fewer
/// children than it should.
pub(super) fn sum_of_coefficients(sharings: &[&[G2]]) -> Option<Vec<G2>> {
    let count = sharings.first()?.len();
    if sharings.iter().any(|coefficients| coefficients.len() != count) {
        return None;
    }
    let sum = |at: usize| G2::sum(sharings.iter().map(|coefficients| &coefficients[at]));
    (0..count).map(sum).collect()
}
