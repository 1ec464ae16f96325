//! A key ceremony of four servers, one of which says whatever it likes under its own signature: honest
//! servers are never blamed, and hold shares of one key wherever the ceremony is complete.

use crate::cursor::Cursor;
use ally_alliance::keys::SigningKey;
use ally_ceremony::fuzzing::sign;
use ally_ceremony::{
    Board, Failure, KeyTask, Outcome, Participant, Proposal, Record, Secrets, Shares, Stage,
    Status, Step, Task,
};
use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex};
use ally_threshold::{Plan, Scheme, combine};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::{Arc, OnceLock};

const SERVERS: u16 = 4;
/// How many bytes of a right record are changed.
const CHANGES_MAX: usize = 8;
const STAGES: [Stage; 4] = [Stage::Hello, Stage::Dealing, Stage::Verdict, Stage::Confirmation];

/// An honest ceremony: everybody's secrets, and the board before each stage.
struct Honest {
    secrets: Vec<Secrets>,
    before: Vec<Board>,
    /// What everybody says in each stage.
    records: Vec<Vec<Record>>,
}

/// `liar (1) || stage (1) || kind (1) || changes or bytes`.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    let liar = cursor.below(usize::from(SERVERS));
    let stage = cursor.below(STAGES.len());
    let right = &honest().records[stage][liar];
    let body = &right.to_bytes()[..];
    let body = &body[..body.len() - 64];
    match cursor.byte() {
        0 => said(liar, stage, &bent(body, cursor)),
        // As if it were of another server, or of another stage.
        1 => {
            let other = &honest().records[cursor.below(STAGES.len())][cursor.below(4)];
            let other = other.to_bytes();
            said(liar, stage, &bent(&other[..other.len() - 64], cursor));
        }
        2 => said(liar, stage, &[&body[..35], cursor.rest()].concat()),
        3 => unsigned(stage, cursor.rest()),
        _ => {
            let mut bytes = right.to_bytes();
            cursor.change(&mut bytes, CHANGES_MAX);
            unsigned(stage, &bytes);
        }
    }
}

/// Small changes of what everybody says.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for stage in 0..4_u8 {
        for kind in [0, 4] {
            seeds.push(vec![1, stage, kind]);
            seeds.push(vec![1, stage, kind, 80, 0, 1, 120, 0, 255]);
        }
        seeds.push(vec![2, stage, 1, (stage + 1) % 4, 3]);
        let record = honest().records[usize::from(stage)][0].to_bytes();
        seeds.push([&[0, stage, 2][..], &record[35..record.len() - 64]].concat());
        seeds.push([&[0, stage, 3][..], &record].concat());
    }
    seeds
}

fn bent(right: &[u8], mut changes: Cursor<'_>) -> Vec<u8> {
    let mut bytes = right.to_vec();
    changes.change(&mut bytes, CHANGES_MAX);
    bytes
}

fn signing(server: usize) -> SigningKey {
    SigningKey::from_seed(&[server as u8 + 1; 32])
}

fn proposal() -> Arc<Proposal> {
    let leaves = (0..SERVERS).map(|index| Formula::Leaf(ServerIndex(index))).collect();
    let formula = Formula::gate(2, leaves).expect("2 of 4");
    let participant = |server: u16| Participant {
        name: format!("s{server}"),
        signing: signing(usize::from(server)).public(),
    };
    let plan = Plan::new(Scheme::Bls12381, 1, &formula, 0).expect("a plan");
    let key = KeyTask {
        name: "certify".into(),
        task: Task::Generate(plan),
        dealers: (0..SERVERS).map(ServerIndex).collect(),
    };
    let participants = (0..SERVERS).map(participant).collect();
    let proposal = Proposal::new([0; 32], [0; 16], participants, formula, vec![key]);
    Arc::new(proposal.expect("a proposal"))
}

fn honest() -> &'static Honest {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    HONEST.get_or_init(|| {
        let proposal = proposal();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut secret = |server| {
            Secrets::new(&proposal, ServerIndex(server), &[], &mut rng, &()).expect("a dealer")
        };
        let secrets: Vec<Secrets> = (0..SERVERS).map(&mut secret).collect();
        let mut board = Board::new(proposal.clone());
        let (mut before, mut records) = (Vec::new(), Vec::new());
        for _ in STAGES {
            before.push(board.clone());
            let words: Vec<Record> = (0..secrets.len())
                .map(|server| word(&secrets[server], server, &board).expect("a word").0)
                .collect();
            words.iter().for_each(|word| _ = board.add(word.clone()).expect("a record"));
            records.push(words);
        }
        Honest { secrets, before, records }
    })
}

