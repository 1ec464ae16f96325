//! Files about a failure: its scenario, the same made small, and a diagram.

use crate::failure::Failure;
use crate::program::program;
use ally_sim::{Attempt, Diagram, Shrunk};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// What was written about a failure.
pub struct Artefacts {
    seed: u64,
    policy: String,
    style: String,
    violations: Vec<String>,
    scenario: PathBuf,
    small: Option<Small>,
    diagram: PathBuf,
    plant: String,
}

/// The scenario made small.
struct Small {
    file: PathBuf,
    text: String,
    runs: u64,
}

impl Artefacts {
    /// Writes the files into a directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`Failure`] if a file cannot be written.
    pub fn write(
        dir: &Path,
        failure: &Attempt,
        shrunk: Option<&Shrunk>,
        recorded: &Attempt,
        plant: &str,
    ) -> Result<Self, Failure> {
        fs::create_dir_all(dir).map_err(|error| Failure::file(dir, &error))?;
        let scenario = &failure.scenario;
        let stem = format!("sim-{}-{}-{}", scenario.seed, scenario.setting.name, scenario.style);
        let file = |end: &str, text: &str| -> Result<PathBuf, Failure> {
            let path = dir.join(format!("{stem}{end}"));
            fs::write(&path, text).map_err(|error| Failure::file(&path, &error))?;
            Ok(path)
        };
        let small = match shrunk {
            Some(shrunk) => Some(Small {
                file: file(".small.toml", &shrunk.attempt.scenario.to_file())?,
                text: size(failure, &shrunk.attempt),
                runs: shrunk.runs,
            }),
            None => None,
        };
        Ok(Self {
            seed: scenario.seed,
            policy: scenario.setting.name.clone(),
            style: scenario.style.to_string(),
            violations: failure.violations.clone(),
            scenario: file(".toml", &scenario.to_file())?,
            small,
            diagram: file(".html", &Diagram::of(recorded).to_html())?,
            plant: plant.to_owned(),
        })
    }

    /// The command that runs it again.
    pub fn again(&self) -> String {
        let file = self.small.as_ref().map_or(&self.scenario, |small| &small.file);
        format!("{} sim --replay {} --trace{}", program(), file.display(), self.plant)
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("seed {}, policy {}, {}\n", self.seed, self.policy, self.style);
        for violation in &self.violations {
            text += &format!("  broke      {}\n", violation.replace('\n', "\n             "));
        }
        text += &format!("  scenario   {}\n", self.scenario.display());
        if let Some(small) = &self.small {
            let runs = small.runs;
            text += &format!("  made small {} ({runs} runs)\n", small.file.display());
            text += &format!("             {}\n", small.text);
        }
        text += &format!("  diagram    {}\n", self.diagram.display());
        text + &format!("  again      {}", self.again())
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "seed": self.seed,
            "policy": self.policy,
            "style": self.style,
            "violations": self.violations,
            "scenario": self.scenario,
            "small": self.small.as_ref().map(|small| &small.file),
            "diagram": self.diagram,
            "again": self.again(),
        })
    }
}

/// `12 to 4 servers, 30 to 2 commands, 1.2 s to 3 ms`.
fn size(from: &Attempt, to: &Attempt) -> String {
    let servers = |of: &Attempt| of.scenario.servers().len();
    let crashes = |of: &Attempt| of.scenario.crashes.len();
    let splits = |of: &Attempt| of.scenario.network.partitions.len();
    let commands = |of: &Attempt| of.scenario.load.commands as usize;
    let healing = |of: &Attempt| (of.scenario.healed_at / 1000) as usize;
    let one = |what: &str, of: &dyn Fn(&Attempt) -> usize| {
        let (from, to) = (of(from), of(to));
        (from != to).then(|| format!("{what} {from} to {to}"))
    };
    let changes = [
        one("servers", &servers),
        one("commands", &commands),
        one("crashes", &crashes),
        one("partitions", &splits),
        one("ms until the healing", &healing),
    ];
    let changes: Vec<_> = changes.into_iter().flatten().collect();
    if changes.is_empty() { "nothing could be left out".to_owned() } else { changes.join(", ") }
}
