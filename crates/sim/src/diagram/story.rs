//! A run in one sentence or two: who lies and how, when the faults end, and how long it took then.

use crate::attempt::Attempt;
use crate::scenario::{Scenario, Style};
use ally_policy::ServerIndex;

/// Kinds of lies that are named: those told most often.
const LIES_MAX: usize = 3;
/// What is counted among lies and is none.
const CONVICTED: &str = "convicted";

/// What stands under the title.
pub(super) fn of(run: &Attempt) -> String {
    let healed = run.scenario.healed_at;
    let settled = match run.outcome.as_ref().map(|outcome| outcome.settled_after) {
        Some(Some(after)) => format!("; {} later everything is decided everywhere", millis(after)),
        Some(None) => "; not everything is decided after that".to_owned(),
        None => String::new(),
    };
    format!("{} All faults end at {}{settled}.", liars(run), millis(healed))
}

fn liars(run: &Attempt) -> String {
    let scenario = &run.scenario;
    let names: Vec<String> =
        scenario.servers().into_iter().filter(|it| it.lies).map(|it| it.name).collect();
    let Some((last, others)) = names.split_last() else {
        return "Nobody lies.".to_owned();
    };
    let (who, one) = match others {
        [] => (last.clone(), true),
        others => (format!("{} and {last}", others.join(", ")), false),
    };
    if runs_twice(scenario) {
        return format!("{who} {} twice with one key.", if one { "runs" } else { "run" });
    }
    let helped = match (scenario.style, one) {
        (Style::Weather, _) => "",
        (Style::Plot, true) => ", and the network helps",
        (Style::Plot, false) => ", and the network helps them",
    };
    let how = lies(run);
    let how = if how.is_empty() { how } else { format!(": {how}") };
    format!("{who} {}{helped}{how}.", if one { "lies" } else { "lie" })
}

fn runs_twice(scenario: &Scenario) -> bool {
    let twin = |server: ServerIndex| scenario.twins.members.contains(server);
    !scenario.coalition.is_empty() && scenario.coalition.iter().all(twin)
}

/// What they did most often.
fn lies(run: &Attempt) -> String {
    let Some(outcome) = &run.outcome else { return String::new() };
    let told = outcome.happened.iter();
    let mut told: Vec<_> =
        told.filter_map(|(what, count)| Some((count, what.strip_prefix("liar: ")?))).collect();
    told.retain(|(_, what)| *what != CONVICTED);
    told.sort_by(|one, other| other.cmp(one));
    let most = told.into_iter().take(LIES_MAX).map(|(_, what)| what);
    most.collect::<Vec<_>>().join(", ")
}

fn millis(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Setting, Style};
    use ally_consensus::Bugs;
    use ally_policy::ServerSet;

    #[test]
    fn it_says_who_lies_and_how_it_ends() {
        let setting = Setting::named("four").expect("a setting");
        let scenario = Scenario::draw(5, &setting, Style::Plot).expect("it is sound");
        let told = |change: &dyn Fn(&mut Scenario)| {
            let mut scenario = scenario.clone();
            change(&mut scenario);
            of(&Attempt::run(scenario, Bugs::NONE).expect("it can be run"))
        };
        let plot = told(&|_| {});
        assert!(plot.contains(" lies, and the network helps: "), "{plot}");
        assert!(plot.contains(" later everything is decided everywhere."), "{plot}");
        let nobody = told(&|it| it.coalition = ServerSet::EMPTY);
        assert!(nobody.starts_with("Nobody lies. All faults end at "), "{nobody}");
        let twin = told(&|it| it.twins.members = it.coalition);
        assert!(twin.contains(" runs twice with one key."), "{twin}");
    }
}
