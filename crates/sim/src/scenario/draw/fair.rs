//! Draws fair weather: runs without any fault, in which decisions have to be quick.

use super::super::{Clocks, Load, Network, Scenario, Style, Treachery, Twins, WideArea};
use ally_byzantine::Stream;
use ally_policy::{ServerSet, TrustPolicy};

/// Of so many runs in weather one has no fault at all. Chance alone leaves all of them out in one of
/// several hundred.
const ONE_IN_FAIR: u64 = 16;

/// Takes all faults and lies out of a scenario, if its seed says so; distances and delays stay. Half of
/// them have more to do than blocks take at once, so that servers have to take turns.
pub(in super::super) fn fair(scenario: Scenario, policy: &TrustPolicy) -> Scenario {
    let mut draw = Stream::new(scenario.seed, "fair weather");
    if scenario.style != Style::Weather || draw.below(ONE_IN_FAIR) != 0 {
        return scenario;
    }
    let load = match draw.percent(50) {
        true => Load {
            commands: policy.server_count() as u64 * draw.between(5, 25),
            until: scenario.healed_at / draw.between(1, 4),
            ..scenario.load
        },
        false => scenario.load,
    };
    let Network { delay, frames, wide_area, .. } = scenario.network;
    let wide_area = wide_area.map(|area| WideArea { tail_permille: 0, ..area });
    Scenario {
        coalition: ServerSet::EMPTY,
        treachery: Treachery::default(),
        network: Network { delay, frames, wide_area, ..Network::default() },
        clocks: Clocks { set_back: None, faults: Vec::new(), paces: Vec::new(), ..scenario.clocks },
        load: Load { crowd: 0, ..load },
        crashes: Vec::new(),
        pauses: Vec::new(),
        disk_faults: Vec::new(),
        twins: Twins::default(),
        ..scenario
    }
}
