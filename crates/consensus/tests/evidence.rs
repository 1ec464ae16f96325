//! Proofs of lies: each kind convicts, nothing that was changed does, and no honest server can be
//! accused, whatever is put together of what it has signed.

mod support;

use ally_codec::{Decode, Encode};
use ally_consensus::{
    BlockHeader, BlockRef, Equivocation, Evidence, EvidenceKind, Message, NewView, NewViewShare,
    ProposalParts, Signed, Unproven, View, ViewChange, Vote,
};
use ally_policy::ServerIndex;
use support::signed::{
    as_choice, as_commit, as_report, as_share, as_vote, branch, choice, commit, header, net,
    origin, report, share, sign, signed_header, vote,
};
use support::{Net, flat, keys, s};

const LIAR: ServerIndex = ServerIndex(0);

/// One proof of each kind against [`LIAR`], who leads views 0 and 7.
fn proofs(net: &Net) -> Vec<Evidence> {
    assert_eq!((net.rotation.leader(View(0)), net.rotation.leader(View(7))), (LIAR, LIAR));
    let one = header(net, 0, origin(net), 1);
    let other = header(net, 0, origin(net), 2);
    let above = header(net, 0, one.block_ref(), 1);
    let quorum =
        |count: u16| (0..count).map(|signer| report(net, s(signer), 7, None)).collect::<Vec<_>>();
    let (tip, wrong) = (origin(net), one.block_ref());
    let spoilt = |body| keys::sign(&net.context, LIAR, true, true, body);
    let (view, block) = (View(0), one.block_ref());
    vec![
        Evidence::Headers(Equivocation {
            first: signed_header(net, &one),
            second: signed_header(net, &other),
        }),
        Evidence::Votes {
            first: vote(net, LIAR, &other),
            second: vote(net, LIAR, &above),
            headers: vec![signed_header(net, &above)],
        },
        Evidence::Selection(choice(net, 7, wrong, &quorum(5))),
        Evidence::Concealed {
            vote: vote(net, LIAR, &above),
            report: report(net, LIAR, 1, Some(branch(net, std::slice::from_ref(&one)))).into(),
        },
        Evidence::Reports {
            first: report(net, LIAR, 1, Some(branch(net, std::slice::from_ref(&one)))).into(),
            second: report(net, LIAR, 3, None).into(),
        },
        Evidence::Choices {
            first: choice(net, 7, tip, &quorum(5)),
            second: choice(net, 7, wrong, &quorum(6)),
        },
        Evidence::Tips { first: share(net, LIAR, tip), second: share(net, LIAR, wrong) },
        Evidence::NewViewShare(as_share(spoilt(Message::NewViewShare(NewViewShare {
            view,
            tip,
            share: Vec::new(),
        })))),
        Evidence::CommitShare(as_vote(spoilt(Message::Vote(Vote { view, block, share: None })))),
        Evidence::ConcealedCommit {
            commit: commit(net, LIAR, &above),
            report: certified(net, report(net, LIAR, 1, None), &one).into(),
            headers: vec![above],
        },
        Evidence::Misstated(Box::new(sign(net, LIAR, report_of_now(net, one)))),
    ]
}

/// "I leave for view 0, where I have voted for this."
fn report_of_now(net: &Net, block: BlockHeader) -> Message {
    let voted = Some(branch(net, &[block]));
    let (view, certified, committed) = (View(0), None, None);
    Message::ViewChange(Box::new(ViewChange { view, certified, voted, committed }))
}

#[test]
fn a_message_that_is_right_or_not_signed_is_no_misstatement() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let misstated = |message| Evidence::Misstated(Box::new(message)).verify(&net.law());
    let right = report(&net, LIAR, 1, None);
    let Signed { signer, signature, body } = right;
    let right = Signed { signer, signature, body: Message::ViewChange(Box::new(body)) };
    assert_eq!(misstated(right), Err(Unproven::Innocent));
    let mut forged = sign(&net, LIAR, report_of_now(&net, one.clone()));
    assert_eq!(misstated(forged.clone()), Ok(()));
    forged.signer = s(1);
    assert_eq!(misstated(forged), Err(Unproven::Signature(s(1))));
    // Somebody put other batches beside an honest leader's header.
    let parts = ProposalParts { header: one.clone(), batches: [].into(), new_view: None };
    let empty = BlockHeader { payload_digest: Default::default(), ..parts.header.clone() };
    let other = ProposalParts { header: empty, ..parts.clone() };
    let other = sign(&net, LIAR, Message::Proposal(other.into()));
    assert_eq!(misstated(other), Err(Unproven::Innocent), "it signs no batches");
    let low = BlockHeader { height: ally_consensus::Height(0), ..one.clone() };
    let low = ProposalParts { header: low, ..parts };
    let bare = sign(&net, LIAR, Message::Proposal(low.clone().into()));
    assert_eq!(misstated(bare), Ok(()));
    let certificate = branch(&net, &[header(&net, 1, origin(&net), 1)]).new_view;
    let more = ProposalParts { new_view: certificate, ..low };
    let more = sign(&net, LIAR, Message::Proposal(more.into()));
    assert_eq!(misstated(more), Err(Unproven::Part), "one lie, one proof");
    let header = signed_header(&net, &one);
    let proof = Equivocation { first: header.clone(), second: header };
    let unsigned = sign(&net, LIAR, Message::Equivocation(Box::new(proof)));
    assert_eq!(misstated(unsigned), Err(Unproven::Part));
}

