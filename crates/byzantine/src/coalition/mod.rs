//! Byzantine servers: they run the real server code, and lie on the way out.
//!
//! A coalition holds the keys of its members only. What it sends is the protocol's own messages,
//! changed: a leader's second proposal for the same place, votes for both, reports that leave out or
//! replace what was voted for, choices of a wrong tip, silence towards some. So its lies fit the
//! moment, which random bytes would not.

mod batches;
mod bending;
mod choosing;
mod counterfeiting;
mod deluge;
mod flooding;
mod garbling;
mod ledger;
mod memory;
mod mutating;
mod plotting;
mod proposing;
mod reporting;
mod shares;
mod splitting;
mod syncing;

use crate::keys::Keys;
use crate::plot::Plots;
use crate::random::Stream;
use crate::tally::Tally;
use crate::treachery::Treachery;
use ally_consensus::{
    BlockHash, BlockRef, Branch, Context, Message, Micros, Proposal, Rotation, Sequence, Signed,
    Statement, View, Vote, signing_bytes,
};
use ally_log::Origin;
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use ally_replica::PeerMessage;
use ledger::Ledger;
use memory::Memory;
use splitting::Split;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a coalition knows together, and how it lies.
pub struct Coalition {
    context: Context,
    origin: Origin,
    signer: Box<dyn Keys>,
    treachery: Treachery,
    policy: Arc<TrustPolicy>,
    rotation: Rotation,
    all: ServerSet,
    draw: Stream,
    memory: Memory,
    ledger: Ledger,
    /// For a block of ours, the block that stands against it.
    twins: BTreeMap<BlockHash, BlockRef>,
    /// Blocks of ours several blocks above where two branches part.
    deep: BTreeSet<BlockHash>,
    /// Views of ours that start from two tips, or were to.
    splits: BTreeMap<View, Split>,
    /// Certificates that we have made and nobody was told of.
    combined: Vec<Statement>,
    /// For a block of ours, the one that we sent in its place, whose time is far ahead.
    rushed: BTreeMap<BlockHash, (BlockRef, Micros)>,
    /// Batches of ours that leaders did not get, where they got the next.
    gaps: BTreeSet<(ServerIndex, Sequence)>,
    /// Set if the network is on our side.
    plots: Option<Plots>,
    /// The highest view that an honest server wants to enter.
    left: View,
    /// Blocks that we have committed to.
    committed: BTreeSet<BlockHash>,
    /// A branch that somebody reported early on: stale soon.
    last_branch: Option<Branch>,
    /// Floods so far.
    bursts: u64,
    /// Whether the deluge has come.
    deluged: bool,
    /// The honest server that nothing is said to.
    shunned: Option<ServerIndex>,
    /// What was done how often.
    tally: Tally,
}

/// A message of a liar on its way to one server.
#[derive(Debug, Clone)]
pub struct Lie {
    /// The liar.
    pub from: ServerIndex,
    /// Who hears it.
    pub to: ServerIndex,
    /// What.
    pub message: PeerMessage,
}

impl Coalition {
    /// The coalition of the servers whose keys `signer` holds.
    #[allow(clippy::too_many_arguments)] // Told once, all of it, by the one world there is.
    pub fn new(
        context: Context,
        origin: Origin,
        signer: Box<dyn Keys>,
        treachery: Treachery,
        policy: Arc<TrustPolicy>,
        rotation: Rotation,
        draw: Stream,
        plots: Option<Plots>,
    ) -> Self {
        let all = policy.everybody();
        let honest = all.difference(signer.servers());
        let shunned = treachery.shun.checked_sub(1).and_then(|n| honest.iter().nth(n as usize));
        Self {
            context,
            origin,
            signer,
            treachery,
            all,
            ledger: Ledger::new(
                BlockRef::genesis(context.alliance, context.epoch),
                policy.server_count(),
            ),
            policy,
            rotation,
            draw,
            memory: Memory::default(),
            twins: BTreeMap::new(),
            deep: BTreeSet::new(),
            splits: BTreeMap::new(),
            combined: Vec::new(),
            rushed: BTreeMap::new(),
            gaps: BTreeSet::new(),
            plots,
            left: View::ZERO,
            committed: BTreeSet::new(),
            last_branch: None,
            bursts: 0,
            deluged: false,
            shunned,
            tally: Tally::default(),
        }
    }

