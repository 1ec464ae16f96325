//! One run, told or drawn.

use super::artefacts::Artefacts;
use super::figures;
use super::filter::Filter;
use super::many::shrink_watched;
use super::text::Names;
use super::{BROKEN, cpu};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::program::program;
use ally_sim::{Attempt, Bugs, Diagram, Place, Scenario, Total};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

/// One run and what is wanted of it.
pub struct One {
    /// What is run.
    pub scenario: Scenario,
    /// Mistakes made on purpose.
    pub bugs: Bugs,
    /// The same as an argument, with a space before it.
    pub plant: String,
    /// Whether to print what happened.
    pub trace: bool,
    /// Which part of it.
    pub filter: Filter,
    /// Where to write everything that was drawn: a file that replays the run.
    pub written: Option<PathBuf>,
    /// Where to draw it.
    pub diagram: Option<PathBuf>,
    /// Whether to draw all of it, however long it is.
    pub whole: bool,
    /// If something breaks: whether to make it small, and where the files go.
    pub shrink: Option<PathBuf>,
    /// The arguments that choose the same run.
    pub again: String,
}

impl One {
    /// Runs it.
    ///
    /// # Errors
    /// [`Failure`] if something broke, or a file cannot be written.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let begun = Instant::now();
        if let Some(file) = &self.written {
            let text = self.scenario.to_file();
            std::fs::write(file, text).map_err(|error| Failure::file(file, &error))?;
        }
        let attempt = match self.trace || self.diagram.is_some() {
            true => Attempt::record(self.scenario.clone(), self.bugs)?,
            false => Attempt::run(self.scenario.clone(), self.bugs)?,
        };
        if let Some(file) = &self.diagram {
            let diagram = if self.whole { Diagram::whole(&attempt) } else { Diagram::of(&attempt) };
            std::fs::write(file, diagram.to_html()).map_err(|error| Failure::file(file, &error))?;
        }
        if self.trace {
            self.print_trace(&attempt, output)?;
        }
        self.answer(&attempt, begun, output)?;
        match attempt.kind() {
            None => Ok(()),
            Some(_) => Err(self.broken(attempt, output)?),
        }
    }

    fn print_trace(&self, attempt: &Attempt, output: &Output) -> Result<(), Failure> {
        let names = Names::of(&attempt.scenario);
        let filter = self.filter.among(&attempt.scenario)?;
        for entry in attempt.trace.entries().iter().filter(|entry| filter.wants(entry)) {
            let about = &entry.about;
            if output.is_json() {
                output.json(&json!({
                    "at_us": entry.at, "place": place(entry.place), "kind": about.kind.name(),
                    "what": about.label, "height": about.height, "view": about.view,
                    "block": about.block,
                }))?;
            } else {
                output.line(names.line(entry))?;
            }
        }
        Ok(())
    }

    fn answer(&self, attempt: &Attempt, begun: Instant, output: &Output) -> Result<(), Failure> {
        let scenario = &attempt.scenario;
        let own = json!({
            "seed": scenario.seed,
            "policy": scenario.setting.name,
            "style": scenario.style.to_string(),
            "violations": attempt.violations,
            "scenario": self.written,
            "diagram": self.diagram,
        });
        let total = Total::of(attempt);
        let json = figures::json(own, &total, cpu(), begun.elapsed());
        output.answer(&json, || {
            let (seed, policy, style) = (scenario.seed, &scenario.setting.name, scenario.style);
            let mut lines = vec![format!("seed {seed}, policy {policy}, {style}")];
            for violation in &attempt.violations {
                lines.push(format!("broke       {}", violation.replace('\n', "\n            ")));
            }
            match attempt.outcome {
                Some(_) => lines.extend(figures::lines(&total, cpu())),
                None => lines.push("it panicked".to_owned()),
            }
            let files = [("scenario", &self.written), ("diagram", &self.diagram)];
            for (what, file) in files.iter().filter_map(|(what, file)| Some((what, file.as_ref()?)))
            {
                lines.push(format!("{what:<11} {}", file.display()));
            }
            lines.join("\n")
        })
    }

    fn broken(&self, attempt: Attempt, output: &Output) -> Result<Failure, Failure> {
        let what = attempt.violations.first().cloned().unwrap_or_default();
        let failure = Failure::new(Exit::No, BROKEN, format_args!("the run broke: {what}"));
        let Some(dir) = &self.shrink else {
            let (program, again, plant) = (program(), &self.again, &self.plant);
            let next = format_args!("{program} sim {again} --shrink{plant}");
            return Ok(failure.next(next));
        };
        let shrunk = shrink_watched(attempt.clone(), self.bugs, output);
        let recorded = Attempt::record(shrunk.attempt.scenario.clone(), self.bugs)?;
        let files = Artefacts::write(dir, &attempt, Some(&shrunk), &recorded, &self.plant)?;
        output.answer(&files.json(), || files.text())?;
        Ok(failure.next(files.again()))
    }
}

fn place(place: Place) -> Value {
    match place {
        Place::Server(server) => json!({ "server": server.0 }),
        Place::Link { from, to, arrives } => {
            json!({ "from": from.0, "to": to.0, "arrives_us": arrives })
        }
        Place::Unheard { from, to, why } => {
            json!({ "from": from.0, "to": to.0, "unheard": why.to_string() })
        }
        Place::Everywhere => json!("everywhere"),
    }
}
