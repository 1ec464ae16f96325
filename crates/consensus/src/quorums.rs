//! The questions that agreement asks a trust policy.

use ally_policy::{ServerIndex, ServerSet, TrustPolicy};

/// Who has to agree, as agreement sees it.
///
/// [`TrustPolicy`] answers these for every policy that passed its conditions. It is a trait so that
/// models can also run policies that would *not* pass, and show what goes wrong with them.
pub trait Quorums: Send + Sync {
    /// How many servers there are; they are numbered from 0.
    fn server_count(&self) -> usize;

    /// Whether `set` is a quorum: enough to move on with.
    fn is_quorum(&self, set: &ServerSet) -> bool;

    /// Whether `set` meets every quorum, so that it holds a correct server.
    fn is_kernel(&self, set: &ServerSet) -> bool;

    /// Whether votes of `set` decide in two steps.
    fn is_fast_quorum(&self, set: &ServerSet) -> bool;

    /// Whether fast quorums are stronger than quorums, so that commits decide too.
    fn has_slow_path(&self) -> bool;

    /// Whether a block that none of `outside` speaks for may still have been decided, now that
    /// `leader` is proven to lie: `outside` is T ∪ F, where a fast quorum is left without T, a
    /// quorum without F, and F holds `leader`.
    ///
    /// # Source
    /// docs/protocol.md#selection, rule 3
    fn possibly_decided(&self, outside: &ServerSet, leader: ServerIndex) -> bool;
}

impl Quorums for TrustPolicy {
    fn server_count(&self) -> usize {
        TrustPolicy::server_count(self)
    }

    fn is_quorum(&self, set: &ServerSet) -> bool {
        TrustPolicy::is_quorum(self, set)
    }

    fn is_kernel(&self, set: &ServerSet) -> bool {
        TrustPolicy::is_kernel(self, set)
    }

    fn is_fast_quorum(&self, set: &ServerSet) -> bool {
        TrustPolicy::is_fast_quorum(self, set)
    }

    fn has_slow_path(&self) -> bool {
        TrustPolicy::has_slow_path(self)
    }

    fn possibly_decided(&self, outside: &ServerSet, leader: ServerIndex) -> bool {
        TrustPolicy::possibly_decided(self, outside, leader)
    }
}
