//! Where a passphrase comes from.

use super::SealedFileError;
use crate::key_file::{KeyFileError, read_private};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The name of the credential that systemd hands over.
const CREDENTIAL: &str = "ally-passphrase";

/// What key files are sealed with. Wiped when it goes; cannot be printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

type Ask = dyn Fn(&Path) -> Option<Passphrase> + Send + Sync;

static ASK: OnceLock<Box<Ask>> = OnceLock::new();

/// Says how this process asks somebody for the passphrase of a file, where the environment names none.
/// The first call counts.
pub fn ask_with(ask: impl Fn(&Path) -> Option<Passphrase> + Send + Sync + 'static) {
    // A second one would take the first one's place behind its back.
    let _ = ASK.set(Box::new(ask));
}

impl Passphrase {
    /// A passphrase as it was typed, without the end of the line.
    pub fn new(typed: &[u8]) -> Self {
        let end =
            typed.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
        Self(Zeroizing::new(typed[..end].to_vec()))
    }

    /// The passphrase that the environment names, if it does.
    ///
    /// # Errors
    /// [`KeyFileError`]: the file that it names cannot be used.
    pub fn from_environment() -> Result<Option<Self>, KeyFileError> {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY")
            .map(|directory| PathBuf::from(directory).join(CREDENTIAL))
            .filter(|path| path.exists());
        let named = || std::env::var_os("ALLY_PASSPHRASE_FILE").map(PathBuf::from);
        let Some(path) = credential.or_else(named) else { return Ok(None) };
        Ok(Some(Self::new(&read_private(&path)?)))
    }

    /// The passphrase for a sealed file: from the environment, or from whom this process can ask.
    pub(crate) fn of(path: &Path) -> Result<Self, KeyFileError> {
        if let Some(passphrase) = Self::from_environment()? {
            return Ok(passphrase);
        }
        let missing = || {
            let error = SealedFileError::NoPassphrase;
            KeyFileError::Sealed { path: path.to_owned(), error }
        };
        ASK.get().and_then(|ask| ask(path)).ok_or_else(missing)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is the same. For what somebody typed twice.
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
