//! What a faulty server is assumed to be able to do.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// The fault model an alliance assumes; it decides which conditions its policy has to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultModel {
    /// A faulty server may say anything, and different things to different servers.
    #[default]
    Byzantine,
    /// A faulty leader cannot propose two blocks for one height and view: proposals pass through
    /// an attested log. Votes do not.
    AttestedLeader,
    /// Every server's votes pass through an attested log, so no server can equivocate.
    Attested,
}

impl FaultModel {
    /// Every model, in the order of rising trust in hardware.
    pub const ALL: [Self; 3] = [Self::Byzantine, Self::AttestedLeader, Self::Attested];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Byzantine => "byzantine",
            Self::AttestedLeader => "attested-leader",
            Self::Attested => "attested",
        }
    }
}

impl fmt::Display for FaultModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no fault model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no fault model; there are `byzantine`, `attested-leader` and `attested`")]
pub struct UnknownModel(String);

impl FromStr for FaultModel {
    type Err = UnknownModel;

    fn from_str(text: &str) -> Result<Self, UnknownModel> {
        Self::ALL
            .into_iter()
            .find(|model| model.name() == text)
            .ok_or_else(|| UnknownModel(text.to_owned()))
    }
}
