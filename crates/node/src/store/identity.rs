//! Whose data directory it is: a small text file that is written once, by `create`.

use super::error::StoreError;
use ally_consensus::{AllianceId, Epoch};
use ally_policy::ServerIndex;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Version of everything inside a data directory that this program writes.
pub const DATA_DIRECTORY_VERSION: u32 = 1;

/// The file's name.
pub(super) const IDENTITY_FILE: &str = "identity.toml";

/// Whose data directory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The alliance's id: hash of its genesis document.
    pub alliance: AllianceId,
    /// Which of its servers.
    pub server: ServerIndex,
    /// Epoch of the configuration in force.
    pub epoch: Epoch,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of alliance {}", self.server, self.alliance)
    }
}

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    version: u32,
    alliance: String,
    server: u16,
    epoch: u64,
}

impl Identity {
    /// Whose data directory this is, by what it says itself.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Version`], [`StoreError::Damaged`],
    /// [`StoreError::Disk`].
    pub fn read(dir: &Path) -> Result<Self, StoreError> {
        if !dir.join(IDENTITY_FILE).exists() {
            return Err(StoreError::Missing { dir: dir.to_owned() });
        }
        read(dir)
    }

    /// Writes the file into a fresh directory and makes it durable.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let content = IdentityFile {
            version: DATA_DIRECTORY_VERSION,
            alliance: self.alliance.to_string(),
            server: self.server.0,
            epoch: self.epoch.0,
        };
        let text = toml::to_string(&content).map_err(io::Error::other)?;
        let staged = dir.join("identity.toml.new");
        let mut file = File::create(&staged)?;
        file.write_all(b"# Whose data this is. Written by ally; changing it does not help.\n")?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(staged, dir.join(IDENTITY_FILE))?;
        sync_directory(dir)
    }

    /// Checks that a directory is this server's; brings the epoch in the file up to date.
    ///
    /// # Errors
    /// [`StoreError::Foreign`], [`StoreError::OldEpoch`], [`StoreError::Version`],
    /// [`StoreError::Damaged`] if the file cannot be parsed, [`StoreError::Disk`].
    pub(super) fn check(&self, dir: &Path) -> Result<(), StoreError> {
        let found = read(dir)?;
        if (found.alliance, found.server) != (self.alliance, self.server) {
            return Err(StoreError::Foreign {
                dir: dir.to_owned(),
                found: found.to_string(),
                expected: self.to_string(),
            });
        }
        if found.epoch > self.epoch {
            let (found, expected) = (found.epoch.0, self.epoch.0);
            return Err(StoreError::OldEpoch { dir: dir.to_owned(), found, expected });
        }
        if found.epoch < self.epoch {
            self.write(dir).map_err(|e| StoreError::disk(dir, "writing identity.toml", e))?;
        }
        Ok(())
    }
}

fn read(dir: &Path) -> Result<Identity, StoreError> {
    let path = dir.join(IDENTITY_FILE);
    let damaged = |what: String| StoreError::Damaged { file: path.clone(), what };
    let text = std::fs::read_to_string(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => damaged("the file is missing".to_owned()),
        io::ErrorKind::InvalidData => damaged("not text".to_owned()),
        _ => StoreError::disk(dir, "reading identity.toml", e),
    })?;
    let file: IdentityFile = toml::from_str(&text).map_err(|e| damaged(e.message().to_owned()))?;
    if file.version > DATA_DIRECTORY_VERSION {
        let (found, known) = (file.version, DATA_DIRECTORY_VERSION);
        return Err(StoreError::Version { dir: dir.to_owned(), found, known });
    }
    let alliance = parse_id(&file.alliance)
        .ok_or_else(|| damaged("`alliance` is not 64 hexadecimal digits".to_owned()))?;
    Ok(Identity { alliance, server: ServerIndex(file.server), epoch: Epoch(file.epoch) })
}

fn parse_id(text: &str) -> Option<AllianceId> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut id = [0; 32];
    for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(AllianceId(id))
}

/// Makes the entries of a directory durable: names of files are data of the directory.
pub(super) fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
