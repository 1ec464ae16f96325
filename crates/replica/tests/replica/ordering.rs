//! Commands are ordered exactly once, in their origin's order, without needless delay, for everybody.

use crate::world::{BASE_TIMEOUT, Fate, World};
use ally_consensus::{Height, View};
use ally_policy::ServerIndex;
use ally_replica::{Input, Limits, PeerMessage, Refusal};
use bytes::Bytes;

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{prefix}-{index}")).collect()
}

fn refs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[test]
fn a_lone_command_is_delivered_without_waiting_for_any_timer() {
    let mut world = World::new(Limits::default());
    world.run_until_idle();
    let start = world.now;
    world.submit(2, &["lone"]);
    world.run_for(10_000);
    for server in 0..4 {
        assert_eq!(world.log(server), [Bytes::from_static(b"lone")]);
    }
    assert!(BASE_TIMEOUT.0 > 10 * (world.now.0 - start.0));
    world.run_until_idle();
    world.check_complete(&["lone"]);
}

#[test]
fn every_origin_is_first_in_first_out_and_nothing_is_doubled() {
    let mut world = World::new(Limits::default());
    let mut all = Vec::new();
    for round in 0..20 {
        for server in 0..4u16 {
            let names = names(&format!("{server}-{round}"), 5);
            world.submit(server, &refs(&names));
            all.extend(names);
        }
        world.run_for(700);
    }
    world.run_until_idle();
    world.check_complete(&refs(&all));
    for origin in 0..4u16 {
        let mine = |name: &&str| name.starts_with(&format!("{origin}-"));
        let expected: Vec<_> = refs(&all).into_iter().filter(mine).collect();
        let log = world.log(0);
        let log: Vec<_> = log.iter().map(|c| std::str::from_utf8(c).unwrap()).collect();
        let found: Vec<_> = log.into_iter().filter(mine).collect();
        assert_eq!(found, expected);
    }
    assert!(world.server(0).views.iter().all(|(view, _)| *view == View(0)), "no view was left");
}

#[test]
fn an_idle_alliance_does_nothing_and_waits_for_nothing() {
    let mut world = World::new(Limits::default());
    world.submit(0, &["a"]);
    world.run_until_idle();
    let messages = world.messages.clone();
    for server in 0..4 {
        assert_eq!(world.replica(server).deadline(), None);
    }
    world.run_for(600_000_000);
    assert_eq!(world.messages, messages);
}

