//! What was observed, in order: always as a hash, on request in whole.

mod about;

pub use about::{About, Kind};

use crate::observation::{Deaf, Observation};
use ally_consensus::{Message, Micros};
use ally_policy::ServerIndex;
use ally_replica::{PeerMessage, StoreOp};

/// A run's observations.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    hash: u64,
    entries: Option<Vec<Entry>>,
}

/// One recorded observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, µs.
    pub at: u64,
    /// Where.
    pub place: Place,
    /// What.
    pub about: About,
}

/// Where something was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At a server.
    Server(ServerIndex),
    /// Between two servers.
    Link {
        /// From whom.
        from: ServerIndex,
        /// To whom.
        to: ServerIndex,
        /// When it arrives, µs; none if it is lost.
        arrives: Option<u64>,
    },
    /// At the end of a link, where a message came and was not heard.
    Unheard {
        /// From whom.
        from: ServerIndex,
        /// To whom.
        to: ServerIndex,
        /// Why it was not heard.
        why: Deaf,
    },
    /// Everywhere.
    Everywhere,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Keeps entries from now on.
    pub(crate) fn record(&mut self) {
        self.entries = Some(Vec::new());
    }

    /// The hash of everything observed: equal for equal runs.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// What was recorded, in the order of time; empty if nothing was to be.
    pub fn entries(&self) -> &[Entry] {
        self.entries.as_deref().unwrap_or_default()
    }

    pub(crate) fn see(&mut self, now: Micros, what: &Observation<'_>) {
        self.absorb(now.0);
        digest(what).into_iter().for_each(|word| self.absorb(word));
        if let Some(entries) = &mut self.entries
            && let Some(about) = About::observation(what)
        {
            entries.push(Entry { at: now.0, place: place(now, what), about });
        }
    }

    fn absorb(&mut self, word: u64) {
        let mixed = (self.hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.hash = mixed ^ (mixed >> 29);
    }
}

fn place(now: Micros, what: &Observation<'_>) -> Place {
    match what {
        Observation::Sent { from, to, delay, .. } => {
            Place::Link { from: *from, to: *to, arrives: delay.map(|delay| now.0 + delay) }
        }
        Observation::Unheard { from, to, why, .. } => {
            Place::Unheard { from: *from, to: *to, why: *why }
        }
        Observation::Submitted { server, .. }
        | Observation::Said { server, .. }
        | Observation::Durable { server, .. }
        | Observation::Delivered { server, .. }
        | Observation::View { server, .. }
        | Observation::Accused { server, .. }
        | Observation::Refused { server, .. }
        | Observation::Halted { server, .. }
        | Observation::Sampled { server, .. }
        | Observation::Crashed { server, .. }
        | Observation::Restarted { server } => Place::Server(*server),
        _ => Place::Everywhere,
    }
}

/// Numbers that tell observations apart.
fn digest(what: &Observation<'_>) -> [u64; 3] {
    let words = |kind: u64, server: ServerIndex, word: u64| [kind, u64::from(server.0), word];
    match what {
        Observation::Submitted { server, command } => words(1, *server, command.len() as u64),
        Observation::Said { server, message } => words(2, *server, fingerprint(message)),
        Observation::Sent { from, to, delay, .. } => {
            [3, u64::from(from.0) << 16 | u64::from(to.0), delay.map_or(u64::MAX, |d| d)]
        }
        Observation::Unheard { from, to, why, .. } => {
            [16, u64::from(from.0) << 16 | u64::from(to.0), *why as u64]
        }
        Observation::Durable { server, op } => words(
            4,
            *server,
            match op {
                StoreOp::Journal { position, .. } => position.0,
                StoreOp::RewriteJournal { first, .. } => first.0,
                StoreOp::Batch(batch) => batch.reference().sequence.0,
                StoreOp::Block(block) => block.block.height.0,
                StoreOp::Certificate(certificate) => certificate.block.height.0,
                _ => 0,
            },
        ),
        Observation::Delivered { server, block } => words(5, *server, first(&block.block.hash.0)),
        Observation::Combined { statement } => [6, first(&statement.content()), 0],
        Observation::Certified { certificate } => [7, first(&certificate.block.hash.0), 0],
        Observation::View { server, view, open } => {
            words(8, *server, view.0 << 1 | u64::from(*open))
        }
        Observation::Accused { server, evidence } => words(9, *server, first(&evidence.digest().0)),
        Observation::Halted { server, .. } => words(10, *server, 0),
        Observation::Crashed { server, height } => words(11, *server, height.0),
        Observation::Restarted { server } => words(12, *server, 0),
        Observation::Healed => [13, 0, 0],
        Observation::Refused { server, from, .. } => words(15, *server, u64::from(from.0)),
        Observation::Sampled { server, status } => words(14, *server, status.agreement.view.0),
    }
}

fn fingerprint(message: &PeerMessage) -> u64 {
    match message {
        PeerMessage::Consensus(signed) => {
            let kind = match &signed.body {
                Message::Proposal(_) => 1,
                Message::Vote(_) => 2,
                Message::Commit(_) => 3,
                Message::ViewChange(_) => 4,
                Message::NewView(_) => 5,
                Message::NewViewShare(_) => 6,
                Message::EnterView(_) => 7,
                Message::Equivocation(_) => 8,
                Message::Fetch(_) => 9,
                Message::Fetched(_) => 10,
                Message::Support(_) => 11,
                _ => 12,
            };
            first(&signed.signature) ^ kind
        }
        PeerMessage::Batch(signed) => first(&signed.signature),
        PeerMessage::CertifyShare(share) => first(&share.signature),
        PeerMessage::ShareProof(proof) => first(&proof.signature),
        PeerMessage::Certificate(certificate) => certificate.block.height.0,
        PeerMessage::FetchBatches(ids) => ids.len() as u64,
        PeerMessage::ProofRequest(block) => block.height.0,
        PeerMessage::SyncRequest(height) => height.0,
        PeerMessage::SyncBlocks(blocks) => blocks.blocks.len() as u64,
        _ => 0,
    }
}

fn first(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let length = bytes.len().min(8);
    word[..length].copy_from_slice(&bytes[..length]);
    u64::from_le_bytes(word)
}
