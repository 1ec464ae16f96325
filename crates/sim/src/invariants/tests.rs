//! Each invariant fails when it should: what no correct run shows, told to it by hand.

use super::*;
use crate::keys::AllKeys;
use crate::scenario::{Style, Treachery};
use crate::{Setting, World};
use ally_byzantine::Keys;
use ally_codec::Encode;
use ally_consensus::{
    AllianceId, BlockHeader, BlockRef, Bugs, CheckpointCertificate, Context, DecisionPath, Digest,
    Epoch, Equivocation, Height, Message, NewViewShare, PolicyDigest, Proposal, ProposalParts,
    Record, Rotation, Sequence, Signed, SignedHeader, View, Vote, payload_digest, signing_bytes,
};
use ally_log::Origin;
use ally_policy::TrustPolicy;
use ally_replica::{
    Batch, ChainState, DeliveredBlock, Evidence, HeldBatch, PeerMessage, SignedBatch, StoreOp,
};
use bytes::Bytes;

const HONEST: ServerIndex = ServerIndex(1);
const OTHER: ServerIndex = ServerIndex(2);
const LIAR: ServerIndex = ServerIndex(0);

fn honest() -> ServerSet {
    ServerSet::first(4).difference(&[LIAR].into_iter().collect())
}

fn policy() -> Arc<TrustPolicy> {
    Setting::named("four").unwrap().policy().unwrap()
}

fn clock() -> time::Time {
    let scenario = Scenario::draw(1, &Setting::named("four").unwrap(), Style::Weather).unwrap();
    time::Time::new(scenario.clocks, honest())
}

/// Shows things to one invariant, a microsecond after each other; gives what is broken then.
fn after(invariant: impl Invariant + 'static, things: &[Observation<'_>]) -> String {
    let mut invariants = Invariants::of(honest(), vec![Box::new(invariant)]);
    for (at, what) in things.iter().enumerate() {
        invariants.see(Micros(at as u64), what);
    }
    invariants.finish();
    invariants.into_violations().join("; ")
}

fn header(height: u64, timestamp_us: u64, batches: &[HeldBatch]) -> BlockHeader {
    let alliance = AllianceId([1; 32]);
    let references: Vec<_> = batches.iter().map(|batch| *batch.reference()).collect();
    BlockHeader {
        alliance,
        epoch: Epoch(0),
        height: Height(height),
        view: View::ZERO,
        parent: BlockRef::genesis(alliance, Epoch(0)).hash,
        payload_digest: payload_digest(&references),
        log_size: 0,
        log_root: Digest([0; 32]),
        timestamp_us: Micros(timestamp_us),
    }
}

fn block(height: u64, timestamp_us: u64, batches: &[HeldBatch]) -> Arc<DeliveredBlock> {
    let header = header(height, timestamp_us, batches);
    let references = batches.iter().map(|batch| *batch.reference()).collect();
    let proposal = Proposal::from(ProposalParts { header, batches: references, new_view: None });
    Arc::new(DeliveredBlock {
        block: proposal.block_ref(),
        proposal,
        signature: None,
        batches: batches.to_vec(),
        first_index: 0,
        path: DecisionPath::Fast,
        state: ChainState::genesis(4),
    })
}

fn batch(origin: ServerIndex, sequence: u64, command: &Bytes) -> HeldBatch {
    let batch = Batch::new(origin, Sequence(sequence), std::slice::from_ref(command)).unwrap();
    HeldBatch::trusted(SignedBatch { signature: [0; 64], batch })
}

fn certificate(block: &DeliveredBlock) -> CheckpointCertificate {
    let (log_size, log_root) = (block.header().log_size, block.header().log_root);
    CheckpointCertificate { block: block.block, log_size, log_root, signature: Vec::new() }
}

fn proposal(timestamp_us: u64) -> Signed<Proposal> {
    let body = Proposal::from(ProposalParts {
        header: header(1, timestamp_us, &[]),
        batches: [].into(),
        new_view: None,
    });
    Signed { signer: LIAR, signature: [0; 64], body }
}

