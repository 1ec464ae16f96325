//! What is refused before it reaches an engine, and who is blamed for it.

mod support;

use ally_consensus::{
    Authenticator, BRANCH_HEADERS_MAX, BlockHeader, BlockRef, Bounds, Branch,
    CheckpointCertificate, Commit, CommitCertificate, Context, Epoch, Equivocation, Evidence,
    Height, Message, Micros, Misstatement, NewView, NewViewCertificate, NewViewShare, Proposal,
    ProposalParts, SHARE_BYTES_MAX, Signed, Statement, Support, Verifier, VerifyError, View,
    ViewChange, Vote, payload_digest,
};
use ally_policy::ServerIndex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::keys::{self, Keys};
use support::{Net, flat, s};

fn header(net: &Net, view: u64, parent: BlockRef, salt: u8) -> BlockHeader {
    BlockHeader {
        alliance: net.context.alliance,
        epoch: net.context.epoch,
        height: parent.height.next(),
        view: View(view),
        parent: parent.hash,
        payload_digest: payload_digest(&[]),
        log_size: 0,
        log_root: ally_consensus::Digest([salt; 32]),
        timestamp_us: Micros(0),
    }
}

fn origin(net: &Net) -> BlockRef {
    BlockRef::genesis(net.context.alliance, net.context.epoch)
}

fn proposal(header: BlockHeader) -> Proposal {
    Proposal::from(ProposalParts { header, batches: [].into(), new_view: None })
}

fn check(net: &Net, message: Signed<Message>) -> Result<(), VerifyError> {
    let bounds = Bounds::of(net.policy.as_ref());
    let verifier = Verifier::new(net.context, net.rotation.clone(), bounds, Keys);
    verifier.check(message).map(|_| ())
}

fn sign(net: &Net, signer: ServerIndex, body: Message) -> Signed<Message> {
    keys::sign(&net.context, signer, net.policy.has_slow_path(), false, body)
}

#[track_caller]
fn assert_fault(net: &Net, signer: ServerIndex, body: Message, expected: Misstatement) {
    let bounds = Bounds::of(net.policy.as_ref());
    let verifier = Verifier::new(net.context, net.rotation.clone(), bounds, Keys);
    // Of a proposal the header is signed, and nothing else.
    let signed = match &body {
        Message::Proposal(_) => matches!(
            expected,
            Misstatement::NotLeader(_) | Misstatement::ForeignHeader | Misstatement::GenesisHeight
        ),
        body => body.signed_kind().is_some(),
    };
    let (found, proof) = verifier.check_or_prove(sign(net, signer, body)).unwrap_err();
    assert_eq!(found, VerifyError::Fault(signer, expected));
    assert_eq!(found.culprit(), Some(signer));
    assert_eq!(proof.is_some(), signed, "what was signed is proven, and nothing else");
    let Some(proof) = proof else { return };
    assert_eq!((proof.culprit(), proof.verify(&net.law())), (signer, Ok(())));
    let Evidence::Misstated(message) = &*proof else { panic!("{proof:?}") };
    assert_eq!(net.law().misstatement(message), Ok(expected));
}

fn signed_header(net: &Net, header: &BlockHeader) -> Signed<BlockHeader> {
    let leader = net.rotation.leader(header.view);
    let message = sign(net, leader, Message::Proposal(proposal(header.clone())));
    Signed { signer: leader, signature: message.signature, body: header.clone() }
}

fn new_view(net: &Net, view: u64, tip: BlockRef) -> NewViewCertificate {
    let signature = keys::combine(&net.context, &Statement::NewView { view: View(view), tip });
    NewViewCertificate { view: View(view), tip, signature }
}

fn report(
    view: u64,
    voted: Option<Branch>,
    certified: Option<CheckpointCertificate>,
) -> ViewChange {
    ViewChange { view: View(view), certified, voted, committed: None }
}

fn branch(net: &Net, headers: &[BlockHeader]) -> Branch {
    let headers = headers.iter().map(|header| signed_header(net, header)).collect();
    Branch { view: View(0), new_view: None, headers }
}

