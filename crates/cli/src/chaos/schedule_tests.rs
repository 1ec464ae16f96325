//! Schedules, drawn and read.

use super::super::Wish;
use super::*;

fn drawn(seed: u64) -> Schedule {
    let servers = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let kinds = FaultKind::all();
    Schedule::draw(Wish { seed, length_ms: 60_000, servers, kinds, small_disk: Some(1) })
}

#[test]
fn a_seed_gives_one_schedule_and_a_file_gives_it_back() {
    for seed in 0..50 {
        let schedule = drawn(seed);
        assert_eq!(schedule, drawn(seed));
        assert_eq!(Schedule::parse(&schedule.to_text()), Ok(schedule));
    }
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn a_minute_has_every_kind_and_nothing_after_its_end() {
    for seed in 0..50 {
        let schedule = drawn(seed);
        assert_eq!(schedule.kinds(), FaultKind::all(), "seed {seed}");
        let ends = schedule.steps.iter().map(|step| step.at_ms + step.for_ms);
        assert!(ends.max().expect("there are some") <= schedule.length_ms);
        assert!(schedule.steps.is_sorted_by_key(|step| step.at_ms));
    }
}

/// What `e2e_chaos` runs, wherever it runs.
#[test]
fn the_schedule_that_is_run_as_a_test_has_every_kind_that_works() {
    for left_out in
        [&[][..], &[FaultKind::Disk], &[FaultKind::Clock], &[FaultKind::Disk, FaultKind::Clock]]
    {
        let kinds: Vec<FaultKind> =
            FaultKind::all().iter().copied().filter(|kind| !left_out.contains(kind)).collect();
        let small_disk = kinds.contains(&FaultKind::Disk).then_some(3);
        let servers = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let wish = Wish { seed: 5, length_ms: 25_000, servers, kinds: &kinds, small_disk };
        assert_eq!(Schedule::draw(wish).kinds(), kinds);
    }
}

#[test]
fn a_process_is_never_stopped_for_two_reasons_at_once() {
    for seed in 0..50 {
        let mut free = [0; 4];
        for step in drawn(seed).steps {
            let hit: Vec<usize> = match &step.fault {
                Fault::Outage => (0..4).collect(),
                fault => fault.process().into_iter().collect(),
            };
            for server in hit {
                assert!(free[server] <= step.at_ms, "seed {seed}: {step:?}");
                free[server] = step.at_ms + step.for_ms;
            }
        }
    }
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_the_reason() {
    let text = drawn(3).to_text();
    let servers = "servers = [\"a\", \"b\", \"c\", \"d\"]";
    assert!(text.contains(servers));
    let few = text.replace(servers, "servers = [\"a\"]");
    assert!(Schedule::parse(&few).expect_err("too few").contains("of 1"));
    let none = text.replace(servers, "servers = []");
    assert!(Schedule::parse(&none).expect_err("none").contains("0 servers"));
    assert!(Schedule::parse("seed = 1\nspeed = 3").is_err());
}