fn journal(record: Record) -> StoreOp {
    StoreOp::Journal { position: ally_consensus::JournalPosition(1), record }
}

fn vote_on(proposal: &Signed<Proposal>) -> PeerMessage {
    let header = &proposal.body.header;
    say(Message::Vote(Vote { view: header.view, block: header.block_ref(), share: None }))
}

fn say(body: Message) -> PeerMessage {
    PeerMessage::Consensus(Signed { signer: HONEST, signature: [0; 64], body })
}

#[test]
fn time_that_goes_back_or_runs_ahead_is_noticed() {
    let setting = Setting::named("four").unwrap();
    let clocks = Scenario::draw(1, &setting, Style::Weather).unwrap().clocks;
    let start = clocks.read(HONEST, Micros::ZERO).unix.0;
    let blocks = [(1, start), (2, start), (3, start - 1)];
    let blocks = blocks.map(|(height, time)| block(height, time, &[]));
    let delivered = blocks.each_ref().map(|block| Observation::Delivered { server: HONEST, block });
    assert_eq!(after(clock(), &delivered[..2]), "");
    assert!(after(clock(), &delivered).starts_with("time: block 3 goes back"));
    let early = block(1, start + 3 * clocks.tolerance + 1, &[]);
    let delivered = Observation::Delivered { server: HONEST, block: &early };
    assert!(after(clock(), &[delivered]).starts_with("time: block 1 of"));
}

#[test]
fn different_decisions_at_one_height_are_noticed() {
    let (one, other) = (block(1, 1, &[]), block(1, 2, &[]));
    let first = Observation::Delivered { server: HONEST, block: &one };
    assert_eq!(
        after(
            agreement::Agreement::default(),
            &[first, Observation::Delivered { server: OTHER, block: &one }]
        ),
        ""
    );
    let broken = after(
        agreement::Agreement::default(),
        &[first, Observation::Delivered { server: OTHER, block: &other }],
    );
    assert!(broken.starts_with("agreement"), "{broken}");
}

#[test]
fn what_a_liar_decides_does_not_matter() {
    let (one, other) = (block(1, 1, &[]), block(1, 2, &[]));
    let first = Observation::Delivered { server: HONEST, block: &one };
    assert_eq!(
        after(
            agreement::Agreement::default(),
            &[first, Observation::Delivered { server: LIAR, block: &other }]
        ),
        ""
    );
}

#[test]
fn a_gap_is_noticed() {
    let second = block(2, 1, &[]);
    let broken = after(
        agreement::Agreement::default(),
        &[Observation::Delivered { server: HONEST, block: &second }],
    );
    assert!(broken.starts_with("order"), "{broken}");
}

#[test]
fn what_nobody_submitted_is_noticed() {
    let command = Bytes::from_static(b"a");
    let one = block(1, 1, &[batch(HONEST, 0, &command)]);
    let delivered = Observation::Delivered { server: HONEST, block: &one };
    assert!(after(validity::Validity::new(honest()), &[delivered]).starts_with("validity"));
    let elsewhere = Observation::Submitted { server: OTHER, command: &command };
    assert!(
        after(validity::Validity::new(honest()), &[elsewhere, delivered]).starts_with("validity")
    );
    let submitted = Observation::Submitted { server: HONEST, command: &command };
    assert_eq!(after(validity::Validity::new(honest()), &[submitted, delivered]), "");
}

#[test]
fn a_command_decided_twice_is_noticed() {
    let command = Bytes::from_static(b"a");
    let submitted = Observation::Submitted { server: HONEST, command: &command };
    let once = block(1, 1, &[batch(HONEST, 0, &command)]);
    for again in [batch(HONEST, 0, &command), batch(HONEST, 1, &command)] {
        let twice = block(2, 2, &[again]);
        let broken = after(
            validity::Validity::new(honest()),
            &[
                submitted,
                Observation::Delivered { server: HONEST, block: &once },
                Observation::Delivered { server: HONEST, block: &twice },
            ],
        );
        assert!(broken.starts_with("validity"), "{broken}");
    }
}