#[test]
fn a_forged_signature_blames_nobody() {
    let net = flat(4, 3);
    let block = header(&net, 0, origin(&net), 1);
    let mut message = sign(&net, s(0), Message::Proposal(proposal(block)));
    message.signature[5] ^= 1;
    let error = check(&net, message).unwrap_err();
    assert_eq!(error, VerifyError::Signature(s(0)));
    assert_eq!(error.culprit(), None);
}

#[test]
fn a_signature_means_nothing_under_another_policy() {
    let (net, other) = (flat(4, 3), flat(5, 4));
    let block = header(&net, 0, origin(&net), 1);
    let message = sign(&other, s(0), Message::Proposal(proposal(block)));
    assert_eq!(check(&net, message), Err(VerifyError::Signature(s(0))));
}

#[test]
fn proposals_are_their_leaders_and_whole() {
    let net = flat(4, 3);
    let good = header(&net, 0, origin(&net), 1);
    let message = |header: BlockHeader| Message::Proposal(proposal(header));
    assert_eq!(check(&net, sign(&net, s(0), message(good.clone()))), Ok(()));
    assert_fault(&net, s(2), message(good.clone()), Misstatement::NotLeader(View(0)));
    let foreign = BlockHeader { epoch: Epoch(9), ..good.clone() };
    assert_fault(&net, s(0), message(foreign), Misstatement::ForeignHeader);
    let low = BlockHeader { height: Height(0), ..good.clone() };
    assert_fault(&net, s(0), message(low), Misstatement::GenesisHeight);
    let empty = BlockHeader { payload_digest: Default::default(), ..good.clone() };
    assert_fault(&net, s(0), message(empty), Misstatement::Payload);
    let other = proposal(good).with_new_view(Some(new_view(&net, 3, origin(&net))));
    assert_fault(&net, s(0), Message::Proposal(other), Misstatement::NewView);
}

#[test]
fn certificates_are_checked_wherever_they_stand() {
    let net = flat(4, 3);
    let mut certificate = new_view(&net, 1, origin(&net));
    assert_eq!(check(&net, sign(&net, s(1), Message::EnterView(certificate.clone()))), Ok(()));
    certificate.signature[0] ^= 1;
    let enter = Message::EnterView(certificate.clone());
    assert_fault(&net, s(1), enter, Misstatement::Certificate);
    let block = proposal(header(&net, 1, origin(&net), 1)).with_new_view(Some(certificate));
    assert_fault(&net, s(1), Message::Proposal(block), Misstatement::Certificate);
    let mut certified = keys::certify(&net.context, &header(&net, 0, origin(&net), 1));
    certified.log_size += 1;
    let message = Message::ViewChange(Box::new(report(1, None, Some(certified))));
    assert_fault(&net, s(3), message, Misstatement::Certificate);
}

#[test]
fn commits_and_shares_belong_to_the_slow_path() {
    let (four, seven) = (flat(4, 3), flat(7, 5));
    let block = header(&four, 0, origin(&four), 1).block_ref();
    let bare = Message::Vote(Vote { view: View(0), block, share: None });
    assert_eq!(check(&four, sign(&four, s(1), bare.clone())), Ok(()));
    assert_eq!(check(&seven, sign(&seven, s(1), bare)), Ok(()), "signing puts the share in");
    let shared = Message::Vote(Vote { view: View(0), block, share: Some(vec![1]) });
    assert_fault(&four, s(1), shared, Misstatement::Commit);
    let statement = Statement::Commit { view: View(0), block };
    let signature = keys::combine(&seven.context, &statement);
    let certificate = CommitCertificate { view: View(0), block, signature };
    let commit = Message::Commit(Commit { certificate });
    assert_eq!(check(&seven, sign(&seven, s(1), commit.clone())), Ok(()));
    assert_fault(&four, s(1), commit, Misstatement::Commit);
}

