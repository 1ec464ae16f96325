//! Every message and block that anybody made, each under a number.

use crate::keys::{self, Keys};
use crate::{Setting, spec};
use ally_codec::Encode;
use ally_consensus::{
    BlockRef, Bounds, Branch, Context, Message, NewViewCertificate, Proposal, Recipients, Signed,
    Verified, Verifier, ViewChange,
};
use ally_policy::ServerIndex;
use std::collections::{BTreeMap, HashMap};

/// A message's number.
pub type MessageId = u32;

/// A message on its way: messages are never lost, only never delivered.
pub struct Parcel {
    /// Who said it.
    pub from: ServerIndex,
    /// To whom; none for all.
    pub to: Option<ServerIndex>,
    /// What, signed and checked.
    pub message: Verified,
}

impl Parcel {
    /// What was said.
    pub fn body(&self) -> &Message {
        &self.message.message().body
    }
}

/// All parcels and blocks.
pub struct Book {
    /// The case.
    pub setting: Setting,
    /// Blocks as the specification has them.
    pub blocks: spec::Blocks,
    context: Context,
    verifier: Verifier<Keys>,
    parcels: Vec<Parcel>,
    numbers: HashMap<(Option<ServerIndex>, Vec<u8>), MessageId>,
    refs: BTreeMap<BlockRef, spec::Id>,
    proposals: BTreeMap<spec::Id, Signed<Proposal>>,
}

impl Book {
    /// An empty one.
    pub fn new(setting: Setting) -> Self {
        let context = setting.context();
        let bounds = Bounds::of(setting.config(ServerIndex(0)).policy.as_ref());
        let genesis = BlockRef::genesis(context.alliance, context.epoch);
        Self {
            verifier: Verifier::new(context, setting.rotation(), bounds, Keys),
            blocks: spec::Blocks::default(),
            parcels: Vec::new(),
            numbers: HashMap::new(),
            refs: BTreeMap::from([(genesis, spec::GENESIS)]),
            proposals: BTreeMap::new(),
            context,
            setting,
        }
    }

    /// A parcel by its number.
    pub fn parcel(&self, id: MessageId) -> &Parcel {
        &self.parcels[id as usize]
    }

    /// Signs a message, checks it as a receiver would, and numbers it; the same one has one number.
    ///
    /// # Panics
    /// If it does not verify: then the model is wrong, because it makes no such message.
    pub fn post(&mut self, from: ServerIndex, to: Recipients, body: Message) -> MessageId {
        let to = match to {
            Recipients::All => None,
            Recipients::One(server) => Some(server),
        };
        let slow_path = self.setting.has_slow_path();
        let signed = keys::sign(&self.context, from, slow_path, body);
        let name = (to, signed.to_bytes());
        if let Some(id) = self.numbers.get(&name) {
            return *id;
        }
        if let Message::Proposal(proposal) = &signed.body {
            let body = proposal.clone();
            self.learn(Signed { signer: from, signature: signed.signature, body });
        }
        let message = self.verifier.check(signed).expect("the model says only what verifies");
        let id = self.parcels.len() as MessageId;
        self.parcels.push(Parcel { from, to, message });
        self.numbers.insert(name, id);
        id
    }

    /// The signature of enough shares; whoever asks has seen to it that there are enough.
    pub fn combine(&self, statement: &ally_consensus::Statement) -> Vec<u8> {
        keys::combine(&self.context, statement)
    }

    /// A block's number.
    ///
    /// # Panics
    /// If nobody ever made that block.
    pub fn id(&self, block: &BlockRef) -> spec::Id {
        self.refs[block]
    }

    /// A block as its leader signed it; none for the genesis block.
    pub fn proposal(&self, id: spec::Id) -> Option<&Signed<Proposal>> {
        self.proposals.get(&id)
    }

    /// A block's height and hash.
    pub fn block(&self, id: spec::Id) -> BlockRef {
        match self.proposals.get(&id) {
            Some(proposal) => proposal.body.header.block_ref(),
            None => BlockRef::genesis(self.context.alliance, self.context.epoch),
        }
    }

    /// A report as the specification has it.
    pub fn report(&self, report: &Signed<ViewChange>) -> spec::Report {
        let ViewChange { view, voted, committed, .. } = &report.body;
        spec::Report {
            sender: report.signer.0 as u8,
            view: view.0,
            voted: voted.as_ref().map(|branch| self.line(branch)),
            committed: committed.as_ref().map(|(_, branch)| self.line(branch)),
        }
    }

    fn line(&self, branch: &Branch) -> spec::Line {
        let tip = branch.new_view.as_ref().map(|nv: &NewViewCertificate| nv.tip);
        let tip = tip.map_or(spec::GENESIS, |tip| self.id(&tip));
        let top = branch.headers.last().map(|header| self.id(&header.body.block_ref()));
        spec::Line { view: branch.view.0, tip, top: top.unwrap_or(tip) }
    }

    fn learn(&mut self, proposal: Signed<Proposal>) {
        let header = &proposal.body.header;
        let block = header.block_ref();
        if self.refs.contains_key(&block) {
            return;
        }
        let below =
            BlockRef { height: ally_consensus::Height(header.height.0 - 1), hash: header.parent };
        let parent = self.id(&below);
        let id = self.refs.len() as spec::Id;
        let view = header.view.0;
        let (height, hash) = (block.height.0, block.hash.0);
        self.blocks.0.insert(id, spec::Block { parent, view, height, hash });
        self.refs.insert(block, id);
        self.proposals.insert(id, proposal);
    }

    /// A parcel for people.
    pub fn describe(&self, id: MessageId) -> String {
        let parcel = self.parcel(id);
        let what = match parcel.body() {
            Message::Proposal(p) => format!("block {}", self.name(&p.header.block_ref())),
            Message::Vote(vote) => format!("vote for {}", self.name(&vote.block)),
            Message::Commit(c) => format!("commit to {}", self.name(&c.certificate.block)),
            Message::ViewChange(report) => {
                let line = report.voted.as_ref().map(|branch| self.line(branch).top);
                let top = line.map_or("nothing".into(), |top| self.name(&self.block(top)));
                let cc = report.committed.as_ref();
                let cc = cc.map(|(cc, _)| format!(", CC for {}", self.name(&cc.block)));
                format!("report for view {}: {top}{}", report.view, cc.unwrap_or_default())
            }
            Message::NewView(choice) => {
                let from: Vec<_> = choice.reports.iter().map(|r| r.signer.0).collect();
                format!("choice of {} for view {} by {from:?}", self.name(&choice.tip), choice.view)
            }
            Message::NewViewShare(s) => format!("share of NV({}, {})", s.view, self.name(&s.tip)),
            Message::EnterView(nv) => format!("NV({}, {})", nv.view, self.name(&nv.tip)),
            Message::Equivocation(_) => "proof of equivocation".into(),
            Message::Fetch(_) => "question for a block".into(),
            Message::Support(_) => "what others said".into(),
            Message::Fetched(p) => format!("answer {}", self.name(&p.body.header.block_ref())),
            _ => "message".into(),
        };
        format!("s{}: {what}", parcel.from.0)
    }

    /// A block for people: `#number(view.height)`.
    pub fn name(&self, block: &BlockRef) -> String {
        match self.refs.get(block) {
            Some(id) => format!("#{id}(v{} h{})", self.blocks.0[id].view, block.height),
            None => format!("{}", block.hash),
        }
    }
}