    /// What was done how often.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What was done how often since it was last taken.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// What it has made certificates for since it was last asked.
    pub fn take_combined(&mut self) -> Vec<Statement> {
        std::mem::take(&mut self.combined)
    }

    /// Whether a server belongs to it.
    pub fn contains(&self, server: ServerIndex) -> bool {
        self.signer.servers().contains(server)
    }

    /// A member got a message; what it adds to what its honest code will do.
    pub fn overhear(
        &mut self,
        member: ServerIndex,
        from: ServerIndex,
        message: &PeerMessage,
    ) -> Vec<Lie> {
        self.keep_account(message);
        let mut lies = match message {
            PeerMessage::Consensus(signed) => {
                self.learn(&signed.body);
                self.overhear_agreement(member, from, signed)
            }
            _ => Vec::new(),
        };
        lies.extend(self.mutate(member, message));
        lies.extend(self.flood(member));
        lies.extend(self.counterfeit(member));
        lies.extend(self.deluge(member));
        self.but_for_the_shunned(lies)
    }

    /// Without what the shunned server would hear.
    fn but_for_the_shunned(&mut self, mut lies: Vec<Lie>) -> Vec<Lie> {
        let Some(shunned) = self.shunned else { return lies };
        let all = lies.len();
        lies.retain(|lie| lie.to != shunned);
        if lies.len() < all {
            self.tally.count("liar: silent towards one for good");
        }
        lies
    }

    fn overhear_agreement(
        &mut self,
        member: ServerIndex,
        from: ServerIndex,
        message: &Signed<Message>,
    ) -> Vec<Lie> {
        match &message.body {
            Message::Proposal(proposal) => {
                let mut lies = self.overhear_proposal(member, message, proposal);
                lies.extend(self.certify_early(member, proposal));
                lies
            }
            Message::Commit(commit) if self.plots.is_some() => self.join_commit(commit),
            Message::ViewChange(report) if !self.contains(from) => {
                self.left = self.left.max(report.view);
                let Signed { signer, signature, .. } = *message;
                self.memory.keep_report(&Signed { signer, signature, body: (**report).clone() });
                self.open_alone(report.view)
            }
            Message::NewViewShare(share) if !self.contains(from) => self.take_share(from, share),
            _ => Vec::new(),
        }
    }

    fn overhear_proposal(
        &mut self,
        member: ServerIndex,
        message: &Signed<Message>,
        proposal: &Proposal,
    ) -> Vec<Lie> {
        let block = proposal.header.block_ref();
        self.memory.keep(Signed {
            signer: message.signer,
            signature: message.signature,
            body: proposal.clone(),
        });
        if !self.draw.percent(self.treachery.vote_for_all) {
            return Vec::new();
        }
        self.tally.count("liar: vote for whatever is shown");
        let vote = Message::Vote(Vote { view: proposal.header.view, block, share: None });
        let message = self.signed(member, vote);
        let others = self.others(member);
        self.for_some(&others, &PeerMessage::Consensus(message))
    }

