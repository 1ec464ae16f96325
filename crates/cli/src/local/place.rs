//! Where an alliance lives.

use crate::failure::Failure;
use crate::member;
use std::path::{Path, PathBuf};

/// A directory for an alliance, which goes when this is dropped unless it is to stay.
pub enum Place {
    /// Stays.
    Kept(PathBuf),
    /// Goes.
    Temporary(tempfile::TempDir),
}

impl Place {
    /// `dir`, or a fresh directory.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be made.
    pub fn new(dir: Option<&Path>, keep: bool) -> Result<Self, Failure> {
        let absolute = |dir: &Path| dir.canonicalize().map_err(|error| Failure::file(dir, &error));
        if let Some(dir) = dir {
            member::private_directory(dir)?;
            return Ok(Self::Kept(absolute(dir)?));
        }
        let fresh = tempfile::Builder::new().prefix("ally-dev-").tempdir();
        let fresh = fresh.map_err(|error| Failure::file(&std::env::temp_dir(), &error))?;
        Ok(match keep {
            true => Self::Kept(fresh.keep()),
            false => Self::Temporary(fresh),
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }

    /// Leaves it in any case; returns where it is.
    pub fn keep(self) -> PathBuf {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(dir) => dir.keep(),
        }
    }

    /// Whether it stays.
    pub fn stays(&self) -> bool {
        matches!(self, Self::Kept(_))
    }
}
