//! Observations in a few words.

use crate::observation::Observation;
use ally_consensus::{BlockRef, DecisionPath, Message, Record, Statement};
use ally_replica::{PeerMessage, StoreOp};
use std::fmt;

/// What sort of thing was observed; a trace or a diagram can be limited to some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A client's command.
    Command,
    /// A batch of commands, or asking for one.
    Batch,
    /// A leader's proposal.
    Proposal,
    /// A vote, the first of two or three steps.
    Vote,
    /// A commit, the second of three steps.
    Commit,
    /// Leaving a view, entering the next one, and what is said about it.
    View,
    /// A server's decision.
    Decision,
    /// Shares and certificates of the alliance key.
    Certificate,
    /// Asking for old blocks, and getting them.
    CatchUp,
    /// Evidence, and servers that stop because of it.
    Evidence,
    /// Something became durable.
    Disk,
    /// Crashes, restarts, and the end of all faults.
    Fault,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Command,
        Self::Batch,
        Self::Proposal,
        Self::Vote,
        Self::Commit,
        Self::View,
        Self::Decision,
        Self::Certificate,
        Self::CatchUp,
        Self::Evidence,
        Self::Disk,
        Self::Fault,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Batch => "batch",
            Self::Proposal => "proposal",
            Self::Vote => "vote",
            Self::Commit => "commit",
            Self::View => "view",
            Self::Decision => "decision",
            Self::Certificate => "certificate",
            Self::CatchUp => "catch-up",
            Self::Evidence => "evidence",
            Self::Disk => "disk",
            Self::Fault => "fault",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An observation in a few words, and what it can be found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What sort of thing.
    pub kind: Kind,
    /// What, in a few words.
    pub label: String,
    /// The height that it is about.
    pub height: Option<u64>,
    /// The view that it is about.
    pub view: Option<u64>,
    /// The block that it is about: the start of its hash.
    pub block: Option<String>,
}

impl About {
    fn new(kind: Kind, label: impl Into<String>) -> Self {
        Self { kind, label: label.into(), height: None, view: None, block: None }
    }

    fn block(kind: Kind, verb: &str, block: &BlockRef) -> Self {
        let label = format!("{verb} {}", name(block));
        let (height, block) = (Some(block.height.0), Some(hash(block)));
        Self { height, block, ..Self::new(kind, label) }
    }

    fn in_view(self, view: ally_consensus::View) -> Self {
        Self { view: Some(view.0), ..self }
    }

    /// What a person reads; none where another observation says it already.
    pub(super) fn observation(what: &Observation<'_>) -> Option<Self> {
        Some(match what {
            Observation::Said { .. } | Observation::Sampled { .. } => return None,
            Observation::Submitted { command, .. } => {
                let command = String::from_utf8_lossy(command);
                Self::new(Kind::Command, format!("command {command}"))
            }
            Observation::Sent { message, .. } | Observation::Unheard { message, .. } => {
                sent(message)
            }
            Observation::Durable { op, .. } => written(op)?,
            Observation::Delivered { block, .. } => {
                let path = match block.path {
                    DecisionPath::Fast => "in two steps",
                    DecisionPath::Slow => "in three steps",
                    DecisionPath::Certificate => "by certificate",
                };
                let about = Self::block(Kind::Decision, "decides", &block.block);
                Self { label: format!("{} {path}", about.label), ..about }
                    .in_view(block.header().view)
            }
            Observation::Combined { statement: Statement::NewView { view, tip } } => {
                let verb = format!("enough shares: view {view} starts from");
                Self::block(Kind::View, &verb, tip).in_view(*view)
            }
            Observation::Combined { statement: Statement::Commit { view, block } } => {
                Self::block(Kind::Commit, "enough votes to commit", block).in_view(*view)
            }
            Observation::Certified { certificate } => {
                Self::block(Kind::Certificate, "the alliance signs", &certificate.block)
            }
            Observation::View { view, open: true, .. } => {
                Self::new(Kind::View, format!("enters view {view}")).in_view(*view)
            }
            Observation::View { view, open: false, .. } => {
                Self::new(Kind::View, format!("leaves for view {view}")).in_view(*view)
            }
            Observation::Accused { evidence, .. } => {
                Self::new(Kind::Evidence, format!("proves that {} lies", evidence.culprit()))
            }
            Observation::Refused { error, .. } => {
                Self::new(Kind::Evidence, format!("refuses a message: {error}"))
            }
            Observation::Halted { breach, .. } => {
                Self::new(Kind::Evidence, format!("halts: {breach:?}"))
            }
            Observation::Crashed { height, .. } => {
                Self::new(Kind::Fault, format!("crashes; disk at height {height}"))
            }
            Observation::Restarted { .. } => Self::new(Kind::Fault, "restarts"),
            Observation::Healed => Self::new(Kind::Fault, "all faults end"),
        })
    }
}