/// Servers keep the share of a vote with the vote, in memory and beside what they decide: a liar's
/// must not take a hundred times the room of another's.
#[test]
fn a_share_longer_than_any_of_its_signer_is_its_fault() {
    let seven = flat(7, 5);
    let tip = header(&seven, 0, origin(&seven), 1).block_ref();
    let vote = |share| Message::Vote(Vote { view: View(0), block: tip, share: Some(share) });
    let new_view = |share| Message::NewViewShare(NewViewShare { view: View(1), tip, share });
    let kinds: [&dyn Fn(Vec<u8>) -> Message; 2] = [&vote, &new_view];
    for message in kinds {
        let check = |bytes| {
            let message = message(vec![1; bytes]);
            check(&seven, keys::sign_as_is(&seven.context, s(1), message))
        };
        let limit = keys::SHARE_BYTES;
        assert_eq!(check(limit), Ok(()), "whether it is right shows later");
        for bytes in [limit + 1, SHARE_BYTES_MAX] {
            let fault = Misstatement::ShareLength { bytes, limit };
            assert_eq!(check(bytes), Err(VerifyError::Fault(s(1), fault)));
        }
    }
}

#[test]
fn branches_are_chains_of_one_view_from_the_right_block() {
    let net = flat(4, 3);
    let first = header(&net, 0, origin(&net), 1);
    let second = header(&net, 0, first.block_ref(), 2);
    let third = header(&net, 0, second.block_ref(), 3);
    let whole = [first.clone(), second.clone(), third.clone()];
    let message = |branch| Message::ViewChange(Box::new(report(1, Some(branch), None)));
    assert_eq!(check(&net, sign(&net, s(3), message(branch(&net, &whole)))), Ok(()));
    for broken in [&whole[1..], &[first.clone(), third.clone()], &[]] {
        assert_fault(&net, s(3), message(branch(&net, broken)), Misstatement::Branch);
    }
    let other = header(&net, 4, first.block_ref(), 4);
    let mixed = branch(&net, &[first.clone(), other]);
    assert_fault(&net, s(3), message(mixed), Misstatement::Branch);
    let mut unsigned = branch(&net, &whole);
    unsigned.headers[1].signature[9] ^= 1;
    assert_fault(&net, s(3), message(unsigned), Misstatement::NestedSignature(s(0)));
    let late = Message::ViewChange(Box::new(report(0, Some(branch(&net, &whole)), None)));
    assert_fault(&net, s(3), late, Misstatement::ReportedView(View(0)));
    let certified = keys::certify(&net.context, &second);
    let cut = |headers: &[BlockHeader]| {
        let branch = branch(&net, headers);
        Message::ViewChange(Box::new(report(1, Some(branch), Some(certified.clone()))))
    };
    assert_eq!(check(&net, sign(&net, s(3), cut(&whole[2..]))), Ok(()));
    assert_eq!(check(&net, sign(&net, s(3), cut(&[]))), Ok(()));
    assert_fault(&net, s(3), cut(&whole), Misstatement::Branch);
    let missing = Branch { view: View(2), new_view: None, headers: Vec::new() };
    let missing = Message::ViewChange(Box::new(report(3, Some(missing), Some(certified.clone()))));
    assert_fault(&net, s(3), missing, Misstatement::NewView);
}

#[test]
fn choices_hold_sorted_reports_of_their_view() {
    let net = flat(4, 3);
    let nested = |server: u16, view: u64| {
        let body = report(view, None, None);
        let message = sign(&net, s(server), Message::ViewChange(Box::new(body.clone())));
        Arc::new(Signed { signer: s(server), signature: message.signature, body })
    };
    let choice = |reports| Message::NewView(NewView { view: View(1), reports, tip: origin(&net) });
    let good = vec![nested(0, 1), nested(2, 1), nested(3, 1)];
    assert_eq!(check(&net, sign(&net, s(1), choice(good.clone()))), Ok(()));
    assert_fault(&net, s(2), choice(good.clone()), Misstatement::NotLeader(View(1)));
    let twice = vec![nested(0, 1), nested(0, 1), nested(3, 1)];
    assert_fault(&net, s(1), choice(twice), Misstatement::Reports);
    let mixed = vec![nested(0, 1), nested(2, 2)];
    assert_fault(&net, s(1), choice(mixed), Misstatement::Reports);
    let mut forged = good;
    Arc::make_mut(&mut forged[2]).signature[0] ^= 1;
    assert_fault(&net, s(1), choice(forged), Misstatement::NestedSignature(s(3)));
}

