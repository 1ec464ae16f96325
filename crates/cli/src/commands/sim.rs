//! `ally sim`: runs whole alliances under faults and attacks, in virtual time.

use crate::causes::BAD_SCENARIO;
use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::output::{Format, Output};
use crate::sim::{Filter, Many, One};
use ally_policy::DOCUMENT_BYTES_MAX;
use ally_sim::{
    Alliance, Bugs, KeyChoice, SOUND, Scenario, ScenarioError, Setting, Style, UNSOUND,
};
use clap::Args;
use std::path::{Path, PathBuf};
use std::thread;

/// No setting has this name, and no file.
const UNKNOWN_POLICY: &str = "ALLY-0702";
/// No mistake has this name, or none can be planted in this build.
#[cfg(feature = "planted-bugs")]
const UNKNOWN_BUG: &str = "ALLY-0704";
/// One run is asked for, in several alliances.
const TWO_POLICIES: &str = "ALLY-0705";
/// Seeds of a sweep that does not say how many, nor how long.
const SEEDS: u64 = 100;
/// A scenario file is shorter.
const SCENARIO_BYTES_MAX: usize = 1 << 20;

/// Arguments of `ally sim`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Servers are the real ones; the network, the disks, the clocks and the signatures are simulated, and so \
are crashes, partitions and servers that lie. A seed determines a run, event by event. Whatever must \
hold is checked all the time: nobody decides differently, nothing is said that a crash could make \
undone, nobody honest is blamed, and so on (docs/simulation.md). After the faults end, everything has \
to be decided in time.

Without a seed or a file it runs many seeds. When something breaks, the scenario is written to a file, \
made small (fewer servers, commands and faults), and written again with a diagram of what happened. \
Ctrl-C ends the search and prints what came of it until then.

Policies with names: four, five, seven, nine, two-level; `drawn` is another one for each seed.

Examples:
  ally sim                                        every policy and style, 100 seeds each
  ally sim --minutes 10 --from 5000               as many seeds as ten minutes allow
  ally sim --policy my.toml --seeds 1000          a policy of your own
  ally sim --seed 17 --policy seven --style plot  one run
  ally sim --seed 17 --trace --height 3           what was said about height 3
  ally sim --seed 17 --scenario run.toml          everything that was drawn for it, as a file
  ally sim --seed 3 --policy seven --style plot --diagram run.html
                                                  a picture of a leader that lies, for a browser
  ally sim --crypto real --seeds 10               with the servers' own cryptography
  ally sim --replay broken.toml --trace           a run from its file
  ally sim --bench                                simulated hours per hour of one processor

Exit codes: 0 all is well, 1 something broke or it was interrupted, 2 bad input.")]
pub struct Sim {
    /// Only this alliance: a name, or the file of a policy; for many runs it may be given several times
    #[arg(long, value_name = "FILE|NAME")]
    policy: Vec<String>,
    /// Only faults of this kind: `weather` is chance, in a `plot` the network helps the liars
    #[arg(long, value_name = "STYLE", value_parser = style)]
    style: Option<Style>,
    /// Keys: `real` ones are those of servers, a `table` is fast, `drawn` is real in one run of 32
    #[arg(long, value_name = "KEYS", value_parser = keys, default_value_t = KeyChoice::Drawn,
          conflicts_with = "replay")]
    crypto: KeyChoice,
    #[command(flatten)]
    many: ManyRuns,
    #[command(flatten)]
    single: OneRun,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    files: Files,
    /// Measure how fast the simulator is
    #[arg(long, help_heading = "Other", conflicts_with_all = [
        "seed", "replay", "seeds", "from", "minutes", "policy", "style", "trace", "diagram", "scenario"])]
    bench: bool,
    /// The same as `-o json`
    #[arg(long, help_heading = "Other")]
    json: bool,
    /// Make a mistake on purpose, to see it found
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "NAME", help_heading = "Other")]
    plant: Option<String>,
}

