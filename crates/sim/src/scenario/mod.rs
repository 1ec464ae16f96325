//! What happens in a run: drawn from the seed, written as a file that replays it.

mod check;
mod clocks;
mod cryptography;
mod cut;
mod disks;
mod draw;
mod load;
mod members;
mod network;
mod processes;
mod servers;
mod twins;
mod wide_area;

pub use ally_byzantine::Treachery;
pub use check::ScenarioError;
pub use clocks::{ClockFault, Clocks, SetBack};
pub use cryptography::{Cryptography, KeyChoice};
pub use cut::{Cut, Manner as CutManner};
pub use disks::{DiskFault, Disks, Trouble};
pub use load::Load;
pub use members::Member;
pub use network::{Network, Partition};
pub use processes::{Crash, Paces, Pause};
pub use twins::{Camps, Twins};
pub use wide_area::WideArea;

use crate::policies::Setting;
use ally_byzantine::Stream;
use ally_policy::{PolicyError, ServerIndex, ServerSet};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where the faults of a run come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Chance: loss, delay, crashes and lies, each by itself.
    Weather,
    /// A plot: the coalition and the network work together against the view that it leads.
    Plot,
}

impl Style {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Weather, Self::Plot];
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Weather => "weather",
            Self::Plot => "plot",
        })
    }
}

impl FromStr for Style {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|style| style.to_string() == name).ok_or(())
    }
}

/// Everything about a run that is not the code's doing. Times are virtual, in microseconds from the
/// start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Names the run, and determines what is not drawn yet: delays, losses, lies.
    pub seed: u64,
    /// Where the faults come from.
    pub style: Style,
    /// With which keys servers sign.
    #[serde(default)]
    pub cryptography: Cryptography,
    /// Whether what the honest servers keep is put together at the end, and has to name nobody honest.
    #[serde(default)]
    pub accounts: bool,
    /// Which servers are Byzantine.
    #[serde(with = "servers")]
    pub coalition: ServerSet,
    /// When all faults end.
    pub healed_at: u64,
    /// Who has to agree.
    pub setting: Setting,
    /// What the coalition does.
    pub treachery: Treachery,
    /// What the network does.
    pub network: Network,
    /// What the disks do.
    pub disks: Disks,
    /// How long things take.
    pub paces: Paces,
    /// What the servers take for the time.
    pub clocks: Clocks,
    /// What clients do.
    pub load: Load,
    /// When honest servers crash.
    #[serde(default)]
    pub crashes: Vec<Crash>,
    /// When servers stand still.
    #[serde(default)]
    pub pauses: Vec<Pause>,
    /// Liars that run twice.
    #[serde(default)]
    pub twins: Twins,
    /// Disks in trouble.
    #[serde(default)]
    pub disk_faults: Vec<DiskFault>,
}

/// Of so many runs one ends with what the honest servers keep.
const ONE_IN_ACCOUNTS: u64 = 16;

impl Scenario {
    /// The scenario of a seed.
    ///
    /// # Errors
    /// As [`Setting::policy`].
    pub fn draw(seed: u64, setting: &Setting, style: Style) -> Result<Self, PolicyError> {
        Self::draw_with(KeyChoice::Drawn, seed, setting, style)
    }

    /// The scenario of a seed, with real keys or without.
    ///
    /// # Errors
    /// As [`Setting::policy`].
    pub fn draw_with(
        keys: KeyChoice,
        seed: u64,
        setting: &Setting,
        style: Style,
    ) -> Result<Self, PolicyError> {
        let policy = setting.policy()?;
        let mut stream = Stream::new(seed, "scenario");
        let accounts = Stream::new(seed, "accounts").below(ONE_IN_ACCOUNTS) == 0;
        let scenario = match style {
            Style::Weather => draw::weather(seed, setting.clone(), &policy, &mut stream),
            Style::Plot => draw::plot(seed, setting.clone(), &policy, &mut stream),
        };
        let scenario = draw::accidents(draw::fair(scenario, &policy), &policy);
        let scenario = Self { accounts, ..scenario };
        Ok(draw::cryptography(scenario, keys))
    }

    /// The scenario as a TOML file.
    pub fn to_file(&self) -> String {
        toml::to_string(self).expect("a scenario can be written")
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`ScenarioError`]: where the file is wrong, with line and column, or what in it cannot be run.
    pub fn from_file(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check(&*scenario.setting.policy()?)?;
        Ok(scenario)
    }

    /// Honest servers that do not come back: nothing is to be expected of them.
    pub fn lost(&self) -> ServerSet {
        let rotten = self.disk_faults.iter().filter(|fault| fault.trouble == Trouble::Rot);
        let rotten: ServerSet = rotten.map(|fault| ServerIndex(fault.server)).collect();
        rotten.difference(&self.coalition)
    }

    /// Whether a server is honest.
    pub fn is_honest(&self, server: ServerIndex) -> bool {
        !self.coalition.contains(server)
    }
}