fn sent(message: &PeerMessage) -> About {
    match message {
        PeerMessage::Consensus(signed) => agreement(&signed.body),
        PeerMessage::Batch(signed) => {
            let batch = &signed.batch;
            About::new(Kind::Batch, format!("batch {}/{}", batch.origin().0, batch.sequence()))
        }
        PeerMessage::FetchBatches(ids) => {
            About::new(Kind::Batch, format!("ask for {} batches", ids.len()))
        }
        PeerMessage::CertifyShare(share) => {
            About::block(Kind::Certificate, "share of the key for", &share.body.block)
        }
        PeerMessage::ProofRequest(block) => {
            About::block(Kind::Certificate, "ask for the proof of a share for", block)
        }
        PeerMessage::ShareProof(proof) => {
            About::block(Kind::Certificate, "proof of a share for", &proof.body.block)
        }
        PeerMessage::Certificate(certificate) => {
            About::block(Kind::Certificate, "certificate of", &certificate.block)
        }
        PeerMessage::SyncRequest(height) => {
            About::new(Kind::CatchUp, format!("ask for blocks after {height}"))
        }
        PeerMessage::SyncBlocks(blocks) => {
            About::new(Kind::CatchUp, format!("{} old blocks", blocks.blocks.len()))
        }
        _ => About::new(Kind::CatchUp, "message"),
    }
}

fn agreement(message: &Message) -> About {
    match message {
        Message::Proposal(proposal) => {
            About::block(Kind::Proposal, "propose", &proposal.block_ref())
                .in_view(proposal.header.view)
        }
        Message::Vote(vote) => About::block(Kind::Vote, "vote", &vote.block).in_view(vote.view),
        Message::Commit(commit) => About::block(Kind::Commit, "commit", &commit.certificate.block)
            .in_view(commit.certificate.view),
        Message::ViewChange(report) => {
            About::new(Kind::View, format!("report for view {}", report.view)).in_view(report.view)
        }
        Message::NewView(choice) => {
            let verb = format!("choice: view {} from", choice.view);
            About::block(Kind::View, &verb, &choice.tip).in_view(choice.view)
        }
        Message::NewViewShare(share) => {
            let verb = format!("agree that view {} starts from", share.view);
            About::block(Kind::View, &verb, &share.tip).in_view(share.view)
        }
        Message::EnterView(certificate) => {
            About::new(Kind::View, format!("view {} may start", certificate.view))
                .in_view(certificate.view)
        }
        Message::Equivocation(proof) => {
            About::new(Kind::Evidence, format!("proof against {}", proof.first.signer))
        }
        Message::Fetch(_) => About::new(Kind::CatchUp, "ask for a proposal"),
        Message::Fetched(_) => About::new(Kind::CatchUp, "an old proposal"),
        Message::Support(support) => {
            let (votes, commits) = (support.votes.len(), support.commits.len());
            let words = format!("{votes} votes and {commits} commits of others");
            About::new(Kind::CatchUp, words)
        }
        _ => About::new(Kind::CatchUp, "about agreement"),
    }
}

fn written(op: &StoreOp) -> Option<About> {
    let StoreOp::Journal { record, .. } = op else { return None };
    Some(match record {
        Record::Vote(proposal) => {
            let header = &proposal.body.header;
            About::block(Kind::Disk, "on disk: vote", &header.block_ref()).in_view(header.view)
        }
        Record::Commit(certificate) => {
            About::block(Kind::Disk, "on disk: commit", &certificate.block)
                .in_view(certificate.view)
        }
        Record::Leave(view) => {
            About::new(Kind::Disk, format!("on disk: leave for view {view}")).in_view(*view)
        }
        Record::Enter(certificate) => {
            About::new(Kind::Disk, format!("on disk: enter view {}", certificate.view))
                .in_view(certificate.view)
        }
        Record::NewViewShare { view, tip } => {
            let verb = format!("on disk: agree that view {view} starts from");
            About::block(Kind::Disk, &verb, tip).in_view(*view)
        }
        _ => return None,
    })
}

/// Height and the start of the hash.
fn name(block: &BlockRef) -> String {
    format!("{}.{}", block.height, hash(block))
}

fn hash(block: &BlockRef) -> String {
    let [a, b, ..] = block.hash.0;
    format!("{a:02x}{b:02x}")
}
