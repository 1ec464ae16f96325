//! The kinds of faults, by the names that people choose them by.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A kind of fault. Each is named for what the servers notice of it, or the
/// applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// `kill -9` for one server, which is started again
    Kill,
    /// `kill -9` for all servers at once
    Outage,
    /// A server stands still (SIGSTOP), and goes on
    Pause,
    /// Connections between two groups of servers break, and no new ones come about
    Cut,
    /// Connections between two groups stay, and nothing arrives any more until the end
    Stall,
    /// As `stall`, in one direction only
    OneWay,
    /// All connections of a server break once
    Reset,
    /// What servers say to one of them, or it to them, arrives late
    Delay,
    /// The connections of a server carry little
    Narrow,
    /// Connections between applications and some servers break, and no new ones come about
    ClientCut,
    /// Connections between applications and some servers stay, and commands, answers or both do not
    /// arrive until the end
    ClientStall,
    /// What applications say to some servers, and these to them, arrives late
    ClientDelay,
    /// The disk of a server is full; it stops, and is started again when there is room
    Disk,
    /// The clock of a server jumps, and jumps back
    Clock,
    /// One server lies, all the time, with its own keys
    Byzantine,
}

impl FaultKind {
    /// All of them, in the order in which they are told.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The name that it is chosen by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Outage => "outage",
            Self::Pause => "pause",
            Self::Cut => "cut",
            Self::Stall => "stall",
            Self::OneWay => "one-way",
            Self::Reset => "reset",
            Self::Delay => "delay",
            Self::Narrow => "narrow",
            Self::ClientCut => "client-cut",
            Self::ClientStall => "client-stall",
            Self::ClientDelay => "client-delay",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Byzantine => "byzantine",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_chosen_written_and_told_by_one_name() {
        for kind in FaultKind::all() {
            let value = kind.to_possible_value().expect("it can be chosen");
            assert_eq!(value.get_name(), kind.name());
            assert_eq!(serde_json::to_value(kind).expect("it can be written"), kind.name());
        }
    }
}
