//! The dealer: shares a fresh key down the tree and commits to every polynomial.

use super::curve::G2;
use super::key::{KeyShare, PublicKey};
use super::scalar::{Scalar, SecretScalar};
use ally_policy::{Formula, ServerIndex};
use rand_core::CryptoRng;
use std::collections::BTreeMap;

/// A dealt key: the public side, and one secret share per server named in the formula, in ascending
/// order of servers.
pub struct Dealt {
    /// Goes to everyone.
    pub public: PublicKey,
    /// Each goes to its server alone; the dealer keeps none.
    pub shares: Vec<KeyShare>,
}

/// Deals a fresh key over `formula`: a set of servers can sign iff the formula holds on it, and all
/// other sets together learn nothing.
///
/// # Source
/// Benaloh & Leichter 1988 (sharing down the tree), Shamir 1979 at each gate, Feldman 1987
/// (commitments).
///
/// # Cost
/// One multiplication in G2 per coefficient; see also `PublicKey`.
pub fn deal(formula: &Formula, rng: &mut impl CryptoRng) -> Dealt {
    // A draw fails if some value comes out as 0, which has the chance of guessing a key.
    loop {
        let dealt = deal_with(formula, &mut || SecretScalar::random(rng));
        if let Some(dealt) = dealt {
            return dealt;
        }
    }
}

/// Deals with the given source of coefficients: first the key, then gate by gate from the root down
/// and from left to right.
pub(super) fn deal_with(
    formula: &Formula,
    draw: &mut dyn FnMut() -> SecretScalar,
) -> Option<Dealt> {
    let secret = draw();
    let mut dealer =
        Dealer { draw, commitments: vec![G2::public_key(&secret)], shares: BTreeMap::new() };
    dealer.share(formula, secret)?;
    let public = PublicKey::new(formula.clone(), dealer.commitments)?;
    let shares = dealer.shares.into_iter().map(|(server, leaves)| KeyShare::new(server, leaves));
    Some(Dealt { public, shares: shares.collect() })
}

struct Dealer<'a> {
    draw: &'a mut dyn FnMut() -> SecretScalar,
    commitments: Vec<G2>,
    /// Sub-shares by server, in the order of the leaves.
    shares: BTreeMap<ServerIndex, Vec<SecretScalar>>,
}

impl Dealer<'_> {
    /// Shares the value of a node among its children. `None` if a child's value is 0.
    fn share(&mut self, formula: &Formula, value: SecretScalar) -> Option<()> {
        let gate = match formula {
            Formula::Leaf(server) => {
                self.shares.entry(*server).or_default().push(value);
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
