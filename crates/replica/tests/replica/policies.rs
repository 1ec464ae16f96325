//! Other policies than four equal servers: the slow path, and organisations with several servers.

use crate::world::World;
use ally_consensus::DecisionPath;
use ally_policy::{FaultModel, ServerIndex, TrustPolicy};
use ally_replica::Limits;

fn propose(world: &mut World, servers: &[u16], prefix: &str) -> Vec<String> {
    let names: Vec<_> = (0..30).map(|index| format!("{prefix}{index}")).collect();
    for (index, name) in names.iter().enumerate() {
        world.submit(servers[index % servers.len()], &[name]);
        world.run_for(3_000);
    }
    world.run_until_idle();
    names
}

fn check(world: &World, names: &[Vec<String>]) {
    world.check_complete(&names.iter().flatten().map(String::as_str).collect::<Vec<_>>());
}

/// How blocks above `height` were decided at server 0.
fn paths(world: &World, height: u64) -> Vec<DecisionPath> {
    let blocks = world.server(0).delivered.values();
    blocks.filter(|block| block.block.height.0 > height).map(|block| block.path).collect()
}

#[test]
fn seven_servers_go_on_in_three_steps_when_two_are_down() {
    let policy = TrustPolicy::flat(5, 7, FaultModel::Byzantine).unwrap();
    assert!(policy.has_slow_path());
    let mut world = World::with(policy, Limits::default());
    let first = propose(&mut world, &[0, 1, 2, 3, 4, 5, 6], "a");
    check(&world, std::slice::from_ref(&first));
    assert!(paths(&world, 0).iter().all(|path| *path == DecisionPath::Fast));
    let height = world.replica(0).status().delivered.height.0;
    world.crash(ServerIndex(5));
    world.crash(ServerIndex(6));
    let second = propose(&mut world, &[0, 1, 2, 3, 4], "b");
    assert!(paths(&world, height).iter().all(|path| *path == DecisionPath::Slow));
    world.start(ServerIndex(5));
    world.start(ServerIndex(6));
    world.run_until_idle();
    check(&world, &[first, second]);
}

#[test]
fn four_organisations_with_three_servers_lose_one_of_them() {
    let policy = TrustPolicy::two_level((3, 3), (4, 3), FaultModel::Byzantine).unwrap();
    let mut world = World::with(policy, Limits::default());
    let everybody: Vec<_> = (0..12).collect();
    let first = propose(&mut world, &everybody, "a");
    let organisation: Vec<_> = world.policy.organisations()[3].servers().to_vec();
    organisation.iter().for_each(|server| world.crash(*server));
    let second = propose(&mut world, &[0, 4, 8], "b");
    organisation.iter().for_each(|server| world.start(*server));
    world.run_until_idle();
    check(&world, &[first, second]);
}
