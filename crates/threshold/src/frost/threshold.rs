//! Who holds a FROST key, and how many of them sign.

use crate::PlanError;
use ally_policy::{Formula, ServerIndex, ServerSet};
use curve25519_dalek::Scalar;

/// A plain threshold: `k of` distinct servers.
#[derive(Debug, Clone)]
pub(super) struct Threshold {
    formula: Formula,
    needed: usize,
    /// In the order of the formula.
    servers: Vec<ServerIndex>,
}

impl Threshold {
    /// Reads a formula.
    ///
    /// # Errors
    /// [`PlanError::NotPlain`] unless it is one gate over distinct servers.
    pub(super) fn new(formula: &Formula) -> Result<Self, PlanError> {
        let Formula::Gate(gate) = formula else { return Err(PlanError::NotPlain) };
        let plain = formula.depth() == 1 && formula.servers().len() == formula.leaf_count();
        if !plain {
            return Err(PlanError::NotPlain);
        }
        let needed = usize::from(gate.threshold());
        Ok(Self { formula: formula.clone(), needed, servers: formula.leaves() })
    }

    pub(super) fn formula(&self) -> &Formula {
        &self.formula
    }

    /// How many servers sign; at least 1.
    pub(super) fn needed(&self) -> usize {
        self.needed
    }

    /// The holders, in the order of the formula.
    pub(super) fn servers(&self) -> &[ServerIndex] {
        &self.servers
    }

    /// The holders that are not in `set`.
    pub(super) fn without(&self, set: &ServerSet) -> ServerSet {
        self.formula.servers().difference(set)
    }

    /// The number of the server's leaf.
    pub(super) fn leaf_of(&self, server: ServerIndex) -> Option<usize> {
        self.servers.iter().position(|holder| *holder == server)
    }
}

/// Where the sharing polynomial is evaluated for a server, which RFC 9591 calls its identifier: its
/// index + 1, so that nobody gets the value at 0, which is the key.
pub(super) fn identifier(server: ServerIndex) -> Scalar {
    Scalar::from(u64::from(server.0) + 1)
}

/// The weight of a server's share in the key when `signers`, distinct ones and `server` among
/// them, sign together: RFC 9591, section 4.2.
///
/// # Variable time: public data only
pub(super) fn weight(server: ServerIndex, signers: &[ServerIndex]) -> Scalar {
    let own = identifier(server);
    let others = signers.iter().filter(|other| **other != server).map(|other| identifier(*other));
    let (numerator, denominator) = others
        .fold((Scalar::ONE, Scalar::ONE), |(top, bottom), at| (top * at, bottom * (at - own)));
    numerator * denominator.invert()
}
