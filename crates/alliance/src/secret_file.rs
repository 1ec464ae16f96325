//! Other secrets on disk, in the format of key files.

use crate::key_file::{KeyFile, KeyFileError};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// What a file with a secret of some kind says about it.
#[derive(Debug, Clone, Copy)]
pub struct SecretLabel<'a> {
    /// What it is, for instance `ceremony`.
    pub kind: &'a str,
    /// What somebody who steals it can do.
    pub power: &'a str,
    /// Whose it is, for people.
    pub owner: &'a str,
    /// What others know it by.
    pub public: &'a str,
}

/// Writes a secret to a new file that only its owner may read, and syncs it.
///
/// # Errors
/// [`KeyFileError::Exists`], [`KeyFileError::Write`].
pub fn write_secret(
    path: &Path,
    label: SecretLabel<'_>,
    secret: &Zeroizing<Vec<u8>>,
) -> Result<(), KeyFileError> {
    let file = KeyFile {
        kind: label.kind.to_owned(),
        owner: label.owner.to_owned(),
        public: label.public.to_owned(),
        secret: secret.clone(),
    };
    file.write(path, label.power)
}

/// Reads a secret of this kind, and what others know it by.
///
/// # Errors
/// [`KeyFileError`]: the file is missing, open to others, torn, or of another kind.
pub fn read_secret(path: &Path, kind: &str) -> Result<(String, Zeroizing<Vec<u8>>), KeyFileError> {
    let file = KeyFile::read(path)?.expect_kind(path, kind)?;
    Ok((file.public, file.secret))
}

/// Overwrites a file and removes it; one that is gone already is fine.
///
/// A disk may keep copies of what was overwritten: journals, snapshots and flash cells do. Who has to be
/// sure encrypts the disk.
///
/// # Errors
/// The system's.
pub fn erase(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.flush()?;
    file.sync_all()?;
    std::fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_back_and_can_be_erased() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.key");
        let label =
            SecretLabel { kind: "ceremony", power: "nothing", owner: "acme-1", public: "00ff" };
        let secret = Zeroizing::new(vec![7; 1000]);
        write_secret(&path, label, &secret).unwrap();
        assert_eq!(read_secret(&path, "ceremony").unwrap(), ("00ff".to_owned(), secret.clone()));
        assert!(matches!(read_secret(&path, "signing"), Err(KeyFileError::WrongKind { .. })));
        assert!(matches!(write_secret(&path, label, &secret), Err(KeyFileError::Exists { .. })));
        erase(&path).unwrap();
        assert!(!path.exists());
        erase(&path).unwrap();
    }
}
