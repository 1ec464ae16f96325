//! The run that the simulator's speed is measured with.

use crate::policies::{Setting, counted};
use crate::scenario::{
    Clocks, Cryptography, Disks, Load, Network, Paces, Scenario, Style, Treachery, Twins, WideArea,
};
use ally_policy::ServerSet;

/// How far apart the servers of a measurement stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// In one place: messages take half a millisecond to two.
    Local,
    /// In four cities of a continent.
    Continent,
    /// In five cities on four continents.
    World,
}

impl Distance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Local, Self::Continent, Self::World];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "in one place",
            Self::Continent => "on one continent",
            Self::World => "around the world",
        }
    }

    fn network(self, servers: u8) -> Network {
        let regions = (0..servers).collect();
        let wide_area = match self {
            Self::Local => None,
            Self::Continent => Some(WideArea::continent(regions)),
            Self::World => Some(WideArea::world(regions)),
        };
        // A message caught in the tail is a fault, and there are none.
        let wide_area = wide_area.map(|area| WideArea { tail_permille: 0, ..area });
        Network { delay: (500, 2_000), wide_area, ..Network::default() }
    }
}

/// Six honest servers and `rate` commands in a second, for so many seconds, without faults.
pub fn bench_scenario(seconds: u64, rate: u64, distance: Distance) -> Scenario {
    let length = seconds * 1_000_000;
    Scenario {
        seed: 1,
        style: Style::Weather,
        coalition: ServerSet::EMPTY,
        healed_at: length,
        setting: Setting { name: "six".to_owned(), unsound: false, text: counted(5, 5, 6) },
        cryptography: Cryptography::default(),
        accounts: false,
        treachery: Treachery::default(),
        network: distance.network(6),
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
        for distance in Distance::ALL {
            let scenario = bench_scenario(5, 20, distance);
            let outcome = World::new(scenario, Bugs::NONE).expect("it is sound").run();
            assert_eq!(outcome.violations, Vec::<String>::new(), "{distance:?}");
            assert_eq!(outcome.view, 0, "{distance:?}");
            assert!(outcome.blocks > 20, "{distance:?}: {}", outcome.blocks);
            assert_eq!(outcome.paths[1], 0, "{distance:?}");
        }
    }
}
