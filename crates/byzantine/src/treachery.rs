//! What Byzantine servers do.

use serde::{Deserialize, Serialize};

/// How a Byzantine coalition behaves. Each member also follows the protocol where none of this
/// applies, which makes its lies worth believing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Treachery {
    /// Percent of its own proposals for which a leader makes a second, conflicting one.
    pub equivocate: u64,
    /// Percent of recipients to whom a message is not sent.
    pub withhold: u64,
    /// Percent of foreign proposals, conflicting ones included, that it votes for.
    pub vote_for_all: u64,
    /// Percent of view changes that report something else than the truth.
    pub lie: u64,
    /// Percent of its choices as a new leader that name another tip.
    pub choose_wrong: u64,
    /// Percent of its batches that it sends to some only.
    pub withhold_batches: u64,
    /// Percent of second proposals with a forged log root or time, or batches that are not due, and of foreign proposals that it
    /// gives its share of the alliance key for before anything is decided.
    pub forge: u64,
    /// Percent of its own proposals that a leader gives a time far ahead, to all alike.
    pub rush: u64,
    /// Percent of its shares of the alliance key that are wrong.
    pub spoil: u64,
    /// Percent of its shares of new-view and commit certificates that are wrong.
    pub spoil_statements: u64,
    /// Percent of the proofs of its shares, when asked for, that it does not give.
    pub withhold_proofs: u64,
    /// Percent of its batches for which it signs a second one under the same number.
    pub two_batches: u64,
    /// Percent of its batches that the leader does not get, where it gets the next and nobody else does.
    pub gap: u64,
    /// Percent of its answers to servers that catch up that lead nowhere.
    pub missync: u64,
    /// Percent of what it hears that it sends on, mostly changed in one place and signed as its own.
    pub mutate: u64,
    /// Percent of the frames it sends that are garbage, where messages travel as bytes.
    pub garble: u64,
    /// Of a thousand messages it hears, after how many it floods somebody.
    pub flood: u64,
    /// How many messages of one kind, each of which is remembered, it sends to one server, once.
    pub deluge: u64,
    /// Of a thousand messages it hears, after how many it sends something that is signed wrongly, in
    /// another's name or for another epoch or policy; and percent of its choices as a new leader for
    /// which it makes the reports up.
    pub counterfeit: u64,
    /// Percent of its own proposals to which a leader gives a time before their parent's, to all
    /// alike.
    pub backdate: u64,
    /// Percent of its own proposals with batches that are not due, or a log that does not follow from
    /// them, to all alike.
    pub misorder: u64,
    /// Percent of the views that a new leader opens twice, by two certificates with different tips,
    /// where the reports allow it; a coalition that needs nobody else opens as many by itself.
    pub split: u64,
    /// The honest server that no member ever says anything to, counted from 1; 0 stands for nobody.
    pub shun: u64,
}
