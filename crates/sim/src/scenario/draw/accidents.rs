//! Draws crashes in a plot: of the honest servers that it is about, in the midst of what they do.

use super::super::{Crash, Scenario, Style};
use ally_byzantine::{Plots, Stream};
use ally_consensus::{Epoch, Rotation, View};
use ally_policy::{ServerIndex, TrustPolicy};
use std::sync::Arc;

/// In one plot of so many somebody crashes.
const ONE_IN_ACCIDENTS: u64 = 4;
/// In so many of a hundred of them the witness does, who alone learned of the decision.
const WITNESS_PERCENT: u64 = 60;
/// Views that are looked at for a plot.
const VIEWS: u64 = 4;
/// The most outputs that a server still does.
const OUTPUTS_MAX: u64 = 24;

/// One or two honest servers crash, in some plots; the disk keeps what was synced.
pub(in super::super) fn accidents(scenario: Scenario, policy: &Arc<TrustPolicy>) -> Scenario {
    let draw = &mut Stream::new(scenario.seed, "accidents");
    if scenario.style != Style::Plot || draw.below(ONE_IN_ACCIDENTS) != 0 {
        return scenario;
    }
    let honest = policy.everybody().difference(&scenario.coalition);
    let mut victims: Vec<ServerIndex> = honest.iter().collect();
    draw.shuffle(&mut victims);
    if let Some(witness) = witness(&scenario, policy).filter(|_| draw.percent(WITNESS_PERCENT)) {
        victims.retain(|server| *server != witness);
        victims.insert(0, witness);
    }
    victims.truncate(draw.between(1, 2) as usize);
    let end = scenario.healed_at;
    let patience = scenario.paces.base_timeout;
    let crash = |server: ServerIndex, draw: &mut Stream| {
        let at = draw.below(2 * patience).min(end);
        let back = (at + draw.between(500, 2 * patience)).min(end);
        let after_outputs = Some(draw.below(OUTPUTS_MAX) as u32);
        Crash { server: server.0, at, back, after_outputs }
    };
    let crashes = victims.into_iter().map(|server| crash(server, draw)).collect();
    Scenario { crashes, ..scenario }
}

/// The witness of the first plot.
fn witness(scenario: &Scenario, policy: &Arc<TrustPolicy>) -> Option<ServerIndex> {
    let organisations = policy.organisations().iter().map(|each| each.servers().to_vec());
    let rotation = Rotation::new(Epoch(0), organisations.collect());
    let mut plots = Plots::new(scenario.seed, Arc::clone(policy), scenario.coalition, rotation);
    (0..VIEWS).find_map(|view| plots.of(View(view))?.witness)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;

    #[test]
    fn the_witness_is_hit_more_often_than_others_and_nobody_who_lies() {
        let setting = Setting::named("nine").expect("a setting");
        let policy = setting.policy().expect("it is sound");
        let (mut with_crashes, mut of_the_witness) = (0, 0);
        for seed in 0..400 {
            let scenario = Scenario::draw(seed, &setting, Style::Plot).expect("it is sound");
            let crashed: Vec<_> =
                scenario.crashes.iter().map(|it| ServerIndex(it.server)).collect();
            assert!(crashed.len() <= 2 && crashed.iter().all(|it| scenario.is_honest(*it)));
            let witness = witness(&scenario, &policy);
            with_crashes += u32::from(!crashed.is_empty());
            of_the_witness += u32::from(witness.is_some_and(|it| crashed.contains(&it)));
        }
        assert!((60..140).contains(&with_crashes), "{with_crashes} of 400");
        assert!(2 * of_the_witness > with_crashes, "{of_the_witness} of {with_crashes}");
    }
}
