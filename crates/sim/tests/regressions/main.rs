//! Scenarios that once broke something: each is survived now, and with the mistake planted again it
//! still breaks. A file says in its first lines what happened, and which mistake it was: one that can
//! be planted, or an oracle's.

use ally_sim::{Attempt, Bugs, Scenario};
use std::fs;
use std::path::Path;

/// A scenario file with its story.
struct Regression {
    name: String,
    story: String,
    scenario: Scenario,
}

/// What the line begins with that names the mistake.
#[cfg(feature = "planted-bugs")]
const PLANTED: &str = "# Planted: ";

/// What stands there where no server was wrong.
#[cfg(feature = "planted-bugs")]
const ORACLE: &str = "# An oracle's mistake.";

/// All files beside this one, by name.
fn all() -> Vec<Regression> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions");
    let files = fs::read_dir(folder).expect("the folder of this file");
    let paths = files.map(|file| file.expect("it can be listed").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    paths.sort_unstable();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Regression {
    let text = fs::read_to_string(path).expect("it can be read");
    let story = text.lines().take_while(|line| line.starts_with('#'));
    Regression {
        name: path.display().to_string(),
        story: story.collect::<Vec<_>>().join("\n"),
        scenario: Scenario::from_file(&text).expect("a scenario"),
    }
}

fn violations(scenario: &Scenario, bugs: Bugs) -> Vec<String> {
    Attempt::run(scenario.clone(), bugs).expect("its policy is sound").violations
}

#[test]
fn each_has_a_story_and_is_survived() {
    let all = all();
    assert!(!all.is_empty());
    for Regression { name, story, scenario } in all {
        assert!(story.lines().count() > 1, "{name}: no story");
        assert_eq!(violations(&scenario, Bugs::NONE), Vec::<String>::new(), "{name}");
    }
}

/// What needs luck may need another seed once something else has changed.
#[cfg(feature = "planted-bugs")]
#[test]
fn each_breaks_with_its_mistake() {
    /// Seeds that may be tried.
    const SEEDS: u64 = 100;
    for Regression { name, story, scenario } in all() {
        if story.lines().any(|line| line == ORACLE) {
            continue;
        }
        let planted = story.lines().find_map(|line| line.strip_prefix(PLANTED)).expect("a mistake");
        let bug = ally_sim::Bug::ALL.iter().find(|bug| bug.name() == planted);
        let bug = *bug.unwrap_or_else(|| panic!("{name}: no mistake is called {planted}"));
        let seeds = scenario.seed..scenario.seed + SEEDS;
        let breaks = |seed: &u64| {
            let scenario = Scenario { seed: *seed, ..scenario.clone() };
            !violations(&scenario, Bugs::planted(bug)).is_empty()
        };
        let seed = seeds.into_iter().find(breaks);
        let seed = seed.unwrap_or_else(|| panic!("{name}: nothing breaks any more"));
        let scenario = Scenario { seed, ..scenario };
        assert_eq!(violations(&scenario, Bugs::NONE), Vec::<String>::new(), "{name}");
    }
}