#[test]
fn each_kind_convicts_whoever_signed_it() {
    let net = net();
    let proofs = proofs(&net);
    let kinds: Vec<_> = proofs.iter().map(Evidence::kind).collect();
    assert!(kinds.windows(2).all(|pair| pair[0] < pair[1]), "all kinds, each once: {kinds:?}");
    assert_eq!(kinds, EvidenceKind::ALL);
    for proof in proofs {
        assert_eq!(proof.verify(&net.law()), Ok(()), "{:?}", proof.kind());
        assert_eq!(proof.culprit(), LIAR);
        let bytes = proof.to_bytes();
        assert_eq!(bytes[0], proof.kind().code());
        assert_eq!(Evidence::from_bytes(&bytes).expect("reads back"), proof);
    }
}

#[test]
fn a_proof_with_any_bit_changed_proves_nothing() {
    let net = net();
    for proof in proofs(&net) {
        let bytes = proof.to_bytes();
        // Every byte of what is short, some of every part of what is long.
        let step = (bytes.len() / 1000).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let Ok(changed) = Evidence::from_bytes(&changed) else { continue };
            let verdict = changed.verify(&net.law());
            assert!(verdict.is_err(), "{:?}: byte {at} changed to {changed:?}", proof.kind());
        }
    }
}

#[test]
fn proofs_of_one_alliance_mean_nothing_in_another() {
    let net = net();
    let mut elsewhere = support::flat(7, 5);
    elsewhere.context.alliance.0[0] ^= 1;
    for proof in proofs(&net) {
        assert!(proof.verify(&elsewhere.law()).is_err(), "{:?}", proof.kind());
    }
}

#[test]
fn what_two_servers_said_convicts_neither() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let other = header(&net, 0, origin(&net), 2);
    let votes = Evidence::Votes {
        first: vote(&net, s(1), &one),
        second: vote(&net, s(2), &other),
        headers: Vec::new(),
    };
    assert_eq!(votes.verify(&net.law()), Err(Unproven::Signers));
    let reports = Evidence::Reports {
        first: report(&net, s(1), 1, None).into(),
        second: report(&net, s(2), 1, Some(branch(&net, &[one]))).into(),
    };
    assert_eq!(reports.verify(&net.law()), Err(Unproven::Signers));
}

#[test]
fn what_a_report_need_not_name_is_held_against_nobody() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let two = header(&net, 0, one.block_ref(), 1);
    let later = header(&net, 2, two.block_ref(), 1);
    let innocent = |vote: &BlockHeader, report: Signed<ViewChange>| {
        let (given, report) = (self::vote(&net, LIAR, vote), report.into());
        let evidence = Evidence::Concealed { vote: given, report };
        assert_eq!(evidence.verify(&net.law()), Err(Unproven::Innocent), "{vote:?}");
    };
    let whole = branch(&net, &[one.clone(), two.clone()]);
    innocent(&one, report(&net, LIAR, 1, Some(whole.clone())));
    innocent(&two, report(&net, LIAR, 1, Some(whole)));
    // It voted again since, in a higher view: what it voted for before is not reported any more.
    innocent(&two, report(&net, LIAR, 3, Some(branch(&net, std::slice::from_ref(&later)))));
    // The vote came after the report.
    innocent(&later, report(&net, LIAR, 2, Some(branch(&net, &[one, two]))));
}

/// The report with a certified block.
fn certified(net: &Net, report: Signed<ViewChange>, block: &BlockHeader) -> Signed<ViewChange> {
    let certified = Some(keys::certify(&net.context, block));
    let body = ViewChange { certified, ..report.body };
    as_report(sign(net, report.signer, reported(body)))
}

