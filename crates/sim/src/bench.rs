//! The run that the simulator's speed is measured with.

use crate::policies::{Setting, counted};
use crate::scenario::{Clocks, Disks, Load, Network, Paces, Scenario, Style, Treachery, Twins};
use ally_policy::ServerSet;

/// Six honest servers and `rate` commands in a second, for so many seconds, on a quick network
/// without faults.
pub fn bench_scenario(seconds: u64, rate: u64) -> Scenario {
    let length = seconds * 1_000_000;
    Scenario {
        seed: 1,
        style: Style::Weather,
        coalition: ServerSet::EMPTY,
        healed_at: length,
        setting: Setting { name: "six".to_owned(), unsound: false, text: counted(5, 5, 6) },
        treachery: Treachery::default(),
        network: Network { delay: (500, 2_000), ..Network::default() },
        disks: Disks { sync: (100, 1_000) },
        paces: Paces { base_timeout: 500_000, timeout_max: 4_000_000, job: (100, 1_000) },
        load: Load { commands: seconds * rate, until: length, crowd: 0, after_healing: 0 },
        crashes: Vec::new(),
        pauses: Vec::new(),
        disk_faults: Vec::new(),
        twins: Twins::default(),
        clocks: Clocks {
            tolerance: 1_000_000,
            ahead: Vec::new(),
            set_back: None,
            faults: Vec::new(),
            paces: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use ally_consensus::Bugs;

    #[test]
    fn nothing_goes_wrong_in_it_and_all_is_decided_in_two_steps() {
        let world = World::new(bench_scenario(5, 20), Bugs::NONE).expect("it is sound");
        let outcome = world.run();
        assert_eq!(outcome.violations, Vec::<String>::new());
        assert_eq!(outcome.view, 0);
        assert!(outcome.blocks > 50, "{}", outcome.blocks);
        assert_eq!(outcome.paths[1], 0);
    }
}
