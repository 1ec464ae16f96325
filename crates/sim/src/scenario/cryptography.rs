//! With which keys servers sign.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What signatures and shares are in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cryptography {
    /// A table that nobody can forge.
    #[default]
    Table,
    /// Ed25519, and BLS for all threshold keys: the server's own code.
    Bls,
    /// The same with RSA for checkpoints, where there are test keys of the alliance's formula: those
    /// of `four` and `five`. Elsewhere as [`Cryptography::Bls`].
    Rsa,
}

/// Which runs use real keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyChoice {
    /// One in [`KeyChoice::ONE_IN_REAL`], as their seeds say.
    #[default]
    Drawn,
    /// None.
    Table,
    /// All.
    Real,
}

impl KeyChoice {
    /// Of so many runs one has real keys.
    pub const ONE_IN_REAL: u64 = 32;

    /// All choices.
    pub const ALL: [Self; 3] = [Self::Drawn, Self::Table, Self::Real];
}

impl fmt::Display for KeyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drawn => "drawn",
            Self::Table => "table",
            Self::Real => "real",
        })
    }
}

impl FromStr for KeyChoice {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|choice| choice.to_string() == name).ok_or(())
    }
}
