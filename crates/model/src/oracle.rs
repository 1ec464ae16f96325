//! What must hold whatever happens, judged by the specification.

use crate::book::Book;
use crate::member::Member;
use crate::spec::{self, Deed, Id, Server};
use std::collections::{BTreeMap, BTreeSet};

/// What a server has said that the invariants look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Testimony {
    server: Server,
    votes: BTreeSet<Id>,
    commits: BTreeSet<Id>,
    shares: BTreeSet<(u64, Id)>,
    decided: Vec<Id>,
    halted: bool,
}

impl Testimony {
    /// A server's.
    pub fn of(member: &Member) -> Self {
        let mut testimony = Self {
            server: member.me.0 as Server,
            votes: BTreeSet::new(),
            commits: BTreeSet::new(),
            shares: BTreeSet::new(),
            decided: member.decided.clone(),
            halted: member.halted,
        };
        for deed in &member.said {
            match *deed {
                Deed::Voted(block) => testimony.votes.insert(block),
                Deed::Committed(block) => testimony.commits.insert(block),
                Deed::Shared(view, tip) => testimony.shares.insert((view, tip)),
                Deed::Left(_) | Deed::Entered(..) => false,
            };
        }
        testimony
    }

    /// Whether everything that this other testimony says stands in this one too.
    #[cfg(test)]
    pub(crate) fn says_all_of(&self, other: &Self) -> bool {
        self.server == other.server
            && self.votes.is_superset(&other.votes)
            && self.commits.is_superset(&other.commits)
            && self.shares.is_superset(&other.shares)
            && self.decided.starts_with(&other.decided)
            && (self.halted || !other.halted)
    }
}

/// Agreement and soundness of NV. Every block counts as decided that *some* server could find
/// decided: liars are taken to have voted and committed for everything.
///
/// # Errors
/// What is violated.
pub fn judge(book: &Book, testimonies: &[&Testimony]) -> Result<(), String> {
    let (blocks, policy) = (&book.blocks, book.setting.policy());
    let name = |id: Id| book.name(&book.block(id));
    if let Some(halted) = testimonies.iter().find(|testimony| testimony.halted) {
        return Err(format!("s{} halted", halted.server));
    }
    let decided = could_be_decided(book, testimonies, u64::MAX);
    for (a, b) in pairs(&decided) {
        if blocks.conflict(a, b) {
            return Err(format!("agreement: {} and {} are both decided", name(a), name(b)));
        }
    }
    for testimony in testimonies {
        if let Some(early) = testimony.decided.iter().find(|block| !decided.contains(block)) {
            return Err(format!("s{} decides {}, which is not", testimony.server, name(*early)));
        }
    }
    let mut sharers: BTreeMap<(u64, Id), spec::Servers> = BTreeMap::new();
    for testimony in testimonies {
        for share in &testimony.shares {
            sharers.entry(*share).or_default().insert(testimony.server);
        }
    }
    for ((view, tip), mut sharers) in sharers {
        sharers.extend(book.setting.liars.iter().map(|liar| liar.0 as Server));
        if spec::may_enter(&policy, &sharers)
            && let before = could_be_decided(book, testimonies, view)
            && let Some(lost) = spec::unsound_tip(blocks, &before, tip)
        {
            return Err(format!("NV({view}, {}) loses {}", name(tip), name(lost)));
        }
    }
    Ok(())
}

/// What votes and commits of the views before `view` decide.
fn could_be_decided(book: &Book, testimonies: &[&Testimony], view: u64) -> BTreeSet<Id> {
    let everything = || {
        let liars = book.setting.liars.iter().map(|liar| liar.0 as Server);
        let blocks = book.blocks.0.keys().copied().filter(|id| *id != spec::GENESIS);
        let blocks: Vec<_> = blocks.collect();
        liars.flat_map(move |liar| blocks.clone().into_iter().map(move |block| (liar, block)))
    };
    let said = |what: fn(&Testimony) -> &BTreeSet<Id>| -> BTreeSet<(Server, Id)> {
        let honest = testimonies
            .iter()
            .flat_map(|testimony| what(testimony).iter().map(|block| (testimony.server, *block)));
        let earlier = |(_, id): &(Server, Id)| book.blocks.0[id].view < view;
        honest.chain(everything()).filter(earlier).collect()
    };
    let (votes, commits) = (said(|t| &t.votes), said(|t| &t.commits));
    spec::decided(&book.blocks, &book.setting.policy(), &votes, &commits)
}

fn pairs(ids: &BTreeSet<Id>) -> impl Iterator<Item = (Id, Id)> {
    ids.iter().flat_map(|a| ids.iter().map(|b| (*a, *b)))
}
