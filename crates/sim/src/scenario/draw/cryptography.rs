//! Draws whether keys are real.

use super::super::{Cryptography, KeyChoice, Scenario};
use ally_byzantine::Stream;

/// Real signatures take thousands of times longer than modelled ones: there are fewer of them.
const COMMANDS_MAX: u64 = 10;
/// The most bad messages in a thousand that a flood of liars begins with.
const FLOOD_MAX: u64 = 5;

/// Gives a scenario real keys if its seed, or somebody else, says so.
pub(in super::super) fn cryptography(mut scenario: Scenario, choice: KeyChoice) -> Scenario {
    let mut draw = Stream::new(scenario.seed, "cryptography");
    let drawn = draw.below(KeyChoice::ONE_IN_REAL) == 0;
    let real = match choice {
        KeyChoice::Drawn => drawn && !scenario.setting.unsound,
        KeyChoice::Table => false,
        KeyChoice::Real => true,
    };
    if real {
        let rsa = draw.percent(50);
        scenario.cryptography = if rsa { Cryptography::Rsa } else { Cryptography::Bls };
        scenario.load.commands = scenario.load.commands.min(COMMANDS_MAX);
        scenario.treachery.flood = scenario.treachery.flood.min(FLOOD_MAX);
    }
    scenario
}