#[test]
fn commands_out_of_their_origins_order_are_noticed() {
    let [a, b] = ["a", "b"].map(|name| Bytes::from_static(name.as_bytes()));
    let one = block(1, 1, &[batch(HONEST, 0, &b), batch(HONEST, 1, &a)]);
    let broken = after(
        validity::Validity::new(honest()),
        &[
            Observation::Submitted { server: HONEST, command: &a },
            Observation::Submitted { server: HONEST, command: &b },
            Observation::Delivered { server: HONEST, block: &one },
        ],
    );
    assert!(broken.starts_with("order of origin"), "{broken}");
}

#[test]
fn a_vote_that_the_disk_may_forget_is_noticed() {
    let proposal = proposal(1);
    let vote = vote_on(&proposal);
    let said = Observation::Said { server: HONEST, message: &vote };
    assert!(after(durability::Durability::new(honest()), &[said]).starts_with("durability"));
    let record = journal(Record::Vote(proposal));
    assert_eq!(
        after(
            durability::Durability::new(honest()),
            &[Observation::Durable { server: HONEST, op: &record }, said]
        ),
        ""
    );
}

#[test]
fn a_batch_that_the_disk_may_forget_is_noticed_but_not_a_relayed_one() {
    let batch = batch(HONEST, 0, &Bytes::from_static(b"a"));
    let message = PeerMessage::Batch(batch.signed().clone());
    assert!(
        after(
            durability::Durability::new(honest()),
            &[Observation::Said { server: HONEST, message: &message }]
        )
        .contains("batch")
    );
    assert_eq!(
        after(
            durability::Durability::new(honest()),
            &[Observation::Said { server: OTHER, message: &message }]
        ),
        ""
    );
}

#[test]
fn two_votes_for_one_place_are_noticed() {
    let records = [1, 2].map(|time| journal(Record::Vote(proposal(time))));
    let durable = records.each_ref().map(|op| Observation::Durable { server: HONEST, op });
    assert!(after(votes::Votes::new(honest()), &durable).starts_with("double vote"));
}

#[test]
fn a_vote_cast_after_leaving_is_noticed() {
    let leave = journal(Record::Leave(View(1)));
    let vote = journal(Record::Vote(proposal(1)));
    let [left, voted] = [&leave, &vote].map(|op| Observation::Durable { server: HONEST, op });
    assert_eq!(after(votes::Votes::new(honest()), &[voted, left]), "");
    assert!(after(votes::Votes::new(honest()), &[left, voted]).starts_with("late vote"));
}

#[test]
fn a_certificate_for_what_nobody_decided_is_noticed() {
    let one = block(1, 1, &[]);
    let certificate = CheckpointCertificate {
        block: one.block,
        log_size: 0,
        log_root: one.header().log_root,
        signature: Vec::new(),
    };
    let certified = Observation::Certified { certificate: &certificate };
    assert!(
        after(certification::Certification::default(), &[certified]).starts_with("certificate")
    );
    assert_eq!(
        after(
            certification::Certification::default(),
            &[certified, Observation::Delivered { server: HONEST, block: &one }]
        ),
        ""
    );
}

#[test]
fn blame_on_an_honest_server_is_noticed_but_not_on_a_liar() {
    let blamed = |evidence: &Evidence| {
        let accused = [Observation::Accused { server: HONEST, evidence }];
        after(blame::Blame::new(facts(), honest()), &accused)
    };
    assert_eq!(blamed(&two_headers(LIAR, 2)), "");
    let broken = blamed(&two_headers(OTHER, 2));
    assert!(broken.contains("which is honest"), "{broken}");
}

#[test]
fn blame_that_convinces_no_outsider_is_noticed() {
    let blamed = |evidence: &Evidence| {
        let accused = [Observation::Accused { server: HONEST, evidence }];
        after(blame::Blame::new(facts(), honest()), &accused)
    };
    let broken = blamed(&two_headers(LIAR, 1));
    assert!(broken.contains("convinces no outsider"), "one header: {broken}");
    let Evidence::Consensus(ally_consensus::Evidence::Headers(mut proof)) = two_headers(LIAR, 2)
    else {
        panic!("of two headers")
    };
    proof.first.signature[0] ^= 1;
    let forged = Evidence::Consensus(ally_consensus::Evidence::Headers(proof));
    let broken = blamed(&forged);
    assert!(broken.contains("convinces no outsider"), "forged: {broken}");
}

