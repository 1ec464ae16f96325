//! Many runs: progress while they go, a table at the end, files about what broke.

use super::artefacts::Artefacts;
use super::figures;
use super::{BROKEN, cpu};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::program::{Stopped, interrupted};
use ally_sim::{Attempt, Bugs, Shrunk, Sweep, Total, shrink};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Runs that making a scenario small may take.
const SHRINK_RUNS_MAX: u64 = 5_000;

/// Many runs and what is wanted of them.
pub struct Many {
    /// What is run.
    pub sweep: Sweep,
    /// For how long.
    pub minutes: Option<u64>,
    /// A planted mistake as an argument, with a space before it.
    pub plant: String,
    /// Where files about failures go.
    pub out: PathBuf,
    /// Whether to make failing scenarios small.
    pub shrinks: bool,
}

impl Many {
    /// Runs them.
    ///
    /// # Errors
    /// [`Failure`] if something broke, or a file cannot be written.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let begun = Instant::now();
        let end = self.minutes.map(|minutes| begun + Duration::from_secs(60 * minutes));
        let cases = self.sweep.cases();
        let bar = bar(output, end.map_or(cases, |_| 0), "runs");
        let stopped = Stopped::new()?;
        let total = self.sweep.run(&|total: &Total| {
            bar.set_position(total.runs);
            match stopped.is_asked() || end.is_some_and(|end| Instant::now() >= end) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        bar.finish_and_clear();
        let took = cpu();
        let files: Result<Vec<_>, _> =
            total.failures.iter().map(|failure| self.document(failure, output)).collect();
        let files = files?;
        self.answer(&total, &files, took, begun.elapsed(), output)?;
        let Some(first) = files.first() else {
            return if stopped.is_asked() { Err(interrupted()) } else { Ok(()) };
        };
        let message =
            format_args!("something broke in {} of {} runs", total.failures.len(), total.runs);
        Err(Failure::new(Exit::No, BROKEN, message).next(first.again()))
    }

    /// Makes a failing scenario small and writes files about it.
    fn document(&self, failure: &Attempt, output: &Output) -> Result<Artefacts, Failure> {
        let bugs = self.sweep.bugs;
        let shrunk = self.shrinks.then(|| shrink_watched(failure.clone(), bugs, output));
        let smallest = shrunk.as_ref().map_or(failure, |shrunk| &shrunk.attempt);
        let recorded = Attempt::record(smallest.scenario.clone(), bugs)?;
        Artefacts::write(&self.out, failure, shrunk.as_ref(), &recorded, &self.plant)
    }

    fn answer(
        &self,
        total: &Total,
        files: &[Artefacts],
        cpu: Duration,
        took: Duration,
        output: &Output,
    ) -> Result<(), Failure> {
        let seeds = &self.sweep.seeds;
        let policies: Vec<_> =
            self.sweep.alliances.iter().map(|each| each.name().to_owned()).collect();
        let styles: Vec<_> = self.sweep.styles.iter().map(ToString::to_string).collect();
        let own = json!({
            "first_seed": seeds.start,
            "policies": policies,
            "styles": styles,
            "failed": files.len(),
            "failures": files.iter().map(Artefacts::json).collect::<Vec<_>>(),
        });
        output.answer(&figures::json(own, total, cpu, took), || {
            let mut lines: Vec<String> = files.iter().map(|file| file.text() + "\n").collect();
            lines.extend([
                format!("runs        {} ({} failed)", total.runs, files.len()),
                format!("policies    {}; {}", policies.join(", "), styles.join(", ")),
            ]);
            lines.extend(figures::lines(total, cpu));
            lines.extend([String::new(), figures::happened(total)]);
            lines.join("\n")
        })
    }
}

/// Makes a failing scenario small; shows how it goes if a person watches.
pub fn shrink_watched(failure: Attempt, bugs: Bugs, output: &Output) -> Shrunk {
    let bar = bar(output, SHRINK_RUNS_MAX, "runs to make it small");
    let shrunk = shrink(failure, bugs, SHRINK_RUNS_MAX, &mut |shrunk| {
        bar.set_position(shrunk.runs);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    shrunk
}

fn bar(output: &Output, length: u64, what: &'static str) -> ProgressBar {
    let target = match io::stderr().is_terminal() && !output.is_json() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target((length > 0).then_some(length), target);
    let template = match length {
        0 => "  {spinner} {pos} {msg} · {elapsed} · {per_sec}",
        _ => "  {bar:30} {pos}/{len} {msg} · {elapsed} · {eta} left",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message(what);
    bar
}
