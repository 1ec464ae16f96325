//! Seeded bad weather and crashes, then calm: everything must come right.

use crate::world::{Fate, World};
use ally_policy::ServerIndex;
use ally_replica::Limits;
use std::cell::Cell;
use std::rc::Rc;

/// A small generator (xorshift64*): enough to draw weather from a seed.
#[derive(Clone)]
struct Draw(Rc<Cell<u64>>);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(Rc::new(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)))
    }

    fn below(&self, limit: u64) -> u64 {
        let mut state = self.0.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.0.set(state);
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

fn run(seed: u64) {
    let draw = Draw::new(seed);
    let limits = Limits {
        batch_bytes_max: 1024,
        block_bytes_max: 4096,
        undecided_bytes_max: 8192,
        pipelined_block_bytes_min: 64,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let weather = draw.clone();
    let loss = draw.below(20);
    world.weather = Box::new(move |_, _, _| match weather.below(100) {
        roll if roll < loss => Fate::Lose,
        roll if roll < loss + 10 => Fate::Twice,
        roll if roll < loss + 30 => Fate::Late(weather.below(20_000)),
        _ => Fate::Pass,
    });
    let mut down = None;
    for step in 0..150 {
        let server = draw.below(4) as u16;
        world.submit(server, &[&format!("{seed}-{step}")]);
        world.run_for(draw.below(20_000));
        match (down, draw.below(12)) {
            (None, 0) => {
                let victim = ServerIndex(draw.below(4) as u16);
                world.crash(victim);
                down = Some(victim);
            }
            (Some(victim), 0..=2) => {
                world.start(victim);
                down = None;
            }
            _ => {}
        }
    }
    world.weather = Box::new(|_, _, _| Fate::Pass);
    if let Some(victim) = down {
        world.start(victim);
    }
    world.run_for(30_000_000);
    // Commands may be lost in a crash of the server that took them; what one server has, all have.
    let log = world.log(0);
    let names: Vec<_> = log.iter().map(|c| std::str::from_utf8(c).unwrap()).collect();
    world.check_complete(&names);
    assert!(names.len() > 50, "seed {seed}: only {} commands were ordered", names.len());
}

#[test]
fn sim_bad_weather_then_calm() {
    for seed in 0..60 {
        run(seed);
    }
}