fn facts() -> Facts {
    let context = Context {
        alliance: AllianceId([1; 32]),
        epoch: Epoch(0),
        policy: PolicyDigest(policy().digest()),
    };
    let organisations = policy().organisations().iter().map(|it| it.servers().to_vec()).collect();
    let rotation = Rotation::new(context.epoch, organisations);
    let scenario = Scenario::draw(2, &Setting::named("four").unwrap(), Style::Plot).unwrap();
    let origin = Origin::new("example.org/simulated").unwrap();
    let keys = AllKeys::of(&scenario, &policy(), context, &origin);
    Facts { context, rotation, policy: policy(), keys }
}

/// Two signed headers of view 0 for one place, the times of which are 1 and `time`.
fn two_headers(signer: ServerIndex, time: u64) -> Evidence {
    let Facts { context, keys, .. } = facts();
    let signed = |time| {
        let body = header(1, time, &[]);
        let bytes = signing_bytes(&context, "block", &body.to_bytes());
        let signature = keys.signer([signer].into_iter().collect()).sign(signer, &bytes);
        SignedHeader { signer, signature, body }
    };
    let proof = Equivocation { first: signed(1), second: signed(time) };
    Evidence::Consensus(ally_consensus::Evidence::Headers(proof))
}

#[test]
fn work_that_is_never_decided_is_noticed() {
    let setting = Setting::named("four").unwrap();
    let mut scenario = Scenario::draw(1, &setting, Style::Weather).unwrap();
    // Two silent servers of four are one more than the policy lets fail.
    scenario.coalition = ServerSet::first(2);
    scenario.treachery = Treachery { withhold: 100, ..Treachery::default() };
    let outcome = World::new(scenario, Bugs::NONE).unwrap().run();
    assert!(outcome.violations.join("; ").starts_with("no liveness"));
}

#[test]
fn a_decision_without_its_voters_is_noticed() {
    let proposal = proposal(1);
    let decided = block(1, 1, &[]);
    let vote = vote_on(&proposal);
    let shown = say(Message::Proposal(proposal.body.clone()));
    let by = |server| Observation::Said { server, message: &vote };
    let start = Observation::Said { server: LIAR, message: &shown };
    let delivered = Observation::Delivered { server: HONEST, block: &decided };
    let check = |things: &[_]| after(decision::Decision::new(&policy()), things);
    assert_eq!(check(&[start, by(LIAR), by(HONEST), by(OTHER), delivered]), "");
    let twice = check(&[start, by(LIAR), by(HONEST), by(HONEST), delivered]);
    assert!(twice.starts_with("decision"), "{twice}");
    let certificate = certificate(&decided);
    let certified = Observation::Certified { certificate: &certificate };
    assert_eq!(check(&[start, certified, delivered]), "");
}

#[test]
fn votes_for_descendants_justify_a_decision_in_their_view_only() {
    let lower = block(1, 1, &[]);
    let child = |view| {
        let mut header = header(2, 2, &[]);
        (header.view, header.parent) = (view, lower.block.hash);
        Proposal::from(ProposalParts { header, batches: [].into(), new_view: None })
    };
    for (view, justified) in [(View::ZERO, true), (View(1), false)] {
        let child = child(view);
        let vote = Vote { view, block: child.header.block_ref(), share: None };
        let shown = [proposal(1).body, child].map(|body| say(Message::Proposal(body)));
        let vote = say(Message::Vote(vote));
        let first = vote_on(&proposal(1));
        let [low, high] = shown.each_ref().map(|m| Observation::Said { server: LIAR, message: m });
        let says = |server, message| Observation::Said { server, message };
        let things = [
            low,
            high,
            says(LIAR, &first),
            says(HONEST, &vote),
            says(OTHER, &vote),
            Observation::Delivered { server: HONEST, block: &lower },
        ];
        let broken = after(decision::Decision::new(&policy()), &things);
        assert_eq!(broken.is_empty(), justified, "{broken}");
    }
}