#[test]
fn a_commit_that_a_report_need_not_name_is_held_against_nobody() {
    let net = net();
    let one = header(&net, 0, origin(&net), 1);
    let two = header(&net, 0, one.block_ref(), 1);
    let beside = header(&net, 0, origin(&net), 2);
    let verdict = |report: Signed<ViewChange>, headers: &[&BlockHeader]| {
        let headers = headers.iter().copied().cloned().collect();
        let commit = commit(&net, LIAR, &two);
        Evidence::ConcealedCommit { commit, report: report.into(), headers }.verify(&net.law())
    };
    let silent = |view| report(&net, LIAR, view, None);
    assert_eq!(verdict(silent(1), &[]), Ok(()));
    // It came after the report, or lies below what is certified.
    assert_eq!(verdict(silent(0), &[]), Err(Unproven::Innocent));
    assert_eq!(verdict(certified(&net, silent(1), &two), &[]), Err(Unproven::Innocent));
    // It lies above the certified block: that has to be shown, because it may lie beside it.
    assert_eq!(verdict(certified(&net, silent(1), &one), &[&two]), Ok(()));
    assert_eq!(verdict(certified(&net, silent(1), &one), &[]), Err(Unproven::Innocent));
    assert_eq!(verdict(certified(&net, silent(1), &beside), &[&two]), Err(Unproven::Innocent));
    // The report names it, or something higher.
    let mut frank = silent(1).body;
    let shown = commit(&net, LIAR, &two).body.certificate;
    frank.committed = Some((shown, branch(&net, &[one.clone(), two.clone()])));
    let frank = as_report(sign(&net, LIAR, reported(frank)));
    assert_eq!(verdict(frank, &[]), Err(Unproven::Innocent));
}

/// The headers from a block down to what a report says is certified, as far as they were proposed.
fn down_to(net: &Net, block: BlockRef, report: &ViewChange) -> Vec<BlockHeader> {
    let certified = report.certified.as_ref().map(|certificate| certificate.block.height);
    let proposed = |block: &BlockRef| {
        net.said.iter().find_map(|message| match &message.body {
            Message::Proposal(made) if made.header.block_ref() == *block => {
                Some(made.header.clone())
            }
            _ => None,
        })
    };
    let below = |header: &BlockHeader| BlockRef {
        height: ally_consensus::Height(header.height.0 - 1),
        hash: header.parent,
    };
    let headers = std::iter::successors(proposed(&block), |header| proposed(&below(header)));
    headers
        .take_while(|header| certified.is_some_and(|certified| header.height > certified))
        .collect()
}

/// Everything that the servers of an alliance have signed, put together in all ways that could be
/// proofs: none is one.
fn assert_nobody_can_be_accused(net: &Net) {
    let mut tried = 0;
    let mut innocent = |evidence: Evidence| {
        tried += 1;
        assert!(evidence.verify(&net.law()).is_err(), "{evidence:?}");
    };
    for server in 0..net.count() {
        let said = net.said.iter().filter(|message| message.signer == s(server)).cloned();
        let (mut votes, mut reports, mut choices, mut shares) = (vec![], vec![], vec![], vec![]);
        let mut commits = vec![];
        for message in said {
            match message.body {
                Message::Vote(_) => votes.push(as_vote(message)),
                Message::ViewChange(_) => reports.push(as_report(message)),
                Message::NewView(_) => choices.push(as_choice(message)),
                Message::NewViewShare(_) => shares.push(as_share(message)),
                Message::Commit(_) => commits.push(as_commit(message)),
                _ => {}
            }
        }
        for (at, first) in votes.iter().enumerate() {
            for second in &votes[at + 1..] {
                let (first, second) = (first.clone(), second.clone());
                innocent(Evidence::Votes { first, second, headers: Vec::new() });
            }
            for report in &reports {
                let (vote, report) = (first.clone(), report.clone().into());
                innocent(Evidence::Concealed { vote, report });
            }
            if net.policy.has_slow_path() {
                innocent(Evidence::CommitShare(first.clone()));
            }
        }
        for (commit, report) in commits.iter().flat_map(|c| reports.iter().map(move |r| (c, r))) {
            let headers = down_to(net, commit.body.certificate.block, &report.body);
            let (commit, report) = (commit.clone(), report.clone().into());
            innocent(Evidence::ConcealedCommit { commit, report, headers });
        }
        for first in &reports {
            for second in &reports {
                let (first, second) = (first.clone().into(), second.clone().into());
                innocent(Evidence::Reports { first, second });
            }
        }
        for (at, first) in choices.iter().enumerate() {
            innocent(Evidence::Selection(first.clone()));
            for second in &choices[at + 1..] {
                let (first, second) = (first.clone(), second.clone());
                innocent(Evidence::Choices { first, second });
            }
        }
        for (at, first) in shares.iter().enumerate() {
            innocent(Evidence::NewViewShare(first.clone()));
            for second in &shares[at + 1..] {
                let (first, second) = (first.clone(), second.clone());
                innocent(Evidence::Tips { first, second });
            }
        }
    }
    assert!(tried > 100, "only {tried} accusations tried");
    assert!(net.servers.iter().all(|server| server.evidence.is_empty()));
}

