//! What a participant keeps for itself during a ceremony, beside its keys: its secrets, and what it has
//! said.
//!
//! What it has said is written here before anybody sees it. Whatever becomes of the shared folder, it
//! never says anything else in its place.

use super::folder::{BAD_CEREMONY, armour, record_file, unarmour};
use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::member;
use ally_alliance::{SecretLabel, erase, read_secret, write_secret};
use ally_ceremony::{Board, CeremonyId, Record, Secrets, Stage};
use std::fs;
use std::path::{Path, PathBuf};

const SECRETS_FILE: &str = "secrets.key";
const KIND: &str = "ceremony";
const POWER: &str = "whoever reads it during the ceremony learns this server's new shares";
/// A record as text is not longer: its limit in bytes, as base64 with ends of lines.
const RECORD_CHARS_MAX: usize = ally_ceremony::RECORD_BYTES_MAX / 2 * 3;
const STAGES: [Stage; 5] =
    [Stage::Hello, Stage::Dealing, Stage::Verdict, Stage::Confirmation, Stage::Abort];

/// A directory in a server's key directory, for one ceremony.
pub struct Home {
    dir: PathBuf,
    id: CeremonyId,
}

impl Home {
    /// The home of a ceremony in the server's key directory; made if it is not there.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be made.
    pub fn open(keys: &Path, id: CeremonyId) -> Result<Self, Failure> {
        let dir = keys.join(format!("ceremony-{}", crate::output::hex(&id.0[..8])));
        member::private_directory(&dir)?;
        // What is kept in it has to be there after a power failure, so it has to be there itself.
        member::sync_parent(&dir).map_err(|error| Failure::file(&dir, &error))?;
        Ok(Self { dir, id })
    }

    /// The secrets, if this server has begun to take part.
    ///
    /// # Errors
    /// [`Failure`] if the file cannot be used.
    pub fn secrets(&self) -> Result<Option<Secrets>, Failure> {
        let path = self.dir.join(SECRETS_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let (_, bytes) = read_secret(&path, KIND)?;
        let secrets = Secrets::decode(&bytes).ok().filter(|secrets| secrets.ceremony() == self.id);
        secrets.map(Some).ok_or_else(|| {
            let message = format_args!("{}: not the secrets of this ceremony", path.display());
            Failure::new(Exit::Input, BAD_CEREMONY, message)
                .next("restore it from a backup, or abort the ceremony")
        })
    }

    /// Keeps new secrets.
    ///
    /// # Errors
    /// [`Failure`] if they cannot be written.
    pub fn keep_secrets(&self, secrets: &Secrets, owner: &str) -> Result<(), Failure> {
        let public = crate::output::hex(&self.id.0);
        let label = SecretLabel { kind: KIND, power: POWER, owner, public: &public };
        Ok(write_secret(&self.dir.join(SECRETS_FILE), label, &secrets.encode())?)
    }

    /// Keeps what is about to be published, unless something was said in that stage already; returns
    /// what was said.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be written.
    pub fn keep(&self, board: &Board, record: Record) -> Result<Record, Failure> {
        if let Some(said) = self.said(record.stage())? {
            return Ok(said);
        }
        let path = self.dir.join(record_file(record.stage()));
        member::replace(&path, armour(board, &record).as_bytes())?;
        Ok(record)
    }

    /// All that this server has said.
    ///
    /// # Errors
    /// [`Failure`] if a file cannot be used.
    pub fn all_said(&self) -> Result<Vec<Record>, Failure> {
        let said = STAGES.into_iter().map(|stage| self.said(stage));
        Ok(said.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn said(&self, stage: Stage) -> Result<Option<Record>, Failure> {
        let path = self.dir.join(record_file(stage));
        if !path.exists() {
            return Ok(None);
        }
        let text = read_text(&path, RECORD_CHARS_MAX)?;
        unarmour(&text).map(Some).map_err(|reason| {
            let message = format_args!("{}: {reason}", path.display());
            Failure::new(Exit::Input, BAD_CEREMONY, message)
                .next("restore it from a backup, or abort the ceremony")
        })
    }

    /// Erases the secrets: the shares are kept, or will never be.
    ///
    /// # Errors
    /// [`Failure`] if they cannot be erased.
    pub fn forget(&self) -> Result<(), Failure> {
        let path = self.dir.join(SECRETS_FILE);
        erase(&path).map_err(|error| Failure::file(&path, &error))
    }

    /// Removes everything: the ceremony has come to an end.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be removed.
    pub fn close(self) -> Result<(), Failure> {
        self.forget()?;
        fs::remove_dir_all(&self.dir).map_err(|error| Failure::file(&self.dir, &error))
    }
}