#[test]
fn equivocation_takes_two_conflicting_headers_of_one_view() {
    let net = flat(4, 3);
    let first = header(&net, 0, origin(&net), 1);
    let rival = header(&net, 0, origin(&net), 2);
    let child = header(&net, 0, first.block_ref(), 3);
    let proof = |a: &BlockHeader, b: &BlockHeader| {
        let (first, second) = (signed_header(&net, a), signed_header(&net, b));
        Message::Equivocation(Box::new(Equivocation { first, second }))
    };
    let verdict = |a, b| check(&net, sign(&net, s(3), proof(a, b)));
    assert_eq!(verdict(&first, &rival), Ok(()));
    assert_eq!(verdict(&rival, &child), Ok(()), "a child of the other block");
    assert_eq!(verdict(&child, &rival), Ok(()));
    for (a, b) in [(&first, &child), (&first, &first), (&child, &first)] {
        assert_fault(&net, s(3), proof(a, b), Misstatement::NoEquivocation);
    }
    let later = header(&net, 4, origin(&net), 5);
    assert_fault(&net, s(3), proof(&first, &later), Misstatement::NoEquivocation);
}

/// The keys of the alliance, and how many signatures were checked with them.
struct Counted(AtomicUsize);

impl Authenticator for &Counted {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        Keys.signature(signer, bytes, signature)
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        Keys.statement(context, statement, signature)
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        Keys.checkpoint(context, certificate)
    }

    fn share_bytes_max(&self, signer: ServerIndex, statement: &Statement) -> usize {
        Keys.share_bytes_max(signer, statement)
    }
}

impl Counted {
    /// How many signatures a check took, and what came of it.
    fn check(
        &self,
        verifier: &Verifier<&Self>,
        message: Signed<Message>,
    ) -> (usize, Result<(), VerifyError>) {
        let before = self.0.load(Ordering::Relaxed);
        let result = verifier.check(message).map(|_| ());
        (self.0.load(Ordering::Relaxed) - before, result)
    }
}

/// A chain of blocks of view 0, told apart from others by `salt`.
fn chain(net: &Net, length: usize, salt: u8) -> Vec<BlockHeader> {
    let mut parent = origin(net);
    (0..length)
        .map(|_| {
            let header = header(net, 0, parent, salt);
            parent = header.block_ref();
            header
        })
        .collect()
}

fn reported(net: &Net, server: u16, headers: &[BlockHeader]) -> Signed<Message> {
    sign(net, s(server), Message::ViewChange(Box::new(report(1, Some(branch(net, headers)), None))))
}

#[test]
fn a_header_is_checked_once_whoever_sends_it_and_however_often() {
    let net = flat(4, 3);
    let counted = Counted(AtomicUsize::new(0));
    let bounds = Bounds::of(net.policy.as_ref());
    let verifier = Verifier::new(net.context, net.rotation.clone(), bounds, &counted);
    let headers = chain(&net, 50, 1);
    let first = sign(&net, s(0), Message::Proposal(proposal(headers[0].clone())));
    assert_eq!(counted.check(&verifier, first), (1, Ok(())));
    assert_eq!(counted.check(&verifier, reported(&net, 2, &headers)), (1 + 49, Ok(())));
    assert_eq!(counted.check(&verifier, reported(&net, 3, &headers)), (1, Ok(())));
    assert_eq!(counted.check(&verifier, reported(&net, 3, &headers)), (1, Ok(())));
    let mut forged = branch(&net, &headers);
    forged.headers[7].signature[0] ^= 1;
    let forged = sign(&net, s(3), Message::ViewChange(Box::new(report(1, Some(forged), None))));
    let wrong = Misstatement::NestedSignature(s(0));
    assert_eq!(counted.check(&verifier, forged), (2, Err(VerifyError::Fault(s(3), wrong))));
}