/// What an honest server says next, and its shares with its last word.
fn word(secrets: &Secrets, server: usize, board: &Board) -> Option<(Record, Option<Shares>)> {
    match secrets.step(board, &[], &signing(server)) {
        Step::Publish(record) => Some((*record, None)),
        Step::Confirm(shares) => {
            let mut rng = ChaCha20Rng::seed_from_u64(2);
            let record = secrets.confirmation(board, &shares, &signing(server), &mut rng);
            Some((record, Some(shares)))
        }
        Step::Rest(_) => None,
    }
}

/// The liar signs `body` in a stage, where the others are honest. Later it is silent, or honest if that
/// is what it said.
fn said(liar: usize, stage: usize, body: &[u8]) {
    let Some(record) = sign(body, &signing(liar)) else { return };
    assert_eq!(&record.to_bytes()[..body.len()], body, "what is read is written as it was");
    let mut board = honest().before[stage].clone();
    if board.add(record).is_err() {
        return;
    }
    let mut shares: Vec<Option<Shares>> = (0..SERVERS).map(|_| None).collect();
    for _ in stage..STAGES.len() {
        let here = board.clone();
        for (server, shares) in shares.iter_mut().enumerate() {
            // The liar goes on as if it had been honest: so the ceremony comes to an end.
            let Some((record, own)) = word(&honest().secrets[server], server, &here) else {
                continue;
            };
            board.add(record).expect("a server's own record");
            *shares = own.or(shares.take());
        }
    }
    judged(liar, &board, &shares);
}

/// Who is blamed, and what came out.
fn judged(liar: usize, board: &Board, shares: &[Option<Shares>]) {
    let liar = ServerIndex(liar as u16);
    match board.status() {
        Status::Waiting { missing, .. } => {
            assert!(missing.iter().all(|silent| silent == liar), "waits for {missing:?}");
        }
        Status::Failed(cause) => blamed(liar, &cause, board),
        Status::Complete(outcome) => complete(liar, &outcome, shares),
        other => panic!("{other:?}"),
    }
}

fn blamed(liar: ServerIndex, cause: &Failure, board: &Board) {
    let only_the_liar = match cause {
        Failure::Aborted { by, .. }
        | Failure::Equivocation { by }
        | Failure::Diverged { by, .. }
        | Failure::Confirmation { by, .. } => *by == liar,
        Failure::Dealers { faults, .. } => faults.iter().all(|(by, _)| *by == liar),
        _ => false,
    };
    assert!(only_the_liar, "{cause}: {liar} lied");
    if let Some([one, other]) = board.conflict() {
        assert!(one.author() == liar && other.author() == liar);
    }
}

fn complete(liar: ServerIndex, outcome: &Outcome, shares: &[Option<Shares>]) {
    assert!(outcome.disqualified.iter().all(|(dealer, _)| *dealer == liar));
    assert!(outcome.false_complaints.iter().all(|(by, _)| *by == liar));
    let key = &outcome.keys[0];
    let contributions: Vec<_> = shares
        .iter()
        .flatten()
        .filter_map(|own| own.shares[0].as_ref())
        .filter(|own| own.server() != liar)
        .map(|own| (own.server(), own.sign(key, b"message").expect("a share of the key")))
        .collect();
    assert!(contributions.len() >= 3, "every honest server has a share");
    assert!(combine(key, b"message", &contributions[1..]).is_ok(), "honest servers sign");
}

/// Whoever brings bytes cannot say anything in a server's name.
fn unsigned(stage: usize, bytes: &[u8]) {
    let Ok(record) = Record::from_bytes(bytes) else { return };
    assert_eq!(record.to_bytes(), bytes, "what is read is written as it was");
    let known = honest().records.iter().flatten().any(|honest| *honest == record);
    let mut board = honest().before[stage].clone();
    assert!(known || board.add(record).is_err(), "a record that nobody signed");
}
