//! A lying leader draws two right choices from two quorums of reports and has both signed: two
//! certificates open one view, at two tips. Agreement, reports and journals survive it.

mod support;

use ally_consensus::{
    BlockHeader, BlockRef, Input, Message, NewViewCertificate, ProposalParts, Signed, Statement,
    Verified, View, ViewChange,
};
use ally_policy::ServerSet;
use support::signed::{
    as_report, branch, choice, commit, header, origin, report, sign, signed_header, vote,
};
use support::{Net, flat, keys, s};

/// Hands a message to some. They hear themselves too, and nobody hears anybody else.
fn hand(net: &mut Net, message: &Signed<Message>, to: &[u16]) {
    for server in to {
        let verified = net.verifier.check(message.clone()).expect("it passes the checks");
        net.step(s(*server), Input::Received(verified), 0);
        hear_oneself(net);
    }
}

fn hear_oneself(net: &mut Net) {
    while let Some(parcel) = net.parcels.pop_front() {
        if parcel.from == parcel.to {
            net.step(parcel.to, Input::Received(Verified::own(parcel.message)), 0);
        }
    }
}

fn message<T>(part: Signed<T>, whole: impl FnOnce(T) -> Message) -> Signed<Message> {
    let Signed { signer, signature, body } = part;
    Signed { signer, signature, body: whole(body) }
}

/// Shows a block of its leader's.
fn show(net: &mut Net, header: &BlockHeader, to: &[u16]) {
    let parts = ProposalParts { header: header.clone(), batches: [].into(), new_view: None };
    let leader = net.rotation.leader(header.view);
    let proposal = sign(net, leader, Message::Proposal(parts.into()));
    hand(net, &proposal, to);
}

/// Answers those who ask for blocks, the highest first.
fn answer(net: &mut Net, headers: &[&BlockHeader], to: &[u16]) {
    for header in headers {
        let parts = ProposalParts { header: (*header).clone(), batches: [].into(), new_view: None };
        let Signed { signature, signer, .. } = signed_header(net, header);
        let block = Signed { signer, signature, body: parts.into() };
        let fetched = sign(net, s(0), Message::Fetched(block));
        hand(net, &fetched, to);
    }
}

/// The last that a server said of this kind.
fn said(net: &Net, by: u16, is_it: impl Fn(&Message) -> bool) -> Option<Signed<Message>> {
    let found = net.said.iter().rev().find(|said| said.signer == s(by) && is_it(&said.body));
    found.cloned()
}

fn reported(net: &Net, by: u16, view: u64) -> Signed<ViewChange> {
    let is_it = |body: &Message| matches!(body, Message::ViewChange(r) if r.view == View(view));
    as_report(said(net, by, is_it).expect("it has left"))
}

fn voted(net: &Net, by: u16, block: BlockRef) -> bool {
    said(net, by, |body| matches!(body, Message::Vote(vote) if vote.block == block)).is_some()
}

/// Lets these servers lose their patience, until they have left for `view`.
fn leave(net: &mut Net, servers: &[u16], view: u64) {
    net.work();
    hear_oneself(net);
    for _ in 0..400 {
        if servers.iter().all(|server| net.engine(*server).status().view >= View(view)) {
            return;
        }
        net.tick();
        hear_oneself(net);
    }
    panic!("somebody stays");
}

/// One honest server endorses a choice of the leader of view 1: it is right. The liars' shares make
/// up the rest of a kernel.
fn endorse(net: &mut Net, tip: BlockRef, reports: &[Signed<ViewChange>], honest: u16) {
    let chosen = message(choice(net, 1, tip, reports), Message::NewView);
    hand(net, &chosen, &[honest]);
    let is_share =
        |body: &Message| matches!(body, Message::NewViewShare(given) if given.tip == tip);
    assert!(said(net, honest, is_share).is_some(), "s{honest} endorses it");
}

fn open(net: &mut Net, tip: BlockRef, servers: &[u16]) {
    let statement = Statement::NewView { view: View(1), tip };
    let signature = keys::combine(&net.context, &statement);
    let certificate = NewViewCertificate { view: View(1), tip, signature };
    let opening = sign(net, s(1), Message::EnterView(certificate));
    hand(net, &opening, servers);
}

fn assert_agreement(net: &Net) {
    for a in &net.servers {
        for b in &net.servers {
            assert!(a.decided.iter().zip(&b.decided).all(|(a, b)| a.block == b.block));
        }
    }
}

/// An honest server starts again from what it has journalled, and its word passes the checks.
fn assert_sound(net: &mut Net, server: u16) {
    net.restart(server);
    net.parcels.clear();
    for said in net.said.iter().filter(|said| said.signer == s(server)) {
        net.verifier.check(said.clone()).expect("an honest server's word");
    }
}