#[test]
fn a_leader_that_signs_without_end_drives_out_its_own_headers_only() {
    let net = flat(4, 3);
    let counted = Counted(AtomicUsize::new(0));
    let bounds = Bounds::of(net.policy.as_ref());
    let verifier = Verifier::new(net.context, net.rotation.clone(), bounds, &counted);
    let other = header(&net, 1, origin(&net), 9);
    let honest = sign(&net, s(1), Message::Proposal(proposal(other)));
    assert_eq!(counted.check(&verifier, honest.clone()), (1, Ok(())));
    let first = chain(&net, 1, 0);
    for salt in 0..=2 * bounds.branch_headers_max() as u32 {
        let flood = BlockHeader { log_size: u64::from(salt), ..first[0].clone() };
        verifier.check(sign(&net, s(0), Message::Proposal(proposal(flood)))).unwrap();
    }
    let oldest = BlockHeader { log_size: 0, ..first[0].clone() };
    let oldest = sign(&net, s(0), Message::Proposal(proposal(oldest)));
    assert_eq!(counted.check(&verifier, oldest), (1, Ok(())), "it was forgotten");
    assert_eq!(counted.check(&verifier, honest), (0, Ok(())), "this one was not");
}

#[test]
fn wrong_reports_of_one_server_cost_a_bounded_number_of_checks() {
    let net = flat(4, 3);
    let counted = Counted(AtomicUsize::new(0));
    let bounds = Bounds::of(net.policy.as_ref());
    let verifier = Verifier::new(net.context, net.rotation.clone(), bounds, &counted);
    let mut results = Vec::new();
    for salt in 0..40 {
        let mut wrong = branch(&net, &chain(&net, 20, salt));
        wrong.headers[19].signature[0] ^= 1;
        let wrong = sign(&net, s(3), Message::ViewChange(Box::new(report(1, Some(wrong), None))));
        results.push(counted.check(&verifier, wrong));
    }
    assert!(results[..16].iter().all(|(count, _)| *count == 21));
    assert!(results[16..].iter().all(|each| *each == (0, Err(VerifyError::Ignored(s(3))))));
    let headers = chain(&net, 3, 99);
    assert_eq!(counted.check(&verifier, reported(&net, 2, &headers)).1, Ok(()), "others are heard");
    let block = headers[0].block_ref();
    let vote = sign(&net, s(3), Message::Vote(Vote { view: View(0), block, share: None }));
    assert_eq!(counted.check(&verifier, vote), (1, Ok(())), "and the rest of what it says");
}

/// A fault may pass, and the next view change may need the report of whoever had it.
#[test]
fn wrong_reports_are_forgiven_when_the_alliance_has_come_further() {
    let net = flat(4, 3);
    let bounds = Bounds::of(net.policy.as_ref());
    let verifier = Verifier::new(net.context, net.rotation.clone(), bounds, Keys);
    let right = || verifier.check(reported(&net, 3, &chain(&net, 3, 99))).map(|_| ());
    let lie_until_ignored = || {
        let mut wrong = branch(&net, &chain(&net, 1, 1));
        wrong.headers[0].signature[0] ^= 1;
        let wrong = sign(&net, s(3), Message::ViewChange(Box::new(report(1, Some(wrong), None))));
        for _ in 0..16 {
            assert!(matches!(verifier.check(wrong.clone()), Err(VerifyError::Fault(..))));
        }
        assert_eq!(right(), Err(VerifyError::Ignored(s(3))));
    };
    let opens = |view| {
        let certificate = new_view(&net, view, origin(&net));
        let leader = net.rotation.leader(View(view));
        assert!(verifier.check(sign(&net, leader, Message::EnterView(certificate))).is_ok());
    };
    let certify = |height| {
        let header = BlockHeader { height: Height(height), ..header(&net, 0, origin(&net), 1) };
        assert!(verifier.is_certified(&keys::certify(&net.context, &header)));
    };
    lie_until_ignored();
    opens(2);
    assert_eq!(right(), Ok(()));
    lie_until_ignored();
    opens(2);
    opens(1);
    certify(BRANCH_HEADERS_MAX as u64 - 1);
    assert_eq!(right(), Err(VerifyError::Ignored(s(3))), "nothing that a liar could not repeat");
    certify(BRANCH_HEADERS_MAX as u64);
    assert_eq!(right(), Ok(()));
    lie_until_ignored();
    certify(2 * BRANCH_HEADERS_MAX as u64 - 1);
    assert_eq!(right(), Err(VerifyError::Ignored(s(3))));
}

