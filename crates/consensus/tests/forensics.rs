//! What several servers kept, put together: two that decided differently convict enough, what agrees
//! convicts nobody, and where only liars could tell, the trail ends there and nowhere else.

mod support;

use ally_codec::{Decode, Encode};
use ally_consensus::{
    Backing, BlockHeader, DecisionPath, EvidenceKind, Findings, Height, Pool, Signed, Statement,
    Testimony, TrailEnd, View, Vote,
};
use ally_policy::{ServerIndex, ServerSet};
use support::signed::{branch, choice, commit, header, net, origin, report, signed_header, vote};
use support::{Net, flat, keys, s};

/// Seven servers, two of which may lie: five are a quorum, six a fast quorum.
const FAST: u16 = 6;

/// Servers from one to the other, without it.
fn servers(from: u16, to: u16) -> ServerSet {
    (from..to).map(s).collect()
}

/// What a server keeps that sees these servers vote for the last of these blocks.
fn backing(net: &Net, chain: &[BlockHeader], voters: ServerSet) -> Backing {
    let top = chain.last().expect("a block");
    let new_view = branch(net, std::slice::from_ref(top)).new_view;
    let headers = chain.iter().map(|header| signed_header(net, header)).collect();
    let votes = voters.iter().map(|voter| vote(net, voter, top)).collect();
    Backing { new_view, headers, votes, commits: Vec::new() }
}

fn findings(net: &Net, kept: &[Testimony]) -> Findings {
    let mut pool = Pool::new(net.law());
    for testimony in kept {
        // As it comes out of a file.
        let read = Testimony::from_bytes(&testimony.to_bytes()).expect("it reads back");
        assert_eq!(read, *testimony);
        pool.take(&read);
    }
    assert_eq!(pool.refused(), 0);
    let findings = pool.findings();
    for charge in &findings.charges {
        assert_eq!(charge.verify(&net.law()), Ok(()));
    }
    findings
}

fn kinds(findings: &Findings) -> Vec<(ServerIndex, EvidenceKind)> {
    findings.charges.iter().map(|charge| (charge.culprit(), charge.kind())).collect()
}

#[test]
fn who_voted_for_both_sides_of_one_view_is_convicted() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let other = header(&net, 0, origin(&net), 2);
    let above = header(&net, 0, other.block_ref(), 2);
    let first = backing(&net, std::slice::from_ref(&one), servers(0, FAST));
    let second = backing(&net, &[other.clone(), above.clone()], servers(1, 7));
    let found = findings(&net, &[Testimony::Backing(first), Testimony::Backing(second)]);
    let conflict = found.conflict.clone().expect("both are decided");
    assert_eq!(conflict.height, Height(1));
    let decided: Vec<_> = conflict.sides.iter().map(|side| side.decided).collect();
    assert!(decided.contains(&one.block_ref()) && decided.contains(&other.block_ref()));
    assert!(conflict.sides.iter().all(|side| side.path == DecisionPath::Fast));
    // Those who voted twice, and the leader of both.
    assert_eq!(found.guilty(), servers(0, FAST));
    assert!(found.beyond_policy);
    assert_eq!(found.ends, []);
}

#[test]
fn who_leaves_its_vote_out_of_a_report_is_convicted_by_what_others_kept() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let other = header(&net, 1, origin(&net), 2);
    let decided = backing(&net, std::slice::from_ref(&one), servers(0, FAST));
    // Five report for view 1; of those who voted all but one say that they did not.
    let reports: Vec<_> = (2..7).map(|signer| report(&net, s(signer), 1, None)).collect();
    let chosen = choice(&net, 1, origin(&net), &reports);
    let second = backing(&net, &[other], servers(0, FAST));
    let kept = [Testimony::Backing(decided), Testimony::Choice(chosen), Testimony::Backing(second)];
    let found = findings(&net, &kept);
    assert_eq!(found.conflict.as_ref().map(|conflict| conflict.height), Some(Height(1)));
    assert_eq!(found.guilty(), servers(2, FAST));
    assert!(kinds(&found).iter().all(|(_, kind)| *kind == EvidenceKind::Concealed));
    assert!(found.beyond_policy);
    // Without the choice nobody is convicted, and the certificate of view 1 stands alone.
    let found = findings(&net, &[kept[0].clone(), kept[2].clone()]);
    assert_eq!(found.guilty(), ServerSet::EMPTY);
    assert!(!found.beyond_policy);
    assert_eq!(found.ends, [TrailEnd::NewView { view: View(1), tip: origin(&net) }]);
}