    /// What a member's honest code wants to send to others; gives what is sent instead.
    pub fn send(
        &mut self,
        member: ServerIndex,
        to: &[ServerIndex],
        message: PeerMessage,
        now: Micros,
    ) -> Vec<Lie> {
        self.keep_account(&message);
        let lies = match &message {
            PeerMessage::Consensus(signed) => self.say(member, to, signed, now),
            PeerMessage::Batch(batch) => self.spread(member, to, batch),
            PeerMessage::SyncBlocks(blocks) => self.mislead(member, to, blocks),
            PeerMessage::ShareProof(_) if self.draw.percent(self.treachery.withhold_proofs) => {
                self.tally.count("liar: proof of a share withheld");
                Vec::new()
            }
            PeerMessage::CertifyShare(_) | PeerMessage::ShareProof(_) if self.plots.is_some() => {
                to_each(member, to, &message)
            }
            _ => self.for_some_of(member, to, &message),
        };
        self.but_for_the_shunned(lies)
    }

    fn say(
        &mut self,
        member: ServerIndex,
        to: &[ServerIndex],
        message: &Signed<Message>,
        now: Micros,
    ) -> Vec<Lie> {
        if self.plots.is_some() && self.holds_back(&message.body) {
            return Vec::new();
        }
        if let Some(spoilt) = self.with_bad_share(member, &message.body) {
            return self.for_some(to, &PeerMessage::Consensus(spoilt));
        }
        match &message.body {
            Message::Proposal(proposal) => self.propose(member, to, message, proposal, now),
            Message::Vote(vote) if self.plots.is_some() => {
                let shown = self.audience(vote.view, false).union(self.signer.servers());
                let to: Vec<_> = to.iter().copied().filter(|to| shown.contains(*to)).collect();
                to_each(member, &to, &PeerMessage::Consensus(message.clone()))
            }
            Message::ViewChange(report) => {
                let Signed { signer, signature, .. } = *message;
                self.memory.keep_report(&Signed { signer, signature, body: (**report).clone() });
                match self.draw.percent(self.treachery.lie) {
                    true => self.report(member, to, report),
                    false => self.for_some(to, &PeerMessage::Consensus(message.clone())),
                }
            }
            Message::NewView(choice) => {
                let split = self.split(member, choice);
                split.unwrap_or_else(|| self.choose(member, to, message, choice))
            }
            Message::EnterView(certificate) => {
                let to = self.entering(certificate, to);
                self.for_some_of(member, &to, &PeerMessage::Consensus(message.clone()))
            }
            _ => self.for_some(to, &PeerMessage::Consensus(message.clone())),
        }
    }

    /// To each recipient but those from whom it is withheld.
    fn for_some(&mut self, to: &[ServerIndex], message: &PeerMessage) -> Vec<Lie> {
        let PeerMessage::Consensus(signed) = message else { return Vec::new() };
        self.for_some_of(signed.signer, to, message)
    }

    fn for_some_of(
        &mut self,
        from: ServerIndex,
        to: &[ServerIndex],
        message: &PeerMessage,
    ) -> Vec<Lie> {
        let heard: Vec<_> =
            to.iter().copied().filter(|_| !self.draw.percent(self.treachery.withhold)).collect();
        if heard.len() < to.len() {
            self.tally.count("liar: silent towards some");
        }
        to_each(from, &heard, message)
    }

    fn others(&self, member: ServerIndex) -> Vec<ServerIndex> {
        self.all.iter().filter(|other| *other != member).collect()
    }

    fn signed(&self, member: ServerIndex, mut message: Message) -> Signed<Message> {
        if let Some(statement) = message.share_statement(self.policy.has_slow_path()) {
            message.set_share(self.signer.share(member, &self.context, &statement));
        }
        self.sign_as_is(member, message)
    }

    fn sign_as_is(&self, member: ServerIndex, message: Message) -> Signed<Message> {
        let kind = message.signed_kind().expect("a coalition changes signed messages only");
        let bytes = signing_bytes(&self.context, kind, &message.signed_content());
        Signed { signer: member, signature: self.signer.sign(member, &bytes), body: message }
    }
}

fn to_each(from: ServerIndex, to: &[ServerIndex], message: &PeerMessage) -> Vec<Lie> {
    to.iter().map(|to| Lie { from, to: *to, message: message.clone() }).collect()
}