#[test]
fn a_root_that_is_not_the_logs_is_noticed() {
    let batches = [batch(HONEST, 0, &Bytes::from_static(b"a"))];
    let state = ChainState::genesis(4).extend(&batches);
    let with = |log_size, log_root| {
        let mut right = DeliveredBlock::clone(&block(1, 1, &batches));
        let header = BlockHeader { log_size, log_root, ..right.header().clone() };
        right.proposal = Proposal::header_only(header);
        right.state = state.clone();
        Arc::new(right)
    };
    let (right, wrong) = (with(1, state.log_root()), with(1, Digest([9; 32])));
    let delivered = |block| Observation::Delivered { server: HONEST, block };
    assert_eq!(after(log::Log::default(), &[delivered(&right)]), "");
    assert!(after(log::Log::default(), &[delivered(&wrong)]).starts_with("log: the header"));
    let [just, unjust] = [&right, &wrong].map(|block| certificate(block));
    let [just, unjust] = [&just, &unjust].map(|c| Observation::Certified { certificate: c });
    assert_eq!(after(log::Log::default(), &[just, delivered(&right), just]), "");
    for things in [[unjust, delivered(&right)], [delivered(&right), unjust]] {
        assert!(after(log::Log::default(), &things).starts_with("log: the certificate"));
    }
}

#[test]
fn a_tip_beside_what_may_have_been_decided_is_noticed_also_if_no_view_comes_of_it() {
    let proposal = proposal(1);
    let vote = vote_on(&proposal);
    let shown = say(Message::Proposal(proposal.body.clone()));
    let share =
        |tip| say(Message::NewViewShare(NewViewShare { view: View(1), tip, share: vec![] }));
    let genesis = BlockRef::genesis(AllianceId([1; 32]), Epoch(0));
    let (right, wrong) = (share(proposal.body.header.block_ref()), share(genesis));
    let said = |server, message| Observation::Said { server, message };
    let decided = [said(LIAR, &shown), said(LIAR, &vote), said(HONEST, &vote), said(OTHER, &vote)];
    let check = |last| {
        let [a, b, c, d] = decided;
        after(new_view::NewViewSoundness::new(&policy(), honest()), &[a, b, c, d, last])
    };
    assert_eq!(check(said(HONEST, &right)), "");
    assert_eq!(check(said(LIAR, &wrong)), "", "a liar's share opens nothing");
    assert!(check(said(HONEST, &wrong)).starts_with("selection"));
    let statement = ally_consensus::Statement::NewView { view: View(1), tip: genesis };
    assert!(check(Observation::Combined { statement: &statement }).starts_with("new view"));
}

#[test]
fn two_shares_of_one_view_are_noticed() {
    let genesis = BlockRef::genesis(AllianceId([1; 32]), Epoch(0));
    let tips = [genesis, proposal(1).body.header.block_ref()];
    let share = |view, tip| say(Message::NewViewShare(NewViewShare { view, tip, share: vec![] }));
    let [first, second] = tips.map(|tip| share(View(1), tip));
    let later = share(View(2), tips[1]);
    let said = |message| Observation::Said { server: HONEST, message };
    let check = |things: &[_]| after(votes::Votes::new(honest()), things);
    assert_eq!(check(&[said(&first), said(&first), said(&later)]), "");
    assert!(check(&[said(&first), said(&second)]).starts_with("double share"));
}

#[test]
fn a_share_for_a_tip_that_the_disk_lacks_is_noticed() {
    let proposal = proposal(1);
    let tip = proposal.body.header.block_ref();
    let share = say(Message::NewViewShare(NewViewShare { view: View(1), tip, share: vec![] }));
    let said = Observation::Said { server: HONEST, message: &share };
    let records =
        [Record::NewViewShare { view: View(1), tip }, Record::Hold(proposal)].map(journal);
    let [shared, held] = records.each_ref().map(|op| Observation::Durable { server: HONEST, op });
    let check = |things: &[_]| after(durability::Durability::new(honest()), things);
    assert!(check(&[said]).starts_with("durability"));
    assert!(check(&[shared, said]).contains("share of a tip"));
    assert_eq!(check(&[shared, held, said]), "");
}

