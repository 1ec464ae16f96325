//! Key files that are sealed with a passphrase.
//!
//! A sealed file is an ordinary key file inside an ordinary `age` file for a passphrase: whoever has the
//! passphrase opens it with `age --decrypt` as well, without Ally.
//!
//! How a process comes by the passphrase is its own affair: a program that can ask somebody says so
//! once, with [`ask_with`]. Others find it in a file, which the environment names:
//!
//! 1. `$CREDENTIALS_DIRECTORY/ally-passphrase`, where systemd puts what `LoadCredentialEncrypted=`
//!    names;
//! 2. the file that `ALLY_PASSPHRASE_FILE` names, which only its owner may read.

mod age;
mod passphrase;

pub use age::SealedFileError;
pub(crate) use age::{is_sealed, open};
pub use passphrase::{Passphrase, ask_with};

use crate::key_file::{KEY_FILE_BYTES_MAX, KeyFile, KeyFileError, read_private, sync_directory};
use rand_core::CryptoRng;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Whether a key file is sealed.
///
/// # Errors
/// [`KeyFileError`]: the file is missing, or open to others.
pub fn is_sealed_file(path: &Path) -> Result<bool, KeyFileError> {
    Ok(is_sealed(&read_private(path)?))
}

/// Seals a key file in place: what is there is a key file and not sealed. The old content is overwritten
/// once the new one is safe.
///
/// # Errors
/// [`KeyFileError`]: the file is no key file, or sealed already, or cannot be written.
///
/// # Cost
/// About a second, and 256 MiB of memory for so long: guesses cost the same.
pub fn seal_file(
    path: &Path,
    passphrase: &Passphrase,
    rng: &mut impl CryptoRng,
) -> Result<(), KeyFileError> {
    let text = read_private(path)?;
    if is_sealed(&text) {
        return Err(KeyFileError::Sealed {
            path: path.to_owned(),
            error: SealedFileError::Already,
        });
    }
    // Whatever is sealed has to be of use when it is opened.
    KeyFile::read(path)?;
    let sealed = age::seal(&text, passphrase, rng)
        .map_err(|error| KeyFileError::Sealed { path: path.to_owned(), error })?;
    debug_assert!(sealed.len() as u64 <= KEY_FILE_BYTES_MAX);
    replace(path, &sealed)
}

/// Takes the seal of a key file away, in place.
///
/// # Errors
/// [`KeyFileError`]: the file is not sealed, or with another passphrase, or cannot be written.
pub fn unseal_file(path: &Path, passphrase: &Passphrase) -> Result<(), KeyFileError> {
    let failed = |error| KeyFileError::Sealed { path: path.to_owned(), error };
    let sealed = read_private(path)?;
    if !is_sealed(&sealed) {
        return Err(failed(SealedFileError::Not));
    }
    let text = open(&sealed, passphrase).map_err(failed)?;
    replace(path, &text)
}

/// Puts new content in a file's place, safely, and overwrites the old.
fn replace(path: &Path, content: &[u8]) -> Result<(), KeyFileError> {
    let replaced = || -> io::Result<()> {
        let mut old = OpenOptions::new().write(true).open(path)?;
        let mut staged = path.as_os_str().to_owned();
        staged.push(format!(".{}.new", std::process::id()));
        let staged = PathBuf::from(staged);
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged)?;
        let written = new.write_all(content).and_then(|()| new.sync_all());
        let renamed = written.and_then(|()| std::fs::rename(&staged, path));
        if let Err(error) = renamed {
            // The first error is the one to report.
            let _ = std::fs::remove_file(&staged);
            return Err(error);
        }
        sync_directory(path)?;
        overwrite(&mut old)
    };
    replaced().map_err(|source| KeyFileError::Write { path: path.to_owned(), source })
}

/// Overwrites what is in a file that nobody finds any more.
fn overwrite(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    io::copy(&mut io::Read::take(io::repeat(0), length), file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
