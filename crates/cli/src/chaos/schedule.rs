//! Which faults come when, and the file that says so.

use super::FaultKind;
use ally_byzantine::Treachery;
use serde::{Deserialize, Serialize};

/// The most faults of one schedule.
pub(super) const STEPS_MAX: usize = 100_000;
/// The most servers in one.
const SERVERS_MAX: usize = 64;
/// The longest run, ms: a day.
const LENGTH_MAX_MS: u64 = 24 * 3600 * 1000;

/// The faults of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// What it was drawn from; the liar draws from it too.
    pub seed: u64,
    /// How long the faults go on, ms.
    pub length_ms: u64,
    /// The alliance's servers, by name. Faults name them by their place here, from 0.
    pub servers: Vec<String>,
    /// Who lies, if anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liar: Option<Liar>,
    /// What happens, in order of time.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// A server that lies from the start to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Liar {
    /// Which one.
    pub server: usize,
    /// How.
    pub treachery: Treachery,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When it begins, ms after the start.
    pub at_ms: u64,
    /// How long it lasts, ms.
    pub for_ms: u64,
    /// What.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What is done to whom. Servers are places in [`Schedule::servers`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs)] // `FaultKind` says what each is.
pub enum Fault {
    Kill { server: usize },
    Outage,
    Pause { server: usize },
    Cut { side: Vec<usize> },
    Stall { side: Vec<usize> },
    OneWay { from: Vec<usize>, to: Vec<usize> },
    Reset { server: usize },
    Delay { from: Vec<usize>, to: Vec<usize>, ms: u64 },
    Narrow { server: usize, bytes_per_s: u64 },
    ClientCut { servers: Vec<usize> },
    ClientStall { servers: Vec<usize>, what: Said },
    ClientDelay { servers: Vec<usize>, ms: u64 },
    Disk { server: usize },
    Clock { server: usize, seconds: i64 },
}

/// What applications and a server say to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// By applications: commands, and what they ask.
    Commands,
    /// By the server: receipts, and the log.
    Answers,
    /// By both.
    All,
}

impl Fault {
    /// Its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Kill { .. } => FaultKind::Kill,
            Self::Outage => FaultKind::Outage,
            Self::Pause { .. } => FaultKind::Pause,
            Self::Cut { .. } => FaultKind::Cut,
            Self::Stall { .. } => FaultKind::Stall,
            Self::OneWay { .. } => FaultKind::OneWay,
            Self::Reset { .. } => FaultKind::Reset,
            Self::Delay { .. } => FaultKind::Delay,
            Self::Narrow { .. } => FaultKind::Narrow,
            Self::ClientCut { .. } => FaultKind::ClientCut,
            Self::ClientStall { .. } => FaultKind::ClientStall,
            Self::ClientDelay { .. } => FaultKind::ClientDelay,
            Self::Disk { .. } => FaultKind::Disk,
            Self::Clock { .. } => FaultKind::Clock,
        }
    }

    /// The servers it names.
    fn named(&self) -> Vec<usize> {
        match self {
            Self::Outage => Vec::new(),
            Self::Kill { server }
            | Self::Pause { server }
            | Self::Reset { server }
            | Self::Narrow { server, .. }
            | Self::Disk { server }
            | Self::Clock { server, .. } => vec![*server],
            Self::Cut { side } | Self::Stall { side } => side.clone(),
            Self::ClientCut { servers }
            | Self::ClientStall { servers, .. }
            | Self::ClientDelay { servers, .. } => servers.clone(),
            Self::OneWay { from, to } | Self::Delay { from, to, .. } => {
                from.iter().chain(to).copied().collect()
            }
        }
    }

    /// The server whose process it stops or starts; two such faults of one server exclude each
    /// other.
    pub(super) fn process(&self) -> Option<usize> {
        match self {
            Self::Kill { server } | Self::Pause { server } | Self::Disk { server } => Some(*server),
            _ => None,
        }
    }
}

impl Schedule {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let own: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        own.check()?;
        Ok(own)
    }

    /// The file.
    pub fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("numbers, texts and lists can be written");
        format!(
            "# Faults of `ally chaos`. `ally chaos --replay FILE` plays them again: the same faults \
             at\n# the same times. What the servers make of it depends on the machine as well.\n{body}"
        )
    }

    /// The kinds of faults that are in it, each once, in order.
    pub fn kinds(&self) -> Vec<FaultKind> {
        let steps = self.steps.iter().map(|step| step.fault.kind());
        let mut kinds: Vec<_> =
            steps.chain(self.liar.iter().map(|_| FaultKind::Byzantine)).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// The one server whose disk has to be small enough to be filled.
    pub fn small_disk(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| match step.fault {
            Fault::Disk { server } => Some(server),
            _ => None,
        })
    }

    fn check(&self) -> Result<(), String> {
        let count = self.servers.len();
        if count == 0 || count > SERVERS_MAX {
            return Err(format!("{count} servers; there can be 1 to {SERVERS_MAX}"));
        }
        if self.steps.len() > STEPS_MAX {
            return Err(format!("more than {STEPS_MAX} faults"));
        }
        if self.length_ms == 0 || self.length_ms > LENGTH_MAX_MS {
            return Err("length_ms is not between 1 and a day".to_owned());
        }
        let disk = self.small_disk();
        for (number, step) in self.steps.iter().enumerate() {
            let named = step.fault.named();
            if let Some(unknown) = named.into_iter().find(|server| *server >= count) {
                return Err(format!("fault {number} names server {unknown} of {count}"));
            }
            if step.at_ms.checked_add(step.for_ms).is_none_or(|end| end > LENGTH_MAX_MS) {
                return Err(format!("fault {number} ends after more than a day"));
            }
            if matches!(step.fault, Fault::Disk { server } if Some(server) != disk) {
                return Err(format!("fault {number}: only one server's disk can be filled"));
            }
        }
        match &self.liar {
            Some(liar) if liar.server >= count => {
                Err(format!("the liar is server {} of {count}", liar.server))
            }
            Some(liar) if Some(liar.server) == disk => {
                Err("the liar's disk cannot be the one that is filled".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