#[test]
fn a_report_is_no_longer_than_the_reports_of_all_fit_into_one_message() {
    let net = flat(65, 52);
    let most = Bounds::of(net.policy.as_ref()).branch_headers_max();
    assert!(most < BRANCH_HEADERS_MAX);
    let headers = chain(&net, most + 1, 1);
    assert_eq!(check(&net, reported(&net, 3, &headers[..most])), Ok(()));
    let message = Message::ViewChange(Box::new(report(1, Some(branch(&net, &headers)), None)));
    assert_fault(&net, s(3), message, Misstatement::Branch);
}

#[test]
fn what_is_passed_on_must_bear_the_signatures_of_those_who_said_it() {
    let (net, seven) = (flat(4, 3), flat(7, 5));
    let vote = |signer: u16| {
        let body = Vote { view: View(0), block: origin(&net), share: None };
        let Signed { signer, signature, .. } = sign(&net, s(signer), Message::Vote(body.clone()));
        Signed { signer, signature, body }
    };
    let support = |votes| Message::Support(Box::new(Support { votes, commits: Vec::new() }));
    let right = vec![vote(0), vote(1), vote(3)];
    assert_eq!(check(&net, sign(&net, s(2), support(right.clone()))), Ok(()));
    let mut forged = right.clone();
    forged[1].signature[0] ^= 1;
    assert_fault(&net, s(2), support(forged), Misstatement::NestedSignature(s(1)));
    let twice = vec![right[0].clone(), right[0].clone()];
    assert_fault(&net, s(2), support(twice), Misstatement::Support);
    assert_fault(&net, s(2), support(right.into_iter().rev().collect()), Misstatement::Support);
    // Where a vote must carry a share, one without is wrong, whoever passes it on.
    let body = Vote { view: View(0), block: origin(&seven), share: None };
    let bare = keys::sign_as_is(&seven.context, s(0), Message::Vote(body.clone()));
    let bare = Signed { signer: s(0), signature: bare.signature, body };
    assert_fault(&seven, s(2), support(vec![bare]), Misstatement::Commit);
}

#[test]
fn commits_that_are_passed_on_must_bear_the_signatures_of_those_who_said_them() {
    let seven = flat(7, 5);
    let (view, block) = (View(0), header(&seven, 0, origin(&seven), 1).block_ref());
    let signature = keys::combine(&seven.context, &Statement::Commit { view, block });
    let body = Commit { certificate: CommitCertificate { view, block, signature } };
    let commit = |signer: u16| {
        let said = sign(&seven, s(signer), Message::Commit(body.clone()));
        Signed { signer: s(signer), signature: said.signature, body: body.clone() }
    };
    let support = |commits| Message::Support(Box::new(Support { votes: Vec::new(), commits }));
    let right = vec![commit(0), commit(4)];
    assert_eq!(check(&seven, sign(&seven, s(2), support(right.clone()))), Ok(()));
    let mut forged = right.clone();
    forged[1].signature[0] ^= 1;
    assert_fault(&seven, s(2), support(forged), Misstatement::NestedSignature(s(4)));
    let mut uncertified = right.clone();
    uncertified[0].body.certificate.signature[0] ^= 1;
    let resaid = Message::Commit(uncertified[0].body.clone());
    uncertified[0].signature = sign(&seven, s(0), resaid).signature;
    assert_fault(&seven, s(2), support(uncertified), Misstatement::Certificate);
    let unsorted = right.into_iter().rev().collect();
    assert_fault(&seven, s(2), support(unsorted), Misstatement::Support);
}