#[test]
fn a_proposal_in_a_view_whose_entry_the_disk_may_forget_is_noticed() {
    let shown = say(Message::Proposal(proposal(1).body));
    let said = Observation::Said { server: HONEST, message: &shown };
    let mark = journal(Record::Leave(View::ZERO));
    let begun = Observation::Durable { server: HONEST, op: &mark };
    let check = |things: &[_]| after(durability::Durability::new(honest()), things);
    assert!(check(&[said]).contains("proposal of a view"));
    assert_eq!(check(&[begun, said]), "");
}

/// What a server shows that has done nothing.
fn status() -> ally_replica::Status {
    let policy = policy();
    let organisations = policy.organisations().iter().map(|each| each.servers().to_vec());
    let rotation = ally_consensus::Rotation::new(Epoch(0), organisations.collect());
    let context = ally_consensus::Context {
        alliance: AllianceId([1; 32]),
        epoch: Epoch(0),
        policy: ally_consensus::PolicyDigest(policy.digest()),
    };
    let quorums: Arc<dyn ally_consensus::Quorums> = Arc::clone(&policy) as _;
    let engine = ally_consensus::Config::new(context, HONEST, quorums, rotation, Micros(1_000));
    let origin = ally_log::Origin::new("example.org/sim").unwrap();
    let limits = ally_replica::Limits::default();
    let config = ally_replica::Config { engine, policy, origin, limits };
    ally_replica::Replica::restore(config, Default::default()).unwrap().status()
}

#[test]
fn patience_that_does_not_fall_back_is_noticed() {
    let mut status = status();
    let left = Observation::View { server: HONEST, view: View(1), open: false };
    status.agreement.failed_views = 1;
    let waiting = status.clone();
    status.agreement.decided.height = Height(1);
    let [waiting, decided] =
        [&waiting, &status].map(|status| Observation::Sampled { server: HONEST, status });
    let check = |things: &[_]| after(patience::Patience::default(), things);
    assert_eq!(check(&[left, waiting, waiting]), "");
    assert!(check(&[waiting]).starts_with("patience"), "nothing was left before");
    assert!(check(&[left, waiting, decided]).starts_with("patience"));
}

#[test]
fn more_than_the_limits_allow_is_noticed() {
    let mut status = status();
    let sampled = |status: &_| {
        after(memory::Memory::default(), &[Observation::Sampled { server: HONEST, status }])
    };
    status.sizes.future_proposals = 64;
    assert_eq!(sampled(&status), "");
    status.sizes.future_proposals = 65;
    assert!(sampled(&status).starts_with("memory"));
}

#[test]
fn a_third_step_in_the_good_case_is_noticed() {
    let calm = |coalition| {
        let drawn = Scenario::draw(1, &Setting::named("four").unwrap(), Style::Weather).unwrap();
        let mut network = drawn.network.clone();
        (network.delay, network.slow_permille, network.loss_permille) = ((1, 1), 0, 0);
        (network.bytes_per_ms, network.wide_area) = (0, None);
        network.partitions.clear();
        network.cuts.clear();
        let disks = crate::Disks { sync: (0, 0) };
        let (crashes, pauses, disk_faults) = Default::default();
        let clocks = crate::Clocks { faults: Vec::new(), set_back: None, ..drawn.clocks.clone() };
        Scenario { network, disks, coalition, crashes, pauses, disk_faults, clocks, ..drawn }
    };
    let shown = say(Message::Proposal(proposal(1).body));
    let decided = block(1, 1, &[]);
    let said = Observation::Said { server: LIAR, message: &shown };
    let delivered = Observation::Delivered { server: HONEST, block: &decided };
    let check =
        |things: &[_]| after(good_case::GoodCase::new(&calm(ServerSet::EMPTY)).unwrap(), things);
    assert_eq!(check(&[said, Observation::Healed, delivered]), "", "two microseconds");
    let late = check(&[said, Observation::Healed, Observation::Healed, delivered]);
    assert!(late.starts_with("good case"), "{late}");
    assert!(good_case::GoodCase::new(&calm(ServerSet::first(1))).is_none(), "somebody lies");
    // Seed 2727 of the drawn alliances, once: a vote that was caught in the tail is no third step.
    let mut far = calm(ServerSet::EMPTY);
    far.network.wide_area = Some(crate::WideArea::world(vec![0, 1, 2, 3]));
    assert!(good_case::GoodCase::new(&far).is_none(), "a tail makes messages late");
    far.network.wide_area.as_mut().unwrap().tail_permille = 0;
    assert!(good_case::GoodCase::new(&far).is_some(), "distance alone does not");
}

