//! What a model run is about: how many servers, who lies, how far it goes.

use crate::spec;
use ally_consensus::{
    AllianceId, Bugs, Config, Context, Epoch, Micros, PolicyDigest, Quorums, Rotation,
};
use ally_policy::{ServerIndex, ServerSet};
use std::sync::Arc;

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// n.
    pub servers: u16,
    /// f: how many may lie.
    pub faults: usize,
    /// t: how many a fast decision does without. Below f there is a slow path.
    pub spare: usize,
    /// Who lies, up to f of them; server v mod n leads view v.
    pub liars: Vec<ServerIndex>,
    /// The last view that is entered; views start at 0.
    pub views: u64,
    /// The highest block that is made.
    pub heights: u64,
    /// Whether servers hear each other's votes, and so decide by themselves. Without, what *could*
    /// be decided is taken from the votes that were sent.
    pub votes_heard: bool,
    /// Mistakes that the engines make.
    pub bugs: Bugs,
}

impl Setting {
    /// n servers of which one lies, two views, two heights.
    pub fn small(liar: u16, spare: usize) -> Self {
        Self {
            servers: 4,
            faults: 1,
            spare,
            liars: vec![ServerIndex(liar)],
            views: 1,
            heights: 2,
            votes_heard: false,
            bugs: Bugs::NONE,
        }
    }

    /// The cases that are searched: who lies, which path, how far.
    pub fn cases() -> Vec<(&'static str, Self)> {
        let two = Self::small(0, 1);
        vec![
            ("a follower lies", Self::small(2, 1)),
            ("second leader lies, one height", Self { heights: 1, ..Self::small(1, 1) }),
            ("first leader lies, one height", Self { heights: 1, ..two.clone() }),
            ("first leader lies", two.clone()),
            ("second leader lies", Self::small(1, 1)),
            (
                "a follower lies, votes heard, one height",
                Self { heights: 1, votes_heard: true, ..Self::small(2, 1) },
            ),
            (
                "first leader lies, votes heard, one height",
                Self { heights: 1, votes_heard: true, ..two },
            ),
            ("first leader lies, slow path, one height", Self { heights: 1, ..Self::small(0, 0) }),
        ]
    }

    /// Whether commits decide too.
    pub fn has_slow_path(&self) -> bool {
        self.spare < self.faults
    }

    /// Who leads a view.
    pub fn leader(&self, view: u64) -> ServerIndex {
        ServerIndex((view % u64::from(self.servers)) as u16)
    }

    /// Whether a server lies.
    pub fn lies(&self, server: ServerIndex) -> bool {
        self.liars.contains(&server)
    }

    /// Those who do not lie.
    pub fn honest(&self) -> Vec<ServerIndex> {
        (0..self.servers).map(ServerIndex).filter(|server| !self.lies(*server)).collect()
    }

    /// The policy as the specification has it.
    pub fn policy(&self) -> spec::Policy {
        spec::Policy::counts(self.servers as u8, self.faults, self.spare)
    }

    /// The alliance, epoch and policy that everything is signed for.
    pub fn context(&self) -> Context {
        Context {
            alliance: AllianceId([7; 32]),
            epoch: Epoch(0),
            policy: PolicyDigest([self.servers as u8; 32]),
        }
    }

    /// Each server is an organisation.
    pub fn rotation(&self) -> Rotation {
        let organisations = (0..self.servers).map(|server| vec![ServerIndex(server)]).collect();
        Rotation::new(Epoch(0), organisations)
    }

    pub(crate) fn config(&self, me: ServerIndex) -> Config {
        let policy = Counts { servers: self.servers, faults: self.faults, spare: self.spare };
        let timeout = Micros(1_000_000);
        let mut config =
            Config::new(self.context(), me, Arc::new(policy), self.rotation(), timeout);
        config.bugs = self.bugs;
        config
    }
}

/// The threshold case by arithmetic, for the engine; the specification counts sets.
struct Counts {
    servers: u16,
    faults: usize,
    spare: usize,
}

impl Quorums for Counts {
    fn server_count(&self) -> usize {
        usize::from(self.servers)
    }

    fn is_quorum(&self, set: &ServerSet) -> bool {
        set.len() + self.faults >= self.server_count()
    }

    fn is_kernel(&self, set: &ServerSet) -> bool {
        set.len() > self.faults
    }

    fn is_fast_quorum(&self, set: &ServerSet) -> bool {
        set.len() + self.spare >= self.server_count()
    }

    fn has_slow_path(&self) -> bool {
        self.spare < self.faults
    }

    fn possibly_decided(&self, outside: &ServerSet, leader: ServerIndex) -> bool {
        let others = outside.len() - usize::from(outside.contains(leader));
        others < self.spare + self.faults
    }
}
