//! One honest server: a real engine, and what it has said so far.

use crate::book::{Book, MessageId};
use crate::spec::{self, Deed, Said};
use ally_consensus::{
    BatchRef, BlockHash, Digest, Draft, Engine, Input, Message, Now, Output, PayloadVerdict,
    Recipients, Record, Sequence, Signed, Verified, View,
};
use ally_policy::ServerIndex;
use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What can happen to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// It hears a message.
    Hear(MessageId),
    /// It loses patience with its view.
    Leave,
    /// It proposes a block, if it leads.
    Propose,
}

/// Sees what an engine does.
pub trait Watch {
    /// The server hears something, its own messages included.
    fn hears(&mut self, _book: &Book, _member: &Member, _message: &Verified) {}

    /// The engine wants this; nothing of it has happened yet.
    fn does(&mut self, _book: &Book, _member: &Member, _output: &Output) {}
}

/// Nobody watches.
pub struct Unwatched;

impl Watch for Unwatched {}

/// An honest server.
#[derive(Clone)]
pub struct Member {
    /// Which.
    pub me: ServerIndex,
    /// The messages it has sent.
    pub sent: BTreeSet<MessageId>,
    /// What it has said for good, as the specification has it.
    pub said: Said,
    /// The blocks that it has decided, ascending.
    pub decided: Vec<spec::Id>,
    /// The blocks that it has heard of.
    pub known: BTreeSet<spec::Id>,
    /// The blocks that it has asked for.
    pub asked: BTreeSet<BlockHash>,
    /// The views for which it has heard a choice.
    pub choices: BTreeSet<u64>,
    /// The engine saw more liars than there may be.
    pub halted: bool,
    engine: Engine,
}

impl Member {
    /// A server that has just started.
    pub fn new(book: &mut Book, me: ServerIndex) -> Self {
        let engine = Engine::new(book.setting.config(me));
        let known = BTreeSet::from([spec::GENESIS]);
        let (sent, said, decided) = (BTreeSet::new(), Said::new(), Vec::new());
        let (asked, choices) = (BTreeSet::new(), BTreeSet::new());
        let halted = false;
        let mut member = Self { me, sent, said, decided, known, asked, choices, halted, engine };
        member.input(book, Input::Work { waiting: true }, &mut Unwatched);
        member
    }

    /// Two hashes over all that its future depends on and all that it has said which `matters`.
    pub fn fingerprint(&self, matters: impl Fn(MessageId) -> bool) -> [u64; 2] {
        let sent: Vec<_> = self.sent.iter().filter(|id| matters(**id)).collect();
        [0_u8, 1].map(|salt| {
            let mut hasher = DefaultHasher::new();
            (salt, self.me, &sent, &self.decided, self.halted).hash(&mut hasher);
            (&self.known, &self.asked).hash(&mut hasher);
            self.engine.fingerprint(&mut hasher);
            hasher.finish()
        })
    }

    /// Where it may propose, if that is within the bounds of the case.
    pub fn may_propose(&self, book: &Book) -> bool {
        let within =
            |view: View, height: u64| view.0 <= book.setting.views && height < book.setting.heights;
        self.engine.slot().is_some_and(|slot| within(slot.view, slot.parent.height.0))
    }

    /// Whether it may lose patience, within the bounds of the case.
    pub fn may_leave(&self, book: &Book) -> bool {
        let place = spec::place(&self.said);
        place.tip.is_some() && place.view < book.setting.views
    }

    /// One thing happens, with all that follows inside this server at once: its disk, its
    /// combination of shares and its messages to itself take no time.
    pub fn take(&mut self, book: &mut Book, step: Step, watch: &mut dyn Watch) {
        match step {
            Step::Hear(id) => {
                let message = book.parcel(id).message.clone();
                self.hear(book, &message, watch);
                self.input(book, Input::Received(message), watch);
            }
            Step::Leave => self.input(book, Input::Starved, watch),
            Step::Propose => {
                if let Some(draft) = self.draft() {
                    self.input(book, Input::Propose(draft), watch);
                }
            }
        }
    }

    /// What an honest leader proposes is settled by its view and the block below.
    fn draft(&self) -> Option<Draft> {
        let slot = self.engine.slot()?;
        let digest = Digest(slot.parent.hash.0);
        let batch = BatchRef {
            origin: self.me,
            sequence: Sequence(slot.parent.height.0),
            digest,
            commands: 1,
            bytes: 1,
        };
        let batches = Arc::new([batch]);
        let log_size = slot.parent.height.0 + 1;
        Some(Draft { parent: slot.parent, batches, log_size, log_root: digest })
    }

    fn input(&mut self, book: &mut Book, input: Input, watch: &mut dyn Watch) {
        let mut waiting = VecDeque::from([input]);
        while let Some(input) = waiting.pop_front() {
            let mut outputs = Vec::new();
            self.engine.step(input, Now::ZERO, &mut outputs);
            for output in outputs {
                watch.does(book, self, &output);
                waiting.extend(self.perform(book, output, watch));
            }
        }
    }

    fn perform(&mut self, book: &mut Book, output: Output, watch: &mut dyn Watch) -> Option<Input> {
        match output {
            Output::Journal { record, .. } => self.said.extend(deed(book, &record)),
            Output::Send { to, message } | Output::SendDurable { to, message, .. } => {
                return self.send(book, to, message, watch);
            }
            Output::CheckPayload { block, .. } => {
                return Some(Input::Payload { block: block.hash, verdict: PayloadVerdict::Valid });
            }
            Output::Combine { statement, .. } => {
                let result = Ok(book.combine(&statement));
                return Some(Input::Combined { statement, result });
            }
            Output::Decided(decided) => self.decided.push(book.id(&decided.block)),
            Output::Halt(_) => self.halted = true,
            _ => {}
        }
        None
    }

    fn send(
        &mut self,
        book: &mut Book,
        to: Recipients,
        message: Message,
        watch: &mut dyn Watch,
    ) -> Option<Input> {
        if let Message::Fetch(block) = message {
            self.asked.insert(block);
        }
        let id = book.post(self.me, to, message);
        self.sent.insert(id);
        let own = match to {
            Recipients::All => true,
            Recipients::One(server) => server == self.me,
        };
        own.then(|| {
            let message = book.parcel(id).message.clone();
            self.hear(book, &message, watch);
            Input::Received(message)
        })
    }

    fn hear(&mut self, book: &Book, message: &Verified, watch: &mut dyn Watch) {
        if let Message::Proposal(proposal) | Message::Fetched(Signed { body: proposal, .. }) =
            &message.message().body
        {
            self.known.insert(book.id(&proposal.header.block_ref()));
        }
        if let Message::NewView(choice) = &message.message().body {
            self.choices.insert(choice.view.0);
        }
        watch.hears(book, self, message);
    }
}

/// What a journal record says, as the specification has it.
pub(crate) fn deed(book: &Book, record: &Record) -> Option<Deed> {
    Some(match record {
        Record::Vote(proposal) => Deed::Voted(book.id(&proposal.body.header.block_ref())),
        Record::Commit(certificate) => Deed::Committed(book.id(&certificate.block)),
        Record::Leave(view) => Deed::Left(view.0),
        Record::NewViewShare { view, tip } => Deed::Shared(view.0, book.id(tip)),
        Record::Enter(certificate) => Deed::Entered(certificate.view.0, book.id(&certificate.tip)),
        _ => return None,
    })
}
