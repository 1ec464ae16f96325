//! Whole ceremonies, honest and with liars.

use std::sync::Arc;

use ally_alliance::keys::SigningKey;
use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex, ServerSet};
use ally_threshold::{Handover, KeyShare, Plan, Scheme, combine};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::record::{Body, Complaint, TestShare};
use crate::sealing::SealSecret;
use crate::*;

fn signing(server: u16) -> SigningKey {
    SigningKey::from_seed(&[server as u8 + 1; 32])
}

fn threshold(threshold: u16, count: u16) -> Formula {
    let leaves = (0..count).map(|index| Formula::Leaf(ServerIndex(index))).collect();
    Formula::gate(threshold, leaves).unwrap()
}

fn participants(count: u16) -> Vec<Participant> {
    let one = |server| Participant {
        name: format!("server-{server}"),
        signing: signing(server).public(),
    };
    (0..count).map(one).collect()
}

fn all(count: u16) -> Vec<ServerIndex> {
    (0..count).map(ServerIndex).collect()
}

fn key(name: &str, task: Task, dealers: &[ServerIndex]) -> KeyTask {
    KeyTask { name: name.into(), task, dealers: dealers.to_vec() }
}

fn generate(formula: &Formula) -> Task {
    Task::Generate(Plan::new(Scheme::Bls12381, 1, formula, 0).unwrap())
}

/// Four servers, two BLS keys that all of them deal; any two of the four have an honest one.
fn two_keys() -> Proposal {
    let keys = vec![
        key("certify", generate(&threshold(2, 4)), &all(4)),
        key("quorum", generate(&threshold(3, 4)), &all(4)),
    ];
    Proposal::new([1; 32], [2; 16], participants(4), threshold(2, 4), keys).unwrap()
}

/// Changes what a participant is about to say.
type Liar = Box<dyn Fn(ServerIndex, &mut Body)>;

/// A ceremony whose participants all see one board.
struct Fleet {
    board: Board,
    secrets: Vec<Secrets>,
    own: Vec<Vec<KeyShare>>,
    rng: ChaCha20Rng,
    liar: Liar,
    /// What participants get.
    shares: Vec<Option<Shares>>,
}

impl Fleet {
    fn new(proposal: Proposal) -> Self {
        Self::with(proposal, Vec::new(), |_, _| ())
    }

    fn with(
        proposal: Proposal,
        own: Vec<Vec<KeyShare>>,
        liar: impl Fn(ServerIndex, &mut Body) + 'static,
    ) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let count = proposal.participants().len();
        let secrets = (0..count).map(|server| {
            let own: Vec<_> = own.get(server).into_iter().flatten().map(Some).collect();
            let me = ServerIndex(server as u16);
            let fresh = Secrets::new(&proposal, me, &own, &mut rng, &()).unwrap();
            // From disk, as after a crash.
            Secrets::decode(&fresh.encode()).unwrap()
        });
        let secrets = secrets.collect();
        let shares = (0..count).map(|_| None).collect();
        let board = Board::new(Arc::new(proposal));
        Self { board, secrets, own, rng, liar: Box::new(liar), shares }
    }

    /// Lets everybody go on until nothing happens any more.
    fn run(&mut self) -> Status {
        for _ in 0..10 {
            let servers = 0..self.secrets.len() as u16;
            if servers.filter(|server| self.go_on(*server)).count() == 0 {
                break;
            }
            // Whoever asks for the status once all is done checks all of it.
            if self.board.missing(Stage::Confirmation).is_empty() {
                break;
            }
        }
        self.board.status()
    }

    /// Whether it had something to say.
    fn go_on(&mut self, server: u16) -> bool {
        let secrets = &self.secrets[usize::from(server)];
        let own: Vec<_> = match self.own.get(usize::from(server)) {
            Some(own) => own.iter().map(Some).collect(),
            None => Vec::new(),
        };
        let signing = signing(server);
        let record = match secrets.step(&self.board, &own, &signing) {
            Step::Publish(record) => *record,
            Step::Confirm(shares) => {
                let record = secrets.confirmation(&self.board, &shares, &signing, &mut self.rng);
                self.shares[usize::from(server)] = Some(shares);
                record
            }
            Step::Rest(_) => return false,
        };
        let mut body = record.body.clone();
        (self.liar)(ServerIndex(server), &mut body);
        let record = Record::signed(record.ceremony(), ServerIndex(server), body, &signing);
        let read = Record::from_bytes(&record.to_bytes()).unwrap();
        assert_eq!(read, record);
        assert_eq!(self.board.add(read), Ok(true));
        true
    }

    /// The shares that everybody has of the key with this number.
    fn shares_of(&self, key: usize) -> Vec<&KeyShare> {
        let own = |shares: &'_ Option<Shares>| shares.as_ref().unwrap().shares[key].is_some();
        assert!(self.shares.iter().all(own));
        self.shares.iter().filter_map(|own| own.as_ref()?.shares[key].as_ref()).collect()
    }
}

