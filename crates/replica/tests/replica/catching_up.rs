//! Crashes, restarts, and servers that were away.

use crate::world::{Fate, World};
use ally_consensus::Height;
use ally_policy::ServerIndex;
use ally_replica::{Limits, PeerMessage, RECOVERED_HEADERS, SYNC_BLOCKS_MAX};

fn propose(world: &mut World, from: &[u16], prefix: &str, count: usize, pause: u64) -> Vec<String> {
    let names: Vec<_> = (0..count).map(|index| format!("{prefix}{index}")).collect();
    for (index, name) in names.iter().enumerate() {
        world.submit(from[index % from.len()], &[name]);
        world.run_for(pause);
    }
    names
}

fn check(world: &World, names: &[Vec<String>]) {
    world.check_complete(&names.iter().flatten().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_follower_that_was_down_catches_up_although_nothing_new_happens() {
    let mut world = World::new(Limits::default());
    let before = propose(&mut world, &[0, 1, 2], "before", 20, 3_000);
    world.run_until_idle();
    world.crash(ServerIndex(3));
    let during = propose(&mut world, &[0, 1, 2], "during", 300, 3_000);
    world.run_until_idle();
    world.start(ServerIndex(3));
    world.run_until_idle();
    check(&world, &[before, during]);
}

#[test]
fn the_leader_crashes_in_the_middle_and_comes_back() {
    let mut world = World::new(Limits::default());
    let before = propose(&mut world, &[1, 2, 3], "before", 50, 1_000);
    world.crash(ServerIndex(0));
    let during = propose(&mut world, &[1, 2, 3], "during", 50, 20_000);
    world.run_until_idle();
    check(&world, &[before.clone(), during.clone()]);
    world.start(ServerIndex(0));
    let after = propose(&mut world, &[0, 1, 2, 3], "after", 50, 5_000);
    world.run_until_idle();
    check(&world, &[before, during, after]);
}

#[test]
fn all_lose_power_at_once_and_nothing_delivered_is_lost() {
    let mut world = World::new(Limits::default());
    let first = propose(&mut world, &[0, 1, 2, 3], "a", 100, 500);
    let delivered: Vec<_> = (0..4).map(|server| world.log(server)).collect();
    world.all().for_each(|server| world.crash(server));
    world.all().for_each(|server| world.start(server));
    world.run_until_idle();
    for (server, log) in delivered.iter().enumerate() {
        let now = world.log(server as u16);
        assert_eq!(&now[..log.len()], log);
    }
    // The clients propose again what they have no answer for.
    let log = world.log(0);
    let lost: Vec<_> =
        first.iter().filter(|name| !log.iter().any(|c| *c == name.as_bytes())).collect();
    lost.iter().for_each(|name| {
        world.submit(1, &[name]);
    });
    let second = propose(&mut world, &[0, 1, 2, 3], "b", 20, 2_000);
    world.run_until_idle();
    check(&world, &[first, second]);
}

#[test]
fn a_server_that_crashes_again_and_again_never_signs_two_batches_under_one_number() {
    let mut world = World::new(Limits::default());
    for round in 0..20 {
        propose(&mut world, &[2], &format!("r{round}-"), 5, 700 + round * 37);
        world.crash(ServerIndex(2));
        world.run_for(1_000);
        world.start(ServerIndex(2));
        world.run_for(100_000);
    }
    world.run_until_idle();
    let evidence: Vec<_> = world.servers.iter().flat_map(|s| &s.disk.evidence).collect();
    assert!(evidence.is_empty(), "{evidence:?}");
    let log = world.log(2);
    assert!(log.len() > 20 && log == world.log(0));
}

#[test]
fn a_long_run_rewrites_the_journal_and_restarts_from_it() {
    let mut world = World::new(Limits::default());
    let count = RECOVERED_HEADERS + 1200;
    let first = propose(&mut world, &[0], "a", count, 4_500);
    world.run_until_idle();
    assert!(world.server(1).delivered.len() > 2000, "{}", world.server(1).delivered.len());
    assert!(world.server(1).disk.journal.len() < 2500, "{}", world.server(1).disk.journal.len());
    for server in world.all() {
        world.crash(server);
        world.start(server);
    }
    let second = propose(&mut world, &[1], "b", 20, 5_000);
    world.run_until_idle();
    check(&world, &[first, second]);
}

#[test]
fn a_server_whose_messages_were_lost_unnoticed_learns_that_it_is_behind() {
    let mut world = World::new(Limits::default());
    // From now on nothing but proposals reaches server 3, and the links look fine.
    world.weather = Box::new(|_, to, message| {
        let proposal = matches!(message, PeerMessage::Consensus(signed)
            if matches!(signed.body, ally_consensus::Message::Proposal(_)));
        if to == ServerIndex(3) && !proposal { Fate::Lose } else { Fate::Pass }
    });
    let first = propose(&mut world, &[0, 1], "a", 3, 2_000);
    world.run_for(50_000);
    assert_eq!(world.replica(3).status().delivered.height, Height(0));
    world.weather = Box::new(|_, _, _| Fate::Pass);
    // It may have left the view alone and say so again and again: that is not rest.
    world.run_for(2_000_000);
    check(&world, &[first]);
}

#[test]
fn a_peer_that_answers_with_nothing_is_left_for_another() {
    let mut world = World::new(Limits::default());
    world.crash(ServerIndex(3));
    let names = propose(&mut world, &[0, 1, 2], "a", 100, 3_000);
    world.run_until_idle();
    world.weather = Box::new(|from, _, message| {
        let useless = from != ServerIndex(1) && matches!(message, PeerMessage::SyncBlocks(_));
        if useless { Fate::Lose } else { Fate::Pass }
    });
    world.start(ServerIndex(3));
    world.run_until_idle();
    check(&world, &[names]);
}

/// Blocks whose batches do not come are fetched up to a limit; the rest follows when they come.
#[test]
fn blocks_that_wait_for_their_batches_are_limited() {
    const UNDELIVERED_MAX: usize = 4096;
    let mut world = World::new(Limits::default());
    world.crash(ServerIndex(3));
    let count = UNDELIVERED_MAX + 2 * SYNC_BLOCKS_MAX;
    let names = propose(&mut world, &[0], "a", count, 4_500);
    world.run_until_idle();
    let blocks = world.server(0).delivered.len();
    assert!(blocks > UNDELIVERED_MAX + SYNC_BLOCKS_MAX, "{blocks}");
    world.weather = Box::new(|_, to, message| {
        let lost = to == ServerIndex(3) && matches!(message, PeerMessage::Batch(_));
        if lost { Fate::Lose } else { Fate::Pass }
    });
    world.start(ServerIndex(3));
    world.run_for(10_000_000);
    let waiting = world.replica(3).status().undelivered_blocks;
    let limited = UNDELIVERED_MAX..UNDELIVERED_MAX + SYNC_BLOCKS_MAX;
    assert!(limited.contains(&waiting), "{waiting} of {blocks} blocks wait");
    world.weather = Box::new(|_, _, _| Fate::Pass);
    world.run_until_idle();
    check(&world, &[names]);
}