#[test]
fn a_block_beyond_its_budget_is_noticed() {
    for (count, broken) in [(BLOCK_BATCHES as u64, false), (BLOCK_BATCHES as u64 + 1, true)] {
        let batches = (0..count).map(|number| batch(HONEST, number, &Bytes::from_static(b"a")));
        let block = block(1, 1, &batches.collect::<Vec<_>>());
        let delivered = Observation::Delivered { server: HONEST, block: &block };
        assert_eq!(after(budget::Budget, &[delivered]).starts_with("budget"), broken);
    }
}

#[test]
fn a_report_that_forgets_a_vote_is_noticed() {
    let proposal = proposal(1);
    let report = |voted| {
        say(Message::ViewChange(Box::new(ally_consensus::ViewChange {
            view: View(1),
            certified: None,
            voted,
            committed: None,
        })))
    };
    let Signed { signer, signature, body } = proposal.clone();
    let headers = vec![Signed { signer, signature, body: body.header.clone() }];
    let whole = ally_consensus::Branch { view: View::ZERO, new_view: None, headers };
    let (true_report, false_report) = (report(Some(whole)), report(None));
    let vote = vote_on(&proposal);
    let said = |message| Observation::Said { server: HONEST, message };
    let check = |things: &[_]| after(reports::Reports::new(honest()), things);
    assert_eq!(check(&[said(&false_report), said(&vote), said(&true_report)]), "");
    assert!(check(&[said(&vote), said(&false_report)]).starts_with("report"));
}

#[test]
fn a_certificate_far_below_does_not_excuse_what_a_report_conceals() {
    let first = proposal(1);
    let header = BlockHeader {
        height: Height(2),
        parent: first.body.block_ref().hash,
        ..first.body.header.clone()
    };
    let parts = ally_consensus::ProposalParts { header, batches: [].into(), new_view: None };
    let second = Signed { body: ally_consensus::Proposal::from(parts), ..first.clone() };
    let report = |certified: BlockRef| {
        let certified = Some(ally_consensus::CheckpointCertificate {
            block: certified,
            log_size: 0,
            log_root: first.body.header.log_root,
            signature: Vec::new(),
        });
        say(Message::ViewChange(Box::new(ally_consensus::ViewChange {
            view: View(1),
            certified,
            voted: Some(ally_consensus::Branch {
                view: View::ZERO,
                new_view: None,
                headers: Vec::new(),
            }),
            committed: None,
        })))
    };
    let shown =
        [say(Message::Proposal(first.body.clone())), say(Message::Proposal(second.body.clone()))];
    let vote = vote_on(&second);
    let after_report = |certified: BlockRef| {
        let report = report(certified);
        let said = |message| Observation::Said { server: HONEST, message };
        after(
            reports::Reports::new(honest()),
            &[said(&shown[0]), said(&shown[1]), said(&vote), said(&report)],
        )
    };
    assert!(after_report(first.body.block_ref()).starts_with("report"), "its vote lies above");
    assert_eq!(after_report(second.body.block_ref()), "", "certified");
    let elsewhere = BlockRef { height: Height(1), hash: second.body.block_ref().hash };
    assert_eq!(after_report(elsewhere), "", "its vote conflicts with what is certified");
}
