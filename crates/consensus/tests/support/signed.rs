//! Messages signed for tests that need no engine: headers, votes, reports, choices, shares.

use super::{Net, keys};
use ally_consensus::{
    BlockHeader, BlockRef, Branch, Commit, CommitCertificate, Digest, Message, Micros, NewView,
    NewViewCertificate, NewViewShare, ProposalParts, Signed, SignedHeader, Statement, View,
    ViewChange, Vote, payload_digest,
};
use ally_policy::{FaultModel, ServerIndex, TrustPolicy};
use std::sync::Arc;

/// An alliance with a slow path, in which votes carry shares.
pub fn net() -> Net {
    let policy = TrustPolicy::flat(5, 7, FaultModel::Byzantine).expect("a sound policy");
    assert!(policy.has_slow_path());
    Net::new(policy, |_| {})
}

pub fn header(net: &Net, view: u64, parent: BlockRef, salt: u8) -> BlockHeader {
    BlockHeader {
        alliance: net.context.alliance,
        epoch: net.context.epoch,
        height: parent.height.next(),
        view: View(view),
        parent: parent.hash,
        payload_digest: payload_digest(&[]),
        log_size: 0,
        log_root: Digest([salt; 32]),
        timestamp_us: Micros(0),
    }
}

pub fn origin(net: &Net) -> BlockRef {
    BlockRef::genesis(net.context.alliance, net.context.epoch)
}

pub fn sign(net: &Net, signer: ServerIndex, body: Message) -> Signed<Message> {
    keys::sign(&net.context, signer, net.policy.has_slow_path(), false, body)
}

pub fn of<T>(message: Signed<Message>, part: impl FnOnce(Message) -> Option<T>) -> Signed<T> {
    let Signed { signer, signature, body } = message;
    Signed { signer, signature, body: part(body).expect("what was signed") }
}

pub fn as_vote(message: Signed<Message>) -> Signed<Vote> {
    of(message, |body| if let Message::Vote(vote) = body { Some(vote) } else { None })
}

pub fn as_report(message: Signed<Message>) -> Signed<ViewChange> {
    of(message, |body| if let Message::ViewChange(report) = body { Some(*report) } else { None })
}

pub fn as_choice(message: Signed<Message>) -> Signed<NewView> {
    of(message, |body| if let Message::NewView(choice) = body { Some(choice) } else { None })
}

pub fn as_share(message: Signed<Message>) -> Signed<NewViewShare> {
    of(message, |body| if let Message::NewViewShare(share) = body { Some(share) } else { None })
}

pub fn signed_header(net: &Net, header: &BlockHeader) -> SignedHeader {
    let leader = net.rotation.leader(header.view);
    let proposal =
        ProposalParts { header: header.clone(), batches: [].into(), new_view: None }.into();
    let Signed { signature, .. } = sign(net, leader, Message::Proposal(proposal));
    Signed { signer: leader, signature, body: header.clone() }
}

pub fn vote(net: &Net, signer: ServerIndex, header: &BlockHeader) -> Signed<Vote> {
    let vote = Vote { view: header.view, block: header.block_ref(), share: None };
    as_vote(sign(net, signer, Message::Vote(vote)))
}

pub fn as_commit(message: Signed<Message>) -> Signed<Commit> {
    of(message, |body| if let Message::Commit(commit) = body { Some(commit) } else { None })
}

pub fn commit(net: &Net, signer: ServerIndex, header: &BlockHeader) -> Signed<Commit> {
    let (view, block) = (header.view, header.block_ref());
    let signature = keys::combine(&net.context, &Statement::Commit { view, block });
    let commit = Commit { certificate: CommitCertificate { view, block, signature } };
    as_commit(sign(net, signer, Message::Commit(commit)))
}

pub fn branch(net: &Net, headers: &[BlockHeader]) -> Branch {
    let view = headers[0].view;
    let tip = BlockRef {
        height: ally_consensus::Height(headers[0].height.0 - 1),
        hash: headers[0].parent,
    };
    let new_view = (view > View(0)).then(|| {
        let signature = keys::combine(&net.context, &Statement::NewView { view, tip });
        NewViewCertificate { view, tip, signature }
    });
    let headers = headers.iter().map(|header| signed_header(net, header)).collect();
    Branch { view, new_view, headers }
}

pub fn report(
    net: &Net,
    signer: ServerIndex,
    view: u64,
    voted: Option<Branch>,
) -> Signed<ViewChange> {
    let report = ViewChange { view: View(view), certified: None, voted, committed: None };
    as_report(sign(net, signer, Message::ViewChange(Box::new(report))))
}

pub fn choice(
    net: &Net,
    view: u64,
    tip: BlockRef,
    reports: &[Signed<ViewChange>],
) -> Signed<NewView> {
    let reports = reports.iter().cloned().map(Arc::new).collect();
    let leader = net.rotation.leader(View(view));
    as_choice(sign(net, leader, Message::NewView(NewView { view: View(view), reports, tip })))
}

pub fn share(net: &Net, signer: ServerIndex, tip: BlockRef) -> Signed<NewViewShare> {
    let share = NewViewShare { view: View(7), tip, share: Vec::new() };
    as_share(sign(net, signer, Message::NewViewShare(share)))
}