/// Lets leaders fail in turn, loses votes, restarts servers and certifies blocks in between.
fn live_through_much(net: &mut Net) {
    for round in 0..6_u16 {
        let view = net.engine(1).status().view.max(net.engine(2).status().view);
        let leader = net.rotation.leader(view).0;
        for _ in 0..3 {
            net.propose(leader);
        }
        for _ in 0..20 * (round + 1) {
            net.deliver_next();
        }
        let restarted = (leader + 1) % net.count();
        net.restart(restarted);
        net.silent = [s(leader)].into_iter().collect();
        net.work();
        let left = move |net: &Net| {
            net.engine((leader + 1) % net.count()).status().view > view
                && net.engine((leader + 2) % net.count()).status().view > view
        };
        net.run_until(200, left);
        net.silent = Default::default();
        for server in 0..net.count() {
            let height = net.chain(server).len();
            if height > 0 && (server + round) % 2 == 0 {
                net.certify(server, height);
            }
        }
        net.settle();
    }
}

#[test]
fn nobody_honest_can_be_accused() {
    let mut net = flat(4, 3);
    live_through_much(&mut net);
    assert_nobody_can_be_accused(&net);
}

#[test]
fn nobody_honest_can_be_accused_where_there_is_a_slow_path() {
    let mut net = net();
    live_through_much(&mut net);
    assert_nobody_can_be_accused(&net);
}

/// Gives `to` a message of another server, and returns what it proved by it.
fn tell(net: &mut Net, to: ServerIndex, message: Signed<Message>) -> Vec<EvidenceKind> {
    let before = net.servers[to.index()].evidence.len();
    let checked = net.verifier.check(message);
    net.step(to, ally_consensus::Input::Received(checked.expect("well signed")), 0);
    let law = net.law();
    let fresh = &net.servers[to.index()].evidence[before..];
    for evidence in fresh {
        assert_eq!(evidence.verify(&law), Ok(()), "{evidence:?}");
        assert_eq!(evidence.culprit(), LIAR);
    }
    fresh.iter().map(Evidence::kind).collect()
}

fn reported(report: ViewChange) -> Message {
    Message::ViewChange(Box::new(report))
}

fn wrap<T>(signed: Signed<T>, wrap: impl FnOnce(T) -> Message) -> Signed<Message> {
    let Signed { signer, signature, body } = signed;
    Signed { signer, signature, body: wrap(body) }
}

#[test]
fn an_engine_proves_concealed_votes_and_changed_reports_once() {
    let mut net = net();
    let one = header(&net, 0, origin(&net), 1);
    let voted = vote(&net, LIAR, &one);
    let silent = report(&net, LIAR, 1, None);
    assert_eq!(tell(&mut net, s(1), wrap(voted.clone(), Message::Vote)), []);
    let concealed = tell(&mut net, s(1), wrap(silent.clone(), reported));
    assert_eq!(concealed, [EvidenceKind::Concealed]);
    assert_eq!(tell(&mut net, s(1), wrap(silent.clone(), reported)), []);
    let frank = report(&net, LIAR, 1, Some(branch(&net, &[one])));
    let changed = tell(&mut net, s(1), wrap(frank, reported));
    assert_eq!(changed, [EvidenceKind::Reports]);
    // The other way round: the report first.
    let late = report(&net, LIAR, 3, None);
    assert_eq!(tell(&mut net, s(2), wrap(late, reported)), []);
    assert_eq!(tell(&mut net, s(2), wrap(voted, Message::Vote)), [EvidenceKind::Concealed]);
}

