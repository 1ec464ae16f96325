//! Each check is shown what it must let pass, and what it must not.

use super::*;
use crate::chaos::history::Acknowledged;
use ally_consensus::BlockHash;
use ally_log::Hash;

fn id(number: u8) -> ProposalId {
    ProposalId(Hash([number; 32]))
}

fn log(server: &str, ids: &[u8]) -> ServerLog {
    let blocks = ids.iter().map(|number| BlockHash([*number; 32])).collect();
    let ids = ids.iter().map(|number| id(*number)).collect();
    ServerLog { server: server.to_owned(), ids, blocks, ..ServerLog::default() }
}

fn operation(number: u8, index: Option<u64>) -> Operation {
    let acknowledged = index.map(|index| Acknowledged { at_ms: 1, index });
    let own = u64::from(number);
    Operation { client: 0, number: own, id: id(number), asked_ms: 0, acknowledged, attempts: 1 }
}

#[test]
fn logs_that_differ_or_end_early_are_found() {
    assert!(one_order(&[log("a", &[1, 2]), log("b", &[1, 2])]).holds());
    assert!(!one_order(&[log("a", &[1, 2]), log("b", &[2, 1])]).holds(), "another order");
    let short = one_order(&[log("a", &[1, 2]), log("b", &[1, 2]), log("c", &[1])]);
    assert_eq!(short.broken, 1);
    assert!(short.violations[0].contains("c (1 entries"), "{:?}", short.violations);
    let mut other = log("b", &[1, 2]);
    other.blocks[1] = BlockHash([9; 32]);
    assert!(!one_order(&[log("a", &[1, 2]), other]).holds(), "other blocks");
}

#[test]
fn a_log_that_contradicts_itself_is_found() {
    let mut bad = log("b", &[1]);
    bad.faults.push("block 1 does not follow block 0".to_owned());
    assert!(right_logs(&[log("a", &[1])]).holds());
    assert!(!right_logs(&[log("a", &[1]), bad]).holds());
}

#[test]
fn what_was_acknowledged_and_is_gone_or_elsewhere_is_found() {
    let logs = [log("a", &[1, 2, 1]), log("b", &[1, 2, 1])];
    let good = [operation(1, Some(0)), operation(2, Some(1)), operation(7, None)];
    let check = acknowledged_stays(&good, &logs);
    assert!(check.holds());
    assert_eq!(check.looked_at, 4, "two commands in two logs; one has no receipt");
    assert!(!acknowledged_stays(&[operation(3, Some(2))], &logs).holds(), "lost");
    assert!(acknowledged_stays(&[operation(1, Some(2))], &logs).holds(), "a copy is one");
    assert!(!acknowledged_stays(&[operation(1, Some(9))], &logs).holds(), "beyond the end");
    assert!(!acknowledged_stays(&[operation(1, Some(0))], &[log("a", &[2])]).holds(), "at one");
}

#[test]
fn what_overtakes_an_acknowledged_command_is_found() {
    let at = |number, index, asked_ms, at_ms| Operation {
        asked_ms,
        acknowledged: Some(Acknowledged { at_ms, index }),
        ..operation(number, None)
    };
    let whole = log("a", &[1, 2]);
    assert!(real_time_order(&[at(2, 1, 20, 30), at(1, 0, 0, 10)], &whole).holds());
    assert!(real_time_order(&[at(2, 1, 0, 30), at(1, 0, 20, 25)], &whole).holds(), "at once");
    let overtaken = real_time_order(&[at(2, 1, 0, 10), at(1, 0, 20, 30)], &whole);
    assert_eq!((overtaken.looked_at, overtaken.broken), (1, 1));
    let again = log("a", &[1, 2, 1]);
    let copy = [at(2, 1, 0, 10), at(1, 2, 20, 30)];
    assert!(!real_time_order(&copy, &again).holds(), "its first copy counts");
}

#[test]
fn a_command_without_an_answer_is_found() {
    assert!(all_answered(&[operation(1, Some(0))]).holds());
    assert!(!all_answered(&[operation(1, None)]).holds());
}

#[test]
fn a_forged_answer_is_found_unless_the_liar_gave_it() {
    let forged = Forged { server: "a".to_owned(), fault: "it is for another entry".to_owned() };
    let histories = [History { forged: vec![forged], ..History::default() }];
    let check = nothing_forged(&histories, Some("b"));
    assert_eq!((check.broken, check.violations[0].starts_with("a: ")), (1, true));
    assert!(!nothing_forged(&histories, None).holds(), "nobody lies");
    assert!(nothing_forged(&histories, Some("a")).holds());
}

#[test]
fn listeners_that_miss_repeat_or_do_not_mark_are_found() {
    let truth = log("a", &[1, 2, 1]);
    let heard = |index, number, duplicate_of| Heard { index, id: id(number), duplicate_of };
    let good = vec![heard(0, 1, None), heard(1, 2, None), heard(2, 1, Some(0))];
    assert!(listeners(&[Some(good.clone())], &truth, 3).holds());
    assert!(!listeners(&[None], &truth, 3).holds(), "late");
    assert!(!listeners(&[Some(good[..2].to_vec())], &truth, 3).holds(), "short");
    assert!(listeners(&[Some(good[..2].to_vec())], &truth, 2).holds(), "the log has grown since");
    assert!(!listeners(&[Some([&good[..], &good[2..]].concat())], &truth, 3).holds(), "long");
    let mut unmarked = good;
    unmarked[2].duplicate_of = None;
    assert!(!listeners(&[Some(unmarked)], &truth, 2).holds(), "not marked");
}

#[test]
fn an_entry_that_nobody_proposed_is_found() {
    let asked = [operation(1, None), operation(2, Some(0))];
    assert!(nothing_invented(&asked, &log("a", &[2, 1])).holds());
    assert!(!nothing_invented(&asked, &log("a", &[2, 3])).holds());
}