#[test]
fn beyond_its_quota_a_server_refuses_and_takes_again_after_delivery() {
    let limits = Limits {
        batch_bytes_max: 1024,
        block_bytes_max: 4096,
        undecided_bytes_max: 2048,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let long = "x".repeat(990);
    let commands: Vec<_> = (0..4).map(|index| format!("{index}{long}")).collect();
    let mut tickets = Vec::new();
    for command in &commands {
        tickets.push(world.submit(1, &[command]));
    }
    let refused: Vec<_> = world.server(1).refused.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(refused, tickets[2..]);
    assert!(matches!(world.server(1).refused[0].1, Refusal::Busy { limit: 2048, .. }));
    assert!(world.replica(1).room() < 100);
    world.run_until_idle();
    assert_eq!(world.replica(1).room(), 2048);
    world.submit(1, &[&commands[2]]);
    world.run_until_idle();
    world.check_complete(&refs(&commands[..3]));
}

#[test]
fn duplicated_messages_change_nothing() {
    let mut world = World::new(Limits::default());
    world.weather = Box::new(|_, _, _| Fate::Twice);
    let all = names("c", 50);
    for (index, name) in all.iter().enumerate() {
        world.submit(index as u16 % 4, &[name]);
        world.run_for(900);
    }
    world.run_until_idle();
    world.check_complete(&refs(&all));
}

#[test]
fn an_acceptor_that_lost_a_batch_asks_for_it() {
    let mut world = World::new(Limits::default());
    let mut lost = 0;
    world.weather = Box::new(move |from, to, message| {
        let hit = (from, to) == (ServerIndex(1), ServerIndex(3))
            && matches!(message, PeerMessage::Batch(_))
            && lost < 3;
        lost += u32::from(hit);
        if hit { Fate::Lose } else { Fate::Pass }
    });
    world.submit(1, &["a", "b"]);
    world.run_until_idle();
    world.check_complete(&["a", "b"]);
    assert!(world.messages["fetch batches"] > 0);
}

#[test]
fn a_batch_that_the_leader_never_got_is_relayed_before_anybody_loses_patience() {
    let mut world = World::new(Limits::default());
    // The leader of view 0 gets nothing from server 2 directly.
    world.weather = Box::new(|from, to, message| {
        let withheld = (from, to) == (ServerIndex(2), ServerIndex(0))
            && matches!(message, PeerMessage::Batch(_));
        if withheld { Fate::Lose } else { Fate::Pass }
    });
    world.submit(2, &["withheld"]);
    world.run_until_idle();
    world.check_complete(&["withheld"]);
    assert!(world.server(1).views.iter().all(|(view, _)| *view == View(0)));
}

#[test]
fn a_leader_that_passes_over_an_origin_is_left_although_it_decides_others() {
    let mut world = World::new(Limits::default());
    // To the leader of view 0, server 2's batches do not exist: as a leader that hates it.
    world.weather = Box::new(|_, to, message| {
        let hated = |batch: &ally_replica::SignedBatch| batch.batch.origin() == ServerIndex(2);
        let censored =
            to == ServerIndex(0) && matches!(message, PeerMessage::Batch(batch) if hated(batch));
        if censored { Fate::Lose } else { Fate::Pass }
    });
    world.submit(2, &["victim"]);
    let mut all = vec!["victim".to_string()];
    for name in names("other", 200) {
        world.submit(1, &[&name]);
        all.push(name);
        world.run_for(5_000);
    }
    let delivered =
        |world: &World, server| world.log(server).iter().any(|command| **command == *b"victim");
    assert!(delivered(&world, 1) && delivered(&world, 3), "{:#?}", world.replica(1).status());
    assert!(world.server(1).views.iter().any(|(view, open)| *open && *view > View(0)));
    // Once the leader is cured it catches up too.
    world.weather = Box::new(|_, _, _| Fate::Pass);
    world.run_until_idle();
    world.check_complete(&refs(&all));
}

#[test]
fn a_busy_alliance_makes_fewer_blocks_than_batches() {
    let mut world = World::new(Limits::default());
    let all = names("c", 2000);
    for (index, name) in all.iter().enumerate() {
        world.submit(index as u16 % 4, &[name]);
        world.run_for(50);
    }
    world.run_until_idle();
    world.check_complete(&refs(&all));
    let blocks = world.server(0).delivered.len();
    let batches: usize = world.server(0).delivered.values().map(|block| block.batches.len()).sum();
    assert!(blocks * 2 < batches && batches < 1000, "{blocks} blocks, {batches} batches");
    assert_eq!(world.replica(0).status().delivered.height, Height(blocks as u64));
}

#[test]
fn a_link_that_comes_back_brings_the_batches_that_were_lost_on_it() {
    let mut world = World::new(Limits::default());
    world.weather = Box::new(|from, _, message| {
        let lost = from == ServerIndex(2) && matches!(message, PeerMessage::Batch(_));
        if lost { Fate::Lose } else { Fate::Pass }
    });
    world.submit(2, &["lost"]);
    world.run_for(10_000);
    assert!(world.log(0).is_empty());
    world.weather = Box::new(|_, _, _| Fate::Pass);
    for other in [0, 1, 3].map(ServerIndex) {
        world.input(other, Input::Connected(ServerIndex(2)));
        world.input(ServerIndex(2), Input::Connected(other));
    }
    // Long before anybody relays or loses patience.
    world.run_for(BASE_TIMEOUT.0 / 8);
    assert_eq!(world.log(0).len(), 1);
    world.run_until_idle();
    assert!(world.server(0).views.iter().all(|(view, _)| *view == View(0)));
    world.check_complete(&["lost"]);
}

#[test]
fn a_batch_that_nobody_gave_for_long_is_asked_for_again_when_a_link_comes_back() {
    let mut world = World::new(Limits::default());
    world.crash(ServerIndex(1));
    world.weather = Box::new(|_, to, message| {
        let lost = to == ServerIndex(3) && matches!(message, PeerMessage::Batch(_));
        if lost { Fate::Lose } else { Fate::Pass }
    });
    world.submit(2, &["withheld"]);
    world.run_for(BASE_TIMEOUT.0 * 120);
    let status = world.replica(3).status();
    assert!(world.log(0).is_empty() && status.waiting_checks > 0, "all three are needed");
    assert_eq!(status.wanted_batches, 0, "it has given up");
    world.input(ServerIndex(3), Input::Connected(ServerIndex(0)));
    assert_eq!(world.replica(3).status().wanted_batches, 1);
    world.weather = Box::new(|_, _, _| Fate::Pass);
    world.run_for(BASE_TIMEOUT.0 * 70);
    assert_eq!(world.log(0).len(), 1);
}
