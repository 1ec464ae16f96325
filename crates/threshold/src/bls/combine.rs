//! Putting shares together: interpolation in the exponent, along the tree.

use super::curve::{G1, G1_BYTES, G2, G2_BYTES, same_exponent};
use super::key::{Prepared, PublicKey};
use super::scalar::Scalar;
use super::share::SignatureShare;
use ally_policy::{Formula, ServerIndex, ServerSet};

/// A signature of the alliance: a point of G1, compressed. There is one per message, whoever signed.
pub type SignatureBytes = [u8; G1_BYTES];

/// Why shares do not make a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CombineError {
    /// The formula does not hold on the servers whose shares are there. Nobody is to blame.
    #[error("the servers {have:?} are not enough to sign")]
    NotQualified {
        /// The servers with a share.
        have: ServerSet,
    },
    /// Some shares are wrong. Their senders are to blame: the shares do not verify against their
    /// verification keys, or they come from servers without a leaf, or twice.
    #[error("wrong shares from {culprits:?}")]
    Refused {
        /// All senders of wrong shares, ascending. A list, because a sender may be none of the
        /// servers that a set can hold.
        culprits: Vec<ServerIndex>,
    },
}

/// Combines shares and verifies the result. Only if that fails the shares are verified one by one.
///
/// # Errors
/// [`CombineError::Refused`] names every culprit, so that without them a second call succeeds or
/// ends in [`CombineError::NotQualified`].
///
/// # Source
/// Boldyreva 2003; interpolation along the tree as in Benaloh & Leichter 1988.
///
/// # Cost
/// One multiplication in G1 per leaf used and one verification; after a failure one
/// verification per leaf.
///
/// # Variable time: public data only
pub fn combine(
    key: &PublicKey,
    message: &Prepared,
    shares: &[(ServerIndex, SignatureShare)],
) -> Result<SignatureBytes, CombineError> {
    let (points, have) = arrange(key, shares)?;
    let mut leaves = points.into_iter();
    let terms = interpolate(key.formula(), &mut leaves);
    let terms = terms.ok_or(CombineError::NotQualified { have })?;
    if let Some(signature) = G1::linear_combination(&terms)
        && same_exponent(&signature, &message.0, key.point())
    {
        return Ok(signature.encode());
    }
    let wrong = shares.iter().filter(|(server, share)| !share.verify(key, message, *server));
    let culprits = wrong.map(|(server, _)| *server).collect();
    Err(refused(culprits))
}

/// Whether `signature` is the signature of the holder of `key` on `message`. Takes bytes from
/// anyone: points that are not in the group do not verify.
///
/// # Cost
/// Two pairings and the checks of two points, some 700 us.
///
/// # Variable time: public data only
pub fn verify(key: &[u8; G2_BYTES], message: &Prepared, signature: &[u8]) -> bool {
    G2::decode(key).is_some_and(|key| verify_point(&key, message, signature))
}

impl PublicKey {
    /// Whether `signature` is the alliance's signature on `message`.
    ///
    /// # Cost
    /// Two pairings, some 600 us.
    ///
    /// # Variable time: public data only
    pub fn verify(&self, message: &Prepared, signature: &[u8]) -> bool {
        verify_point(self.point(), message, signature)
    }
}

fn verify_point(key: &G2, message: &Prepared, signature: &[u8]) -> bool {
    let signature = signature.try_into().ok().and_then(G1::decode);
    signature.is_some_and(|signature| same_exponent(&signature, &message.0, key))
}

/// The share of each leaf, from left to right, where its server sent one.
///
/// # Errors
/// [`CombineError::Refused`] on shares that cannot be assigned to the leaves.
fn arrange(
    key: &PublicKey,
    shares: &[(ServerIndex, SignatureShare)],
) -> Result<(Vec<Option<G1>>, ServerSet), CombineError> {
    let mut points = vec![None; key.leaves().len()];
    let (mut have, mut culprits) = (ServerSet::EMPTY, Vec::new());
    for (server, share) in shares {
        let owned = |(owner, _): &(ServerIndex, G2)| owner == server;
        let count = key.leaves().iter().filter(|leaf| owned(leaf)).count();
        if count == 0 || count != share.points().len() || !have.insert(*server) {
            culprits.push(*server);
            continue;
        }
        let slots = points.iter_mut().zip(key.leaves()).filter(|(_, leaf)| owned(leaf));
        for ((slot, _), point) in slots.zip(share.points()) {
            *slot = Some(*point);
        }
    }
    if culprits.is_empty() { Ok((points, have)) } else { Err(refused(culprits)) }
}

fn refused(mut culprits: Vec<ServerIndex>) -> CombineError {
    assert!(!culprits.is_empty(), "shares that all verify combine to the signature");
    culprits.sort_unstable();
    culprits.dedup();
    CombineError::Refused { culprits }
}

/// The leaves to use below a node, each with its factor in the node's value. `None` if the shares
/// do not satisfy the node. Takes the node's leaves from `leaves` in any case.
fn interpolate(
    formula: &Formula,
    leaves: &mut impl Iterator<Item = Option<G1>>,
) -> Option<Vec<(G1, Scalar)>> {
    let gate = match formula {
        Formula::Leaf(_) => {
            return leaves.next().flatten().map(|point| vec![(point, Scalar::small(1))]);
        }
        Formula::Gate(gate) => gate,
    };
    let mut satisfied = Vec::new();
    for (child, x) in gate.children().iter().zip(1..) {
        // Each child is walked even when enough are there, to pass over its leaves.
        if let Some(terms) = interpolate(child, leaves) {
            satisfied.push((Scalar::small(x), terms));
        }
    }
    let threshold = usize::from(gate.threshold());
    if satisfied.len() < threshold {
        return None;
    }
    // Where there is a choice, the children that need the fewest leaves are the cheapest.
    satisfied.sort_by_key(|(_, terms)| terms.len());
    satisfied.truncate(threshold);
    let points: Vec<Scalar> = satisfied.iter().map(|(x, _)| *x).collect();
    let mut used = Vec::new();
    for (x, terms) in satisfied {
        let factor = lagrange_at_zero(&x, &points);
        used.extend(terms.into_iter().map(|(point, inner)| (point, inner.times(&factor))));
    }
    Some(used)
}

/// The Lagrange coefficient of `x` for the value at 0, over `points`, which are distinct and not 0:
/// the product of `p / (p - x)` over the other points.
pub(super) fn lagrange_at_zero(x: &Scalar, points: &[Scalar]) -> Scalar {
    let others = points.iter().filter(|point| *point != x);
    let one = (Scalar::small(1), Scalar::small(1));
    let (above, below) = others
        .fold(one, |(above, below), point| (above.times(point), below.times(&point.minus(x))));
    above.times(&below.inverse())
}