#[test]
fn a_vote_that_gives_a_block_another_height_proves_nothing() {
    let mut net = net();
    let (below, block) = (header(&net, 0, origin(&net), 1), header(&net, 0, origin(&net), 2));
    let above = header(&net, 0, block.block_ref(), 1);
    for header in [&block, &above] {
        let batches = Vec::new().into();
        let parts = ProposalParts { header: header.clone(), batches, new_view: None };
        let proposal = sign(&net, LIAR, Message::Proposal(parts.into()));
        assert_eq!(tell(&mut net, s(1), proposal), []);
    }
    let nowhere = BlockRef { height: above.height.next().next(), ..above.block_ref() };
    for block in [below.block_ref(), nowhere] {
        let vote = sign(&net, LIAR, Message::Vote(Vote { view: View(0), block, share: None }));
        // What is given out must convict, and no header shows such a block.
        assert_eq!(tell(&mut net, s(1), vote), [], "{block:?}");
    }
}

#[test]
fn an_engine_proves_two_choices() {
    let mut net = net();
    let reports: Vec<_> = (0..5).map(|signer| report(&net, s(signer), 7, None)).collect();
    let (tip, wrong) = (origin(&net), header(&net, 0, origin(&net), 1).block_ref());
    let (right, wrong) = (choice(&net, 7, tip, &reports), choice(&net, 7, wrong, &reports));
    assert_eq!(tell(&mut net, s(1), wrap(right, Message::NewView)), []);
    assert_eq!(tell(&mut net, s(1), wrap(wrong, Message::NewView)), [EvidenceKind::Choices]);
}

#[test]
fn an_engine_proves_wrong_shares() {
    let mut net = net();
    net.spoil_shares = Some(LIAR);
    assert!(net.propose(0));
    net.settle();
    let kinds: Vec<_> =
        net.servers.iter().flat_map(|server| server.evidence.iter().map(Evidence::kind)).collect();
    assert!(kinds.contains(&EvidenceKind::CommitShare), "{kinds:?}");
    for server in &net.servers {
        for evidence in &server.evidence {
            assert_eq!(evidence.verify(&net.law()), Ok(()), "{evidence:?}");
            assert_eq!(evidence.culprit(), LIAR);
        }
    }
}

/// A leader with a choice for the view after the first, and no share of it yet: its view, its tip and
/// itself.
fn with_a_choice(net: &mut Net) -> (View, BlockRef, ServerIndex) {
    // The leader of view 0 is silent, and spoils the next view then. No share arrives by itself.
    net.filter = Box::new(|parcel| !matches!(parcel.message.body, Message::NewViewShare(_)));
    net.silent = [LIAR].into_iter().collect();
    net.work();
    net.run_until(100, |net| net.said.iter().any(|m| matches!(m.body, Message::NewView(_))));
    net.silent = Default::default();
    net.parcels.clear();
    let sent = net.said.iter().find_map(|message| match &message.body {
        Message::NewView(choice) => Some(choice.clone()),
        _ => None,
    });
    let NewView { view, tip, .. } = sent.expect("just seen");
    (view, tip, net.rotation.leader(view))
}

#[test]
fn a_share_that_comes_again_is_not_blamed_for_the_one_before() {
    let mut net = net();
    let (view, tip, leader) = with_a_choice(&mut net);
    let give = |net: &Net, signer, spoil| {
        let body = Message::NewViewShare(NewViewShare { view, tip, share: Vec::new() });
        keys::sign(&net.context, signer, true, spoil, body)
    };
    net.to_combine = Some(Vec::new());
    let (wrong, right) = (give(&net, LIAR, true), give(&net, LIAR, false));
    let other = give(&net, s(3), false);
    assert_eq!(tell(&mut net, leader, wrong), []);
    assert_eq!(tell(&mut net, leader, other), []);
    // While they are being combined, the liar gives the right one.
    assert_eq!(tell(&mut net, leader, right), []);
    net.combine_now();
    let evidence = &net.servers[leader.index()].evidence;
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].verify(&net.law()), Ok(()), "{evidence:?}");
}

#[test]
fn a_leader_proves_shares_for_two_tips_and_wrong_ones() {
    let mut net = net();
    let (view, tip, leader) = with_a_choice(&mut net);
    let give = |net: &Net, tip, spoil| {
        let body = Message::NewViewShare(NewViewShare { view, tip, share: Vec::new() });
        keys::sign(&net.context, LIAR, true, spoil, body)
    };
    let other = header(&net, 0, origin(&net), 1).block_ref();
    let (first, second) = (give(&net, tip, true), give(&net, other, false));
    assert_eq!(tell(&mut net, leader, first), []);
    assert_eq!(tell(&mut net, leader, second), [EvidenceKind::Tips]);
    // Another server's share makes a kernel: the wrong one shows.
    let body = Message::NewViewShare(NewViewShare { view, tip, share: Vec::new() });
    let third = keys::sign(&net.context, s(3), true, false, body);
    assert_eq!(tell(&mut net, leader, third), [EvidenceKind::NewViewShare]);
}
