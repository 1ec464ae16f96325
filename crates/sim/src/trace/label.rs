//! Observations in a few words.

use crate::observation::Observation;
use ally_consensus::{BlockRef, Message, Record, Statement};
use ally_replica::{PeerMessage, StoreOp};

/// What a person reads; none where another observation says it already.
pub(super) fn of(what: &Observation<'_>) -> Option<String> {
    Some(match what {
        Observation::Said { .. } => return None,
        Observation::Submitted { command, .. } => {
            format!("command {}", String::from_utf8_lossy(command))
        }
        Observation::Sent { message, .. } => sent(message),
        Observation::Durable { op, .. } => format!("durable: {}", written(op)?),
        Observation::Delivered { block, .. } => {
            format!("decides {} ({:?})", name(&block.block), block.path)
        }
        Observation::Combined { statement: Statement::NewView { view, tip } } => {
            format!("NV({view}) on {}", name(tip))
        }
        Observation::Combined { statement: Statement::Commit { view, block } } => {
            format!("CC({view}) on {}", name(block))
        }
        Observation::Certified { certificate } => {
            format!("certificate of {}", name(&certificate.block))
        }
        Observation::View { view, open: true, .. } => format!("enters view {view}"),
        Observation::View { view, open: false, .. } => format!("leaves for view {view}"),
        Observation::Accused { evidence, .. } => {
            format!("proves that {} lies", evidence.culprit())
        }
        Observation::Halted { breach, .. } => format!("halts: {breach:?}"),
        Observation::Crashed { height, .. } => format!("crashes; disk at height {height}"),
        Observation::Restarted { .. } => "restarts".to_owned(),
        Observation::Healed => "all faults end".to_owned(),
    })
}

fn sent(message: &PeerMessage) -> String {
    match message {
        PeerMessage::Consensus(signed) => match &signed.body {
            Message::Proposal(proposal) => {
                format!("propose {} v{}", name(&proposal.header.block_ref()), proposal.header.view)
            }
            Message::Vote(vote) => format!("vote {} v{}", name(&vote.block), vote.view),
            Message::Commit(commit) => format!("commit {}", name(&commit.certificate.block)),
            Message::ViewChange(report) => format!("view change v{}", report.view),
            Message::NewView(choice) => format!("new view v{} {}", choice.view, name(&choice.tip)),
            Message::NewViewShare(share) => format!("share of NV({})", share.view),
            Message::EnterView(certificate) => format!("NV({})", certificate.view),
            Message::Equivocation(proof) => format!("proof against {}", proof.first.signer),
            Message::Fetch(_) => "fetch block".to_owned(),
            Message::Fetched(_) => "fetched block".to_owned(),
            _ => "about agreement".to_owned(),
        },
        PeerMessage::Batch(signed) => {
            format!("batch {}/{}", signed.batch.origin(), signed.batch.sequence())
        }
        PeerMessage::FetchBatches(ids) => format!("fetch {} batches", ids.len()),
        PeerMessage::CertifyShare(share) => format!("share of {}", name(&share.body.block)),
        PeerMessage::ProofRequest(block) => format!("ask for proof on {}", name(block)),
        PeerMessage::ShareProof(proof) => format!("proof on {}", name(&proof.body.block)),
        PeerMessage::Certificate(certificate) => {
            format!("certificate {}", name(&certificate.block))
        }
        PeerMessage::SyncRequest(height) => format!("ask for blocks after {height}"),
        PeerMessage::SyncBlocks(blocks) => format!("{} blocks", blocks.blocks.len()),
        _ => "message".to_owned(),
    }
}

fn written(op: &StoreOp) -> Option<String> {
    let StoreOp::Journal { record, .. } = op else { return None };
    Some(match record {
        Record::Vote(proposal) => {
            format!("vote {}", name(&proposal.body.header.block_ref()))
        }
        Record::Commit(certificate) => format!("commit {}", name(&certificate.block)),
        Record::Leave(view) => format!("leave for view {view}"),
        Record::Enter(certificate) => format!("enter view {}", certificate.view),
        Record::NewViewShare { view, tip } => format!("share of NV({view}) on {}", name(tip)),
        _ => return None,
    })
}

/// Height and the start of the hash.
fn name(block: &BlockRef) -> String {
    let [a, b, ..] = block.hash.0;
    format!("{}.{a:02x}{b:02x}", block.height)
}