fn sign(key: &ally_threshold::PublicKey, shares: &[&KeyShare], who: &[usize]) -> Option<Vec<u8>> {
    let share = |at: &usize| (shares[*at].server(), shares[*at].sign(key, b"message").unwrap());
    combine(key, b"message", &who.iter().map(share).collect::<Vec<_>>()).ok()
}

fn complete(status: Status) -> Outcome {
    match status {
        Status::Complete(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

fn failure(status: Status) -> Failure {
    match status {
        Status::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn honest_servers_make_keys_that_qualified_sets_sign_with() {
    let mut fleet = Fleet::new(two_keys());
    let outcome = complete(fleet.run());
    assert!(outcome.disqualified.is_empty() && outcome.false_complaints.is_empty());
    let shares = fleet.shares_of(0);
    let signature = sign(&outcome.keys[0], &shares, &[0, 1]).unwrap();
    assert_eq!(sign(&outcome.keys[0], &shares, &[2, 3]), Some(signature));
    assert_eq!(sign(&outcome.keys[0], &shares, &[3]), None);
    assert_eq!(sign(&outcome.keys[1], &fleet.shares_of(1), &[0, 1]), None);
    for (number, key) in outcome.keys.iter().enumerate() {
        let tests: Vec<_> = fleet.board.test_messages(number).collect();
        assert!(tests.len() == 8 && outcome.signatures[number].len() == 8);
        let mut signed = tests.iter().zip(&outcome.signatures[number]);
        assert!(signed.all(|(test, signature)| key.verify(test, signature)));
    }
}

#[test]
fn it_waits_for_whoever_is_silent_and_says_so() {
    let mut fleet = Fleet::new(two_keys());
    let waits_for = |fleet: &Fleet, at, servers: &[u16]| match fleet.board.status() {
        Status::Waiting { stage, missing } => {
            let expected: ServerSet = servers.iter().copied().map(ServerIndex).collect();
            assert_eq!((stage, missing), (at, expected));
        }
        other => panic!("{other:?}"),
    };
    for _ in 0..5 {
        (0..3).for_each(|server| _ = fleet.go_on(server));
    }
    waits_for(&fleet, Stage::Hello, &[3]);
    fleet.go_on(3);
    waits_for(&fleet, Stage::Dealing, &[0, 1, 2, 3]);
    (1..4).for_each(|server| _ = fleet.go_on(server));
    waits_for(&fleet, Stage::Dealing, &[0]);
    complete(fleet.run());
}

#[test]
fn the_order_of_records_does_not_matter_and_repeating_them_neither() {
    let mut fleet = Fleet::new(two_keys());
    let outcome = complete(fleet.run());
    let mut records: Vec<Record> = fleet.board.records().cloned().collect();
    records.reverse();
    let mut copy = Board::new(fleet.board.proposal().clone());
    for record in records.iter().chain(&records) {
        copy.add(record.clone()).unwrap();
    }
    assert_eq!(complete(copy.status()).keys, outcome.keys);
}

/// Any server, in any stage, that goes on from the disk says nothing else than before.
#[test]
fn what_a_server_says_follows_from_its_secrets_and_the_board() {
    let mut fleet = Fleet::new(two_keys());
    let key = signing(2);
    for _ in 0..3 {
        for server in 0..4 {
            let again = Secrets::decode(&fleet.secrets[2].encode()).unwrap();
            let steps = [
                fleet.secrets[2].step(&fleet.board, &[], &key),
                again.step(&fleet.board, &[], &key),
            ];
            if let [Step::Publish(one), Step::Publish(other)] = steps {
                assert_eq!(one, other);
            }
            fleet.go_on(server);
        }
    }
}

#[test]
fn a_dealer_that_gives_one_server_a_wrong_secret_is_left_out() {
    let lie = |me: ServerIndex, body: &mut Body| {
        // Server 1 hands the letter for server 2 to server 3 as well.
        if let (1, Body::Dealing(dealing)) = (me.0, body) {
            dealing.keys[1].letters[3] = dealing.keys[1].letters[2].clone();
        }
    };
    let mut fleet = Fleet::with(two_keys(), Vec::new(), lie);
    let outcome = complete(fleet.run());
    let fault = DealerFault::Letter { key: "quorum".into(), reader: ServerIndex(3) };
    assert_eq!(outcome.disqualified, [(ServerIndex(1), fault)]);
    assert!(outcome.false_complaints.is_empty());
    let shares = fleet.shares_of(1);
    let signature = sign(&outcome.keys[1], &shares, &[0, 1, 3]);
    assert!(signature.is_some() && signature == sign(&outcome.keys[1], &shares, &[1, 2, 3]));
}

#[test]
fn what_everybody_sees_needs_no_complaint() {
    let fault_of = |lie: fn(&mut record::DealingRecord)| {
        let liar = move |me: ServerIndex, body: &mut Body| {
            if let (2, Body::Dealing(dealing)) = (me.0, body) {
                lie(dealing);
            }
        };
        let mut fleet = Fleet::with(two_keys(), Vec::new(), liar);
        let outcome = complete(fleet.run());
        assert!(outcome.false_complaints.is_empty());
        let [(ServerIndex(2), fault)] = &outcome.disqualified[..] else { panic!("{outcome:?}") };
        fault.clone()
    };
    assert_eq!(fault_of(|dealing| dealing.keys[0].contribution[5] ^= 1), DealerFault::Commitment);
    assert_eq!(fault_of(|dealing| dealing.keys.swap(0, 1)), DealerFault::Commitment);
    assert_eq!(fault_of(|dealing| _ = dealing.keys[0].letters.pop()), DealerFault::Count);
    let another = |dealing: &mut record::DealingRecord| {
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        dealing.dealer = SealSecret::random(&mut rng).public();
    };
    assert_eq!(fault_of(another), DealerFault::Knowledge);
}

#[test]
fn a_dealer_that_commits_to_nonsense_is_left_out() {
    // It commits to numbers that are no points, and deals just these.
    let nonsense = vec![0xff; 96];
    let id = two_keys().id();
    let liar = move |me: ServerIndex, body: &mut Body| match body {
        Body::Hello(hello) if me.0 == 0 => {
            let both = [nonsense.as_slice(); 2];
            hello.commitment = Some(judgement::commitment(id, me, both.into_iter()));
        }
        Body::Dealing(dealing) if me.0 == 0 => {
            dealing.keys.iter_mut().for_each(|dealt| dealt.contribution = nonsense.clone());
        }
        _ => {}
    };
    let outcome = complete(Fleet::with(two_keys(), Vec::new(), liar).run());
    let [(ServerIndex(0), DealerFault::Contribution { key, .. })] = &outcome.disqualified[..]
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(key, "certify");
}

#[test]
fn dealers_that_agreed_to_deal_the_same_are_both_left_out() {
    let mut fleet = Fleet::new(two_keys());
    // Server 2 has server 1's secrets, and seals them as its own.
    let mut bytes = fleet.secrets[1].encode();
    bytes[33] = 2;
    fleet.secrets[2] = Secrets::decode(&bytes).unwrap();
    let outcome = complete(fleet.run());
    let fault = |other| DealerFault::Same { key: "certify".into(), other: ServerIndex(other) };
    let expected = [(ServerIndex(1), fault(2)), (ServerIndex(2), fault(1))];
    assert_eq!(outcome.disqualified, expected);
}

#[test]
fn a_complaint_without_cause_is_seen_and_convicts_nobody() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let stranger = SealSecret::random(&mut rng);
    let liar = move |me: ServerIndex, body: &mut Body| {
        if let (0, Body::Verdict(verdict)) = (me.0, body) {
            // An opening that is none of its own letters'.
            let opening = stranger.opening(&stranger.public());
            verdict.complaints.push(Complaint { dealer: ServerIndex(3), opening });
        }
    };
    let outcome = complete(Fleet::with(two_keys(), Vec::new(), liar).run());
    assert!(outcome.disqualified.is_empty());
    assert_eq!(outcome.false_complaints, [(ServerIndex(0), ServerIndex(3))]);
}

#[test]
fn a_reader_that_opens_honest_letters_convicts_nobody() {
    let mut fleet = Fleet::new(two_keys());
    for _ in 0..2 {
        (0..4).for_each(|server| _ = fleet.go_on(server));
    }
    // Server 0 complains about server 3 with the true opening of letters that are right.
    let Step::Publish(record) = fleet.secrets[0].step(&fleet.board, &[], &signing(0)) else {
        panic!("a verdict is due");
    };
    let Body::Verdict(mut verdict) = record.body else { panic!("a verdict is due") };
    let dealer = fleet.board.dealing(ServerIndex(3)).unwrap().dealer;
    let opening = fleet.secrets[0].reader.opening(&dealer);
    verdict.complaints.push(Complaint { dealer: ServerIndex(3), opening });
    let id = fleet.board.proposal().id();
    let record = Record::signed(id, ServerIndex(0), Body::Verdict(verdict), &signing(0));
    fleet.board.add(record).unwrap();
    let outcome = complete(fleet.run());
    assert!(outcome.disqualified.is_empty());
    assert_eq!(outcome.false_complaints, [(ServerIndex(0), ServerIndex(3))]);
}

#[test]
fn without_an_honest_dealer_left_there_is_no_key() {
    let liar = |me: ServerIndex, body: &mut Body| {
        if let (0..3, Body::Dealing(dealing)) = (me.0, body) {
            dealing.keys[0].letters[3][0] ^= 1;
        }
    };
    let failure = failure(Fleet::with(two_keys(), Vec::new(), liar).run());
    let Failure::Dealers { key, faults } = failure else { panic!("{failure}") };
    let names: Vec<u16> = faults.iter().map(|(dealer, _)| dealer.0).collect();
    assert_eq!((key.as_str(), &names[..]), ("certify", &[0, 1, 2][..]));
}

#[test]
fn whoever_says_two_things_ends_the_ceremony_and_is_named() {
    let mut fleet = Fleet::new(two_keys());
    (0..4).for_each(|server| _ = fleet.go_on(server));
    let id = fleet.board.proposal().id();
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let me = ServerIndex(1);
    let another = Secrets::new(fleet.board.proposal(), me, &[], &mut rng, &()).unwrap();
    let empty = Board::new(fleet.board.proposal().clone());
    let Step::Publish(record) = another.step(&empty, &[], &signing(1)) else { panic!("hello") };
    assert_eq!(record.ceremony(), id);
    assert_eq!(fleet.board.add((*record).clone()), Ok(true));
    assert_eq!(fleet.board.add(*record), Ok(false), "known already");
    assert_eq!(failure(fleet.board.status()), Failure::Equivocation { by: me });
    let [one, other] = fleet.board.conflict().unwrap();
    assert!(one != other && one.stage() == Stage::Hello && other.stage() == Stage::Hello);
}

/// Server 3 shows server 0 another first word than the others: whatever comes of that, they do not end up
/// with different keys.
#[test]
fn boards_that_differ_do_not_make_different_keys() {
    let mut fleet = Fleet::new(two_keys());
    (0..3).for_each(|server| _ = fleet.go_on(server));
    let mut other = fleet.board.clone();
    fleet.go_on(3);
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let proposal = fleet.board.proposal().clone();
    let face = Secrets::new(&proposal, ServerIndex(3), &[], &mut rng, &()).unwrap();
    let Step::Publish(record) = face.step(&other, &[], &signing(3)) else { panic!("hello") };
    other.add(*record).unwrap();
    // Server 0 answers to what it has seen.
    let Step::Publish(record) = fleet.secrets[0].step(&other, &[], &signing(0)) else {
        panic!("a dealing is due");
    };
    fleet.board.add(*record).unwrap();
    let (by, stage) = (ServerIndex(0), Stage::Dealing);
    assert_eq!(failure(fleet.run()), Failure::Diverged { by, stage });
}

#[test]
fn who_gives_up_says_why() {
    let mut fleet = Fleet::new(two_keys());
    fleet.run();
    let mut fleet = Fleet::new(two_keys());
    (0..4).for_each(|server| _ = fleet.go_on(server));
    let by = ServerIndex(2);
    let record = abort(fleet.board.proposal(), by, "not like\nthis", &signing(2));
    fleet.board.add(record).unwrap();
    let reason = "not likethis".to_owned();
    assert_eq!(failure(fleet.run()), Failure::Aborted { by, reason });
}

#[test]
fn who_has_confirmed_can_no_longer_give_up() {
    let mut fleet = Fleet::new(two_keys());
    complete(fleet.run());
    let record = abort(fleet.board.proposal(), ServerIndex(2), "too late", &signing(2));
    assert_eq!(fleet.board.add(record), Ok(true));
    complete(fleet.board.status());
}

#[test]
fn a_wrong_test_share_names_who_gave_it() {
    let fault_of = |lie: fn(&mut Vec<TestShare>)| {
        let liar = move |me: ServerIndex, body: &mut Body| {
            if let (2, Body::Confirmation(confirmation)) = (me.0, body) {
                lie(&mut confirmation.shares);
            }
        };
        match failure(Fleet::with(two_keys(), Vec::new(), liar).run()) {
            Failure::Confirmation { key, by: ServerIndex(2), reason } => (key, reason),
            other => panic!("{other}"),
        }
    };
    let (key, reason) = fault_of(|shares| shares.swap(0, 8));
    assert!(key == "certify" && reason.contains("another key"), "{reason}");
    let (key, reason) = fault_of(|shares| shares.swap(14, 15));
    assert!(key == "quorum" && reason.contains("a wrong share"), "{reason}");
    let (key, reason) = fault_of(|shares| _ = shares.pop());
    assert!(key == "quorum" && reason.contains("missing"), "{reason}");
    let (_, reason) = fault_of(|shares| shares[0].share.truncate(20));
    assert!(reason.contains("truncated"), "{reason}");
}

#[test]
fn records_of_others_are_not_taken() {
    let mut fleet = Fleet::new(two_keys());
    let Step::Publish(record) = fleet.secrets[0].step(&fleet.board, &[], &signing(0)) else {
        panic!("hello");
    };
    let body = record.body.clone();
    let id = record.ceremony();
    let me = ServerIndex(0);
    let forged = Record::signed(id, me, body.clone(), &signing(1));
    assert_eq!(fleet.board.add(forged), Err(RecordFault::Signature(me)));
    let elsewhere = Record::signed(CeremonyId([0; 32]), me, body.clone(), &signing(0));
    assert_eq!(fleet.board.add(elsewhere), Err(RecordFault::OtherCeremony));
    let stranger = Record::signed(id, ServerIndex(4), body, &signing(4));
    assert_eq!(fleet.board.add(stranger), Err(RecordFault::Stranger(ServerIndex(4))));
    let bytes = record.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let taken = Record::from_bytes(&changed).map(|record| fleet.board.add(record));
        assert!(!matches!(taken, Ok(Ok(_))), "byte {at}");
        assert!(Record::from_bytes(&bytes[..at]).is_err());
    }
}

#[test]
fn old_shares_become_new_ones_and_the_key_stays() {
    let mut fleet = Fleet::new(two_keys());
    let old = complete(fleet.run());
    let before = sign(&old.keys[0], &fleet.shares_of(0), &[0, 1]).unwrap();
    let refresh = Task::Handover(Handover::refresh(&old.keys[0], 1).unwrap());
    let reshare = Task::Handover(Handover::reshare(&old.keys[1], &threshold(2, 3), 1).unwrap());
    let keys = vec![key("certify", refresh, &all(4)), key("quorum", reshare, &all(4))];
    let proposal = Proposal::new([1; 32], [3; 16], participants(4), threshold(2, 4), keys).unwrap();
    let own = fleet
        .shares
        .iter_mut()
        .map(|own| own.take().unwrap().shares.into_iter().map(Option::unwrap).collect());
    let mut fleet = Fleet::with(proposal, own.collect(), |_, _| ());
    let new = complete(fleet.run());
    assert_eq!(new.keys[0].verifying_key(), old.keys[0].verifying_key());
    assert_eq!(new.keys[1].verifying_key(), old.keys[1].verifying_key());
    assert_eq!(sign(&new.keys[0], &fleet.shares_of(0), &[2, 3]), Some(before));
    assert!(fleet.shares[3].as_ref().unwrap().shares[1].is_none(), "no longer a holder");
}

#[test]
fn proposals_that_cannot_be_are_refused() {
    let plan = || generate(&threshold(2, 4));
    let propose = |count, keys| {
        Proposal::new([1; 32], [2; 16], participants(count), threshold(2, 4), keys).err()
    };
    assert_eq!(propose(4, Vec::new()), Some(ProposalError::Keys));
    let twice = vec![key("certify", plan(), &all(4)), key("certify", plan(), &all(4))];
    assert_eq!(propose(4, twice), Some(ProposalError::Keys));
    let stranger = ProposalError::Stranger { key: "certify".into(), server: ServerIndex(3) };
    assert_eq!(propose(3, vec![key("certify", plan(), &all(3))]), Some(stranger));
    let one = ProposalError::NoHonestDealer { key: "certify".into() };
    assert_eq!(propose(4, vec![key("certify", plan(), &all(1))]), Some(one));
    let nobody = ProposalError::Dealers { key: "certify".into(), expected: 1, actual: 0 };
    assert_eq!(propose(4, vec![key("certify", plan(), &[])]), Some(nobody));
    let rsa = Task::Generate(Plan::new(Scheme::Rsa4096, 2, &threshold(2, 4), 0).unwrap());
    let three = ProposalError::Dealers { key: "certify".into(), expected: 2, actual: 3 };
    assert_eq!(propose(4, vec![key("certify", rsa, &all(3))]), Some(three));
}
