use super::*;
use ally_consensus::{Digest, Sequence};

const TIMEOUT: Micros = Micros(3_200);

fn id(sequence: u64) -> BatchId {
    let digest = Digest([0; 32]);
    BatchId { origin: ServerIndex(2), sequence: Sequence(sequence), digest }
}

fn peers() -> Peers {
    let mut peers = Peers::new(ServerIndex(0), 4);
    (1..4).for_each(|server| peers.connect(ServerIndex(server)));
    peers
}

/// Who is asked for `id(1)`, question by question.
fn asked(fetcher: &mut Fetcher, peers: &Peers) -> Option<ServerIndex> {
    let now = fetcher.deadline()?;
    fetcher.questions(now, peers).into_iter().find(|(_, ids)| ids.contains(&id(1))).map(|(s, _)| s)
}

#[test]
fn a_batch_may_come_by_itself_then_proposer_origin_and_everybody_are_asked() {
    let mut fetcher = Fetcher::new(TIMEOUT);
    fetcher.want(id(1), Urgency::Proposed, ServerIndex(3), Micros(1000));
    assert_eq!(fetcher.deadline(), Some(Micros(1100)));
    assert!(fetcher.questions(Micros(1099), &peers()).is_empty());
    assert_eq!(asked(&mut fetcher, &peers()), Some(ServerIndex(3)));
    assert_eq!(asked(&mut fetcher, &peers()), Some(ServerIndex(2)));
    let rest: std::collections::BTreeSet<_> =
        (0..3).filter_map(|_| asked(&mut fetcher, &peers())).collect();
    assert_eq!(rest.len(), 3);
    fetcher.found(&id(1));
    assert_eq!(fetcher.deadline(), None);
}

#[test]
fn a_server_that_is_away_is_passed_over() {
    let mut peers = peers();
    peers.disconnect(ServerIndex(3));
    let mut fetcher = Fetcher::new(TIMEOUT);
    fetcher.want(id(1), Urgency::Proposed, ServerIndex(3), Micros(0));
    for _ in 0..10 {
        assert_ne!(asked(&mut fetcher, &peers), Some(ServerIndex(3)));
    }
}

#[test]
fn a_proposed_batch_is_given_up_and_a_decided_one_never() {
    for (urgency, given_up) in [(Urgency::Proposed, true), (Urgency::Decided, false)] {
        let mut fetcher = Fetcher::new(TIMEOUT);
        fetcher.want(id(1), urgency, ServerIndex(3), Micros(0));
        for _ in 0..1000 {
            let _ = asked(&mut fetcher, &peers());
        }
        assert_eq!(!fetcher.is_wanted(&id(1)), given_up, "{urgency:?}");
    }
}

#[test]
fn wants_and_questions_are_bounded() {
    let mut fetcher = Fetcher::new(TIMEOUT);
    for sequence in 0..WANTS_MAX as u64 + 10 {
        fetcher.want(id(sequence), Urgency::Decided, ServerIndex(3), Micros(0));
    }
    assert_eq!(fetcher.len(), WANTS_MAX);
    let questions = fetcher.questions(Micros(1_000_000), &peers());
    assert!(questions.values().all(|ids| ids.len() <= FETCH_BATCHES_MAX));
}
