//! The dealer: shares a fresh key down the tree and commits to every polynomial.

use super::curve::G2;
use super::public_key::PublicKey;
use super::scalar::{Scalar, SecretScalar};
use crate::access::Secret;
use ally_policy::Formula;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// A public key, and the secret of each leaf, from left to right.
pub(crate) type DealtLeaves = (PublicKey, Vec<Secret>);

/// Deals a fresh key over `formula`: a set of servers can sign iff the formula holds on it, and all
/// other sets together learn nothing.
///
/// # Source
/// Benaloh & Leichter 1988 (sharing down the tree), Shamir 1979 at each gate, Feldman 1987
/// (commitments).
///
/// # Cost
/// One multiplication in G2 per coefficient; see also [`PublicKey::new`].
pub(crate) fn deal(formula: &Formula, rng: &mut impl CryptoRng) -> DealtLeaves {
    // A draw fails if some value comes out as 0, which has the chance of guessing a key.
    loop {
        if let Some(dealt) = deal_with(formula, &mut || SecretScalar::random(rng)) {
            return dealt;
        }
    }
}

/// Deals with the given source of coefficients: first the key, then gate by gate from the root down
/// and from left to right.
pub(super) fn deal_with(
    formula: &Formula,
    draw: &mut dyn FnMut() -> SecretScalar,
) -> Option<DealtLeaves> {
    let secret = draw();
    let commitments = vec![G2::public_key(&secret)];
    let mut dealer = Dealer { draw, commitments, leaves: Vec::new() };
    dealer.share(formula, secret)?;
    let public = PublicKey::new(formula, dealer.commitments)?;
    let bytes = |leaf: &SecretScalar| Zeroizing::new(leaf.encode().to_vec());
    Some((public, dealer.leaves.iter().map(bytes).collect()))
}

struct Dealer<'a> {
    draw: &'a mut dyn FnMut() -> SecretScalar,
    commitments: Vec<G2>,
    leaves: Vec<SecretScalar>,
}

impl Dealer<'_> {
    /// Shares the value of a node among its children. `None` if a child's value is 0.
    fn share(&mut self, formula: &Formula, value: SecretScalar) -> Option<()> {
        let gate = match formula {
            Formula::Leaf(_) => {
                self.leaves.push(value);
                return Some(());
            }
            Formula::Gate(gate) => gate,
        };
        let fresh: Vec<SecretScalar> = (1..gate.threshold()).map(|_| (self.draw)()).collect();
        self.commitments.extend(fresh.iter().map(G2::public_key));
        let polynomial: Vec<&SecretScalar> = std::iter::once(&value).chain(&fresh).collect();
        for (child, x) in gate.children().iter().zip(1..) {
            self.share(child, SecretScalar::polynomial(&polynomial, &Scalar::small(x))?)?;
        }
        Some(())
    }
}