#[test]
fn who_leaves_its_commit_out_of_a_report_is_convicted() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let other = header(&net, 1, origin(&net), 2);
    // Two of those who committed did not vote: others had shown them the certificate.
    let mut decided = backing(&net, std::slice::from_ref(&one), servers(0, 3));
    decided.commits = (0..5).map(|signer| commit(&net, s(signer), &one)).collect();
    let reports: Vec<_> = (2..7).map(|signer| report(&net, s(signer), 1, None)).collect();
    let chosen = choice(&net, 1, origin(&net), &reports);
    let second = backing(&net, &[other], servers(0, FAST));
    let kept = [Testimony::Backing(decided), Testimony::Choice(chosen), Testimony::Backing(second)];
    let found = findings(&net, &kept);
    let conflict = found.conflict.as_ref().expect("both are decided");
    assert_eq!(conflict.sides[0].path, DecisionPath::Slow);
    assert_eq!(found.guilty(), servers(2, 5));
    assert!(found.beyond_policy);
}

#[test]
fn a_quorum_that_shows_no_votes_is_where_the_trail_ends() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let other = header(&net, 0, origin(&net), 2);
    let first = backing(&net, std::slice::from_ref(&one), servers(0, FAST));
    let mut second = backing(&net, std::slice::from_ref(&other), servers(6, 7));
    second.commits = (2..7).map(|signer| commit(&net, s(signer), &other)).collect();
    let found = findings(&net, &[Testimony::Backing(first), Testimony::Backing(second)]);
    assert_eq!(kinds(&found), [(s(0), EvidenceKind::Headers)]);
    let (view, block, voters) = (View(0), other.block_ref(), servers(6, 7));
    assert_eq!(found.ends, [TrailEnd::Commit { view, block, voters }]);
}

#[test]
fn a_certificate_for_what_nobody_decided_is_where_the_trail_ends() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let other = header(&net, 0, origin(&net), 2);
    let first = backing(&net, std::slice::from_ref(&one), servers(0, FAST));
    let mut pool = Pool::new(net.law());
    pool.take(&Testimony::Backing(first));
    pool.take_certificate(&keys::certify(&net.context, &other));
    pool.take_header(other.clone());
    let found = pool.findings();
    let conflict = found.conflict.expect("both are decided");
    assert_eq!(conflict.sides.last().map(|side| side.path), Some(DecisionPath::Certificate));
    assert_eq!(found.ends, [TrailEnd::Checkpoint { block: other.block_ref() }]);
}

#[test]
fn what_is_not_signed_by_whom_it_names_is_left_out() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let other = header(&net, 0, origin(&net), 2);
    let honest = backing(&net, std::slice::from_ref(&one), servers(0, FAST));
    let mut forged = backing(&net, std::slice::from_ref(&other), servers(0, FAST));
    // Somebody who holds nobody's key makes up the other side.
    let strip = |vote: &Signed<Vote>| Signed { signature: [7; 64], ..vote.clone() };
    forged.votes = forged.votes.iter().map(strip).collect();
    forged.headers[0].signature = [7; 64];
    let (view, tip) = (View(1), other.block_ref());
    let signature = keys::combine(&net.context, &Statement::Commit { view, block: tip });
    forged.new_view = Some(ally_consensus::NewViewCertificate { view, tip, signature });
    let wrong = choice(&net, 1, tip, &[]);
    let wrong = Signed { signer: s(6), ..wrong };
    let mut pool = Pool::new(net.law());
    for testimony in
        [Testimony::Backing(honest), Testimony::Backing(forged), Testimony::Choice(wrong)]
    {
        pool.take(&testimony);
    }
    assert_eq!(pool.refused(), usize::from(FAST) + 3);
    let found = pool.findings();
    assert_eq!((found.conflict, found.charges, found.ends), (None, Vec::new(), Vec::new()));
}

/// Leaders fail in turn, servers restart: all that everybody kept is consistent, and accuses nobody.
#[test]
fn what_honest_servers_kept_convicts_none_of_them() {
    for mut net in [flat(4, 3), net()] {
        for _ in 0..6 {
            let view = net.engine(1).status().view.max(net.engine(2).status().view);
            let leader = net.rotation.leader(view).0;
            (0..3).for_each(|_| {
                net.propose(leader);
            });
            (0..30).for_each(|_| {
                net.deliver_next();
            });
            net.restart((leader + 1) % net.count());
            net.silent = [s(leader)].into_iter().collect();
            net.work();
            let next = (leader + 2) % net.count();
            net.run_until(200, move |net| net.engine(next).status().view > view);
            net.silent = ServerSet::EMPTY;
            net.settle();
        }
        let kept: Vec<_> =
            net.servers.iter().flat_map(|server| server.testimony.iter()).cloned().collect();
        let of = |is: fn(&Testimony) -> bool| kept.iter().filter(|kept| is(kept)).count();
        assert!(of(|kept| matches!(kept, Testimony::Backing(_))) > 10);
        assert!(of(|kept| matches!(kept, Testimony::Choice(_))) > 3);
        let mut pool = Pool::new(net.law());
        kept.iter().for_each(|testimony| pool.take(testimony));
        assert_eq!(pool.refused(), 0);
        let found = pool.findings();
        assert_eq!((found.conflict, found.charges, found.ends), (None, Vec::new(), Vec::new()));
    }
}