/// Seven servers, of which s0 and s1 lie; five commits decide. A block above the one tip has the votes
/// of a quorum, and its certificate is shown to two who entered the view at the other tip. Committing,
/// they would make up a quorum whose members' reports could not show the block.
#[test]
fn nobody_commits_to_what_its_own_opening_of_the_view_does_not_lead_to() {
    let mut net = flat(7, 5);
    assert!(net.policy.has_slow_path());
    let (one, other) = (header(&net, 0, origin(&net), 1), header(&net, 0, origin(&net), 2));
    show(&mut net, &one, &[6]);
    show(&mut net, &other, &[3]);
    leave(&mut net, &[2, 3, 4, 5, 6], 1);
    let liars = [0, 1].map(|liar| report(&net, s(liar), 1, None));
    let of_honest = |net: &Net, honest: [u16; 3]| {
        let mut all = [honest.map(|server| reported(net, server, 1)).as_slice(), &liars].concat();
        all.sort_by_key(|report| report.signer);
        all
    };
    let (first, second) = (of_honest(&net, [6, 2, 5]), of_honest(&net, [3, 2, 4]));
    endorse(&mut net, one.block_ref(), &first, 6);
    endorse(&mut net, other.block_ref(), &second, 3);
    open(&mut net, one.block_ref(), &[6, 2, 5]);
    open(&mut net, other.block_ref(), &[3, 4]);

    let above = header(&net, 1, one.block_ref(), 3);
    show(&mut net, &one, &[2, 5]);
    show(&mut net, &above, &[6, 2, 5]);
    assert!([6, 2, 5].iter().all(|server| voted(&net, *server, above.block_ref())));
    for liar in [0, 1] {
        let commit = message(commit(&net, s(liar), &above), Message::Commit);
        hand(&mut net, &commit, &[6, 3, 4]);
        answer(&mut net, &[&above, &one], &[3, 4]);
    }
    let is_commit = |body: &Message| matches!(body, Message::Commit(_));
    assert!(said(&net, 6, is_commit).is_some(), "s6 entered where the block leads to");
    for committer in [3, 4] {
        if let Some(commit) = said(&net, committer, is_commit) {
            hand(&mut net, &commit, &[6]);
        }
    }

    // The next leader hears all honest servers but s6, and a liar who speaks for the other side.
    let rival = header(&net, 1, other.block_ref(), 4);
    leave(&mut net, &[2, 3, 4, 5, 6], 2);
    let branch = branch(&net, std::slice::from_ref(&rival));
    let mut reports = vec![report(&net, s(0), 2, Some(branch))];
    reports.extend([3, 4, 5].map(|server| reported(&net, server, 2)));
    for report in reports {
        hand(&mut net, &message(report, |body| Message::ViewChange(Box::new(body))), &[2]);
    }
    answer(&mut net, &[&rival, &other], &[2]);
    let is_choice =
        |body: &Message| matches!(body, Message::NewView(choice) if choice.view == View(2));
    assert!(said(&net, 2, is_choice).is_some(), "five reports suffice");
    // From here on s0 does as it should, so that the view can decide without s6.
    net.silent = ServerSet::from_iter([s(1), s(6)]);
    net.work();
    net.run_until(400, |net| (2..6).all(|server| net.chain(server).len() >= 2));
    assert_agreement(&net);
    (2..7).for_each(|server| assert_sound(&mut net, server));
    net.silent = ServerSet::from_iter([s(0), s(1)]);
    net.work();
    net.run_until(400, |net| (2..7).all(|server| net.chain(server).len() >= 2));
    assert_agreement(&net);
    assert!(net.servers[2..].iter().all(|server| !server.halted));
}

/// Four servers, of which s1 lies. One decides a block of view 1 before it enters the view, at a tip
/// that does not lead to the block. A vote above it would journal, and report, a branch of two views.
#[test]
fn nobody_votes_on_what_its_own_opening_of_the_view_does_not_lead_to() {
    let mut net = flat(4, 3);
    let one = header(&net, 0, origin(&net), 1);
    show(&mut net, &one, &[0]);
    leave(&mut net, &[0, 2, 3], 1);
    let choose = |net: &Net, honest: [u16; 2]| {
        let mut all = honest.map(|server| reported(net, server, 1)).to_vec();
        all.insert(1, report(net, s(1), 1, None));
        all.sort_by_key(|report| report.signer);
        all
    };
    let (first, second) = (choose(&net, [0, 2]), choose(&net, [2, 3]));
    endorse(&mut net, one.block_ref(), &first, 0);
    let genesis = origin(&net);
    endorse(&mut net, genesis, &second, 3);
    open(&mut net, one.block_ref(), &[0, 2]);
    let decided = header(&net, 1, one.block_ref(), 2);
    answer(&mut net, &[&one], &[2]);
    show(&mut net, &decided, &[0, 2]);

    let mut votes = vec![message(vote(&net, s(1), &decided), Message::Vote)];
    votes.extend([0, 2].map(|voter| {
        said(&net, voter, |body| matches!(body, Message::Vote(_))).expect("it votes")
    }));
    for vote in &votes {
        hand(&mut net, vote, &[3]);
    }
    answer(&mut net, &[&decided, &one], &[3]);
    assert_eq!(net.chain(3).last(), Some(&decided.block_ref()), "decided before the view is open");
    open(&mut net, genesis, &[3]);
    let above = header(&net, 1, decided.block_ref(), 3);
    show(&mut net, &above, &[3]);
    assert!(!voted(&net, 3, above.block_ref()), "no report could show what leads there");
    leave(&mut net, &[3], 2);
    assert_sound(&mut net, 3);

    net.silent = ServerSet::from_iter([s(1)]);
    net.work();
    net.run_until(400, |net| [0, 2, 3].iter().all(|server| net.chain(*server).len() >= 3));
    assert_agreement(&net);
}
