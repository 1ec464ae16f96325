//! Who has to agree in a simulated alliance: a checked policy, or plain counts that need not be
//! sound.

use ally_consensus::Quorums;
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};

/// The policy of a simulated alliance.
pub enum Policy {
    /// One that passed its conditions.
    Sound(Box<TrustPolicy>),
    /// Thresholds, to show what goes wrong below the bound.
    Counted(Counts),
}

/// n servers, of which f may lie; fast quorums are n - t.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Servers.
    pub n: usize,
    /// How many may fail in any way.
    pub f: usize,
    /// How many may fail before decisions take three steps; at most `f`.
    pub t: usize,
}

impl Policy {
    /// Whether shares of `set` make a certificate.
    pub fn is_certify_set(&self, set: &ServerSet) -> bool {
        match self {
            Self::Sound(policy) => policy.is_certify_set(set),
            Self::Counted(counts) => set.len() > counts.f,
        }
    }

    /// Whether these servers may fail together.
    pub fn is_fail_prone(&self, set: &ServerSet) -> bool {
        match self {
            Self::Sound(policy) => policy.is_fail_prone(set),
            Self::Counted(counts) => set.len() <= counts.f,
        }
    }

    /// The servers of each organisation, in order.
    pub fn organisations(&self) -> Vec<Vec<ServerIndex>> {
        match self {
            Self::Sound(policy) => {
                policy.organisations().iter().map(|o| o.servers().to_vec()).collect()
            }
            Self::Counted(counts) => {
                ServerSet::first(counts.n).iter().map(|server| vec![server]).collect()
            }
        }
    }

    /// Identifies the policy among the simulated ones.
    pub fn digest(&self) -> [u8; 32] {
        match self {
            Self::Sound(policy) => policy.digest(),
            Self::Counted(Counts { n, f, t }) => {
                let mut digest = [0; 32];
                for (byte, count) in digest.iter_mut().zip([*n, *f, *t]) {
                    *byte = count as u8;
                }
                digest
            }
        }
    }
}

impl Quorums for Policy {
    fn server_count(&self) -> usize {
        match self {
            Self::Sound(policy) => policy.server_count(),
            Self::Counted(counts) => counts.n,
        }
    }

    fn is_quorum(&self, set: &ServerSet) -> bool {
        match self {
            Self::Sound(policy) => policy.is_quorum(set),
            Self::Counted(Counts { n, f, .. }) => set.len() >= n - f,
        }
    }

    fn is_kernel(&self, set: &ServerSet) -> bool {
        match self {
            Self::Sound(policy) => policy.is_kernel(set),
            Self::Counted(counts) => set.len() > counts.f,
        }
    }

    fn is_fast_quorum(&self, set: &ServerSet) -> bool {
        match self {
            Self::Sound(policy) => policy.is_fast_quorum(set),
            Self::Counted(Counts { n, t, .. }) => set.len() >= n - t,
        }
    }

    fn has_slow_path(&self) -> bool {
        match self {
            Self::Sound(policy) => policy.has_slow_path(),
            Self::Counted(Counts { f, t, .. }) => t < f,
        }
    }

    fn possibly_decided(&self, outside: &ServerSet, leader: ServerIndex) -> bool {
        match self {
            Self::Sound(policy) => policy.possibly_decided(outside, leader),
            Self::Counted(Counts { f, t, .. }) => {
                outside.len() - usize::from(outside.contains(leader)) < t + f
            }
        }
    }
}