/// What only one run can be asked for.
const ONE_RUN: [&str; 11] = [
    "seed", "replay", "shrink", "trace", "servers", "height", "view", "kinds", "scenario",
    "diagram", "whole",
];

/// Many runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many runs")]
struct ManyRuns {
    /// How many seeds, each in every policy and style [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..),
          conflicts_with_all = ONE_RUN)]
    seeds: Option<u64>,
    /// The first of them
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with_all = ONE_RUN)]
    from: u64,
    /// Run seeds for so long
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..=100_000),
          conflicts_with_all = ONE_RUN)]
    minutes: Option<u64>,
    /// On so many threads [default: one per core]
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..=1024),
          conflicts_with_all = ONE_RUN)]
    jobs: Option<u16>,
    /// Go on after so many failures
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with_all = ONE_RUN)]
    tolerate: usize,
    /// Leave a failing scenario as large as it is
    #[arg(long, conflicts_with_all = ONE_RUN)]
    no_shrink: bool,
}

/// One run.
#[derive(Debug, Args)]
#[command(next_help_heading = "One run")]
struct OneRun {
    /// This seed, of `four` in `weather` if --policy and --style say nothing else
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Of a scenario file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "policy", "style"])]
    replay: Option<PathBuf>,
    /// Make the scenario small, if something breaks in it
    #[arg(long)]
    shrink: bool,
}

/// What is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
struct Files {
    /// Where scenarios and diagrams of failures go
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// One run: write everything that was drawn, as a file for --replay
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// One run: draw what happened, for a browser
    #[arg(long, value_name = "FILE")]
    diagram: Option<PathBuf>,
    /// Draw all of a long run, not only its end or beginning
    #[arg(long, requires = "diagram")]
    whole: bool,
}

