//! What comes out of a comparison.

use super::decisions::Conflict;
use crate::{BlockRef, Evidence, View};
use ally_policy::ServerSet;

/// What the testimony of several servers shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The lowest height at which two blocks are decided; none if what was brought agrees.
    pub conflict: Option<Conflict>,
    /// Proofs, each verified: one for each server and rule, by server.
    pub charges: Vec<Evidence>,
    /// Whether the guilty are more than the policy tolerates: no fail-prone set holds them all.
    pub beyond_policy: bool,
    /// Where the trail of blame ends, if there is a conflict and the guilty are too few to explain
    /// it.
    pub ends: Vec<TrailEnd>,
}

impl Findings {
    /// Who is convicted.
    pub fn guilty(&self) -> ServerSet {
        self.charges.iter().map(Evidence::culprit).collect()
    }
}

/// A certificate that took part in a conflict, and of which nothing that was brought says who made
/// it.
///
/// Either somebody has not brought what it kept, or nobody honest stands behind the certificate: then
/// all who gave a share of it are guilty, and the certificate does not name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrailEnd {
    /// NV(view) with this tip, and no choice whose reports give it. A kernel signed it. Who endorsed
    /// it and is honest keeps the choice.
    NewView {
        /// The view that it opened.
        view: View,
        /// Where its blocks start.
        tip: BlockRef,
    },
    /// CC(view, block), and not the votes of a quorum. Who voted and did not say so to everybody gave
    /// its share in secret.
    Commit {
        /// The view of the votes.
        view: View,
        /// The block.
        block: BlockRef,
        /// Who is known to have voted for it.
        voters: ServerSet,
    },
    /// A checkpoint's certificate for a block, and nothing that shows that the block was decided. Who
    /// shared it and is honest had decided the block, and keeps the votes.
    Checkpoint {
        /// The block.
        block: BlockRef,
    },
}