impl Sim {
    /// Runs.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let output = if self.json { Output::new(Format::Json) } else { *output };
        if self.bench {
            return crate::sim::bench(&output);
        }
        if let Some(scenario) = self.one()? {
            let again = self.again(&scenario);
            let one = One {
                scenario,
                bugs: self.bugs()?,
                plant: self.plant_argument(),
                trace: self.filter.is_some(),
                filter: self.filter,
                written: self.files.scenario,
                diagram: self.files.diagram,
                whole: self.files.whole,
                shrink: self.single.shrink.then_some(self.files.out),
                again,
            };
            return one.run(&output);
        }
        let ManyRuns { from, minutes, .. } = self.many;
        let seeds = match (self.many.seeds, minutes) {
            (Some(seeds), _) => seeds,
            (None, Some(_)) => u64::MAX - from,
            (None, None) => SEEDS,
        };
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let many = Many {
            sweep: ally_sim::Sweep {
                seeds: from..from.saturating_add(seeds),
                alliances: self.alliances()?,
                styles: self.style.map_or(Style::ALL.to_vec(), |style| vec![style]),
                keys: self.crypto,
                bugs: self.bugs()?,
                jobs: self.many.jobs.map_or_else(cores, usize::from),
                failures_max: self.many.tolerate.saturating_add(1),
            },
            minutes,
            plant: self.plant_argument(),
            shrinks: !self.many.no_shrink,
            out: self.files.out,
        };
        many.run(&output)
    }

    /// The arguments that choose the same run.
    fn again(&self, scenario: &Scenario) -> String {
        if let Some(file) = &self.single.replay {
            return format!("--replay {}", file.display());
        }
        let policy = match self.policy.first() {
            Some(policy) => policy.clone(),
            None => scenario.setting.name.clone(),
        };
        let keys = match self.crypto {
            KeyChoice::Drawn => String::new(),
            keys => format!(" --crypto {keys}"),
        };
        format!("--seed {} --policy {policy} --style {}{keys}", scenario.seed, scenario.style)
    }

    /// The scenario, if only one is to be run: a seed or a file says so, or what only one can be asked
    /// for.
    fn one(&self) -> Result<Option<Scenario>, Failure> {
        if let Some(file) = &self.single.replay {
            let text = read_text(file, SCENARIO_BYTES_MAX)?;
            let read = Scenario::from_file(&text).map_err(|error| bad_scenario(file, error));
            return read.map(Some);
        }
        let files = self.files.diagram.is_some() || self.files.scenario.is_some();
        let wanted = self.filter.is_some() || files || self.single.shrink;
        if self.single.seed.is_none() && !wanted {
            return Ok(None);
        }
        if let [_, second, ..] = &self.policy[..] {
            let message = format_args!("one run has one policy, and `{second}` is another");
            let failure = Failure::new(Exit::Input, TWO_POLICIES, message);
            return Err(failure.next("give one --policy, or --seeds for many runs"));
        }
        let alliances = self.alliances()?;
        let Some(alliance) = alliances.first() else { return Ok(None) };
        let style = self.style.unwrap_or(Style::Weather);
        let seed = self.single.seed.unwrap_or(0);
        Ok(Some(Scenario::draw_with(self.crypto, seed, &alliance.setting(seed), style)?))
    }

    fn alliances(&self) -> Result<Vec<Alliance>, Failure> {
        if self.policy.is_empty() {
            return Ok(Alliance::sound());
        }
        self.policy.iter().map(|name| alliance(name)).collect()
    }

    #[cfg(feature = "planted-bugs")]
    fn bugs(&self) -> Result<Bugs, Failure> {
        let Some(name) = &self.plant else { return Ok(Bugs::NONE) };
        let all = ally_sim::Bug::ALL;
        let bug = all.iter().find(|bug| bug.name() == name).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|bug| bug.name()).collect();
            Failure::new(Exit::Input, UNKNOWN_BUG, format_args!("`{name}` is no mistake to plant"))
                .detail("mistakes", names.join(", "))
        });
        bug.map(|bug| Bugs::planted(*bug))
    }

    #[cfg(not(feature = "planted-bugs"))]
    fn bugs(&self) -> Result<Bugs, Failure> {
        Ok(Bugs::NONE)
    }

    /// What a command that runs it again has to say about mistakes.
    fn plant_argument(&self) -> String {
        #[cfg(feature = "planted-bugs")]
        if let Some(name) = &self.plant {
            return format!(" --plant {name}");
        }
        String::new()
    }
}

fn keys(name: &str) -> Result<KeyChoice, String> {
    name.parse().map_err(|()| "keys are `drawn`, `table` and `real`".to_owned())
}

fn style(name: &str) -> Result<Style, String> {
    name.parse().map_err(|()| "styles are `weather` and `plot`".to_owned())
}

/// An alliance by its name, or from a policy's file.
fn alliance(name: &str) -> Result<Alliance, Failure> {
    if let Some(alliance) = Alliance::named(name) {
        return Ok(alliance);
    }
    let path = Path::new(name);
    if !path.exists() {
        let message = format_args!("`{name}` is no policy with a name, and no file");
        let names = [&SOUND[..], &UNSOUND[..], &[Alliance::DRAWN]].concat().join(", ");
        return Err(Failure::new(Exit::Input, UNKNOWN_POLICY, message).detail("names", names));
    }
    let text = read_text(path, DOCUMENT_BYTES_MAX)?;
    let name = path.file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
    let setting = Setting { name: name.into_owned(), unsound: false, text };
    setting.policy()?;
    Ok(Alliance::Fixed(setting))
}

fn bad_scenario(file: &Path, error: ScenarioError) -> Failure {
    let error = match error {
        ScenarioError::Policy(error) => return error.into(),
        error => error,
    };
    let message = format_args!("{}: not a scenario", file.display());
    Failure::new(Exit::Input, BAD_SCENARIO, message)
        .excerpt(error)
        .next("use a file that `ally sim` has written")
}
