//! Secret keys on disk.
//!
//! ```text
//! # Ally signing key. Keep it secret: whoever reads this file can vote in the owner's name.
//! ally-key 1
//! kind signing
//! owner acme-1
//! public signing:Fv4t…
//! secret 3pS0…
//! check 5b0c7d1e2f3a4b5c
//! ```
//!
//! Text, one `name value` per line; lines with `#` in front are remarks. `check` is the front of a
//! SHA-256 over all that stands above it, so a torn or edited file is noticed before its key is used.
//! Files are created with mode 0600 and refused when others than the owner may touch them. Secrets
//! are held in memory that is wiped, from the first byte read to the last byte written.

use crate::keys::{Role, SecretKey};
use crate::sealed::{self, Passphrase, SealedFileError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest key file: what a dealer of an RSA-4096 key at 256 leaves keeps takes a tenth of it.
pub const KEY_FILE_BYTES_MAX: u64 = 4 << 20;

const VERSION: &str = "ally-key 1";
const CHECK_BYTES: usize = 8;
const OWNER_CHARS_MAX: usize = 256;

/// What can be wrong with a key file. Every message names the file and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be opened or read.
    #[error("{}: cannot read the key file: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("{}: cannot write the key file: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something is there already; a key is never overwritten.
    #[error(
        "{}: there is a file already, and a key that is overwritten is gone for good; move it away \
         or choose another name", path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read or change the file.
    #[error(
        "{}: the secret key is open to other users of this machine (mode {mode:04o}); run \
         `chmod 600 {}`, and replace the key if somebody else may have read it",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Longer than any key.
    #[error(
        "{}: {length} bytes, a key file has at most {KEY_FILE_BYTES_MAX}: is this the right file?",
        path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
    /// Not a key file, or torn, or of another version.
    #[error("{}:{line}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A key of another kind.
    #[error(
        "{}: this is the {found} key of {owner}, a {wanted} key is needed here; check which file \
         the configuration names", path.display()
    )]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// Whose it is.
        owner: String,
        /// What is needed.
        wanted: String,
    },
    /// Sealed, and cannot be opened; or not sealed where it should be.
    #[error("{}: {error}", path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: SealedFileError,
    },
}

/// The fields of a key file.
pub(crate) struct KeyFile {
    /// What the key is for: a role's name, or `share-certify` and the like.
    pub(crate) kind: String,
    /// The name of the server, organisation or application that the key belongs to. For people.
    pub(crate) owner: String,
    /// What others know the key by.
    pub(crate) public: String,
    /// The secret bytes.
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

impl<R: Role> SecretKey<R> {
    /// Writes the key to a new file that only its owner may read.
    ///
    /// `owner` is the name of the server, organisation or application the key belongs to; it is
    /// shown to people and believed by nobody.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`], [`KeyFileError::Write`].
    pub fn write(&self, path: &Path, owner: &str) -> Result<(), KeyFileError> {
        let file = KeyFile {
            kind: R::NAME.to_string(),
            owner: owner.to_string(),
            public: self.public().to_string(),
            secret: Zeroizing::new(self.seed().to_vec()),
        };
        file.write(path, R::POWER)
    }

    /// Reads a key from its file.
    ///
    /// # Errors
    /// [`KeyFileError`]: the file is missing, open to others, torn, or holds another kind of key.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let file = KeyFile::read(path)?.expect_kind(path, R::NAME)?;
        let Ok(seed) = <&[u8; 32]>::try_from(file.secret.as_slice()) else {
            return Err(malformed(path, 0, "the secret is not 32 bytes long"));
        };
        let key = Self::from_seed(seed);
        if key.public().to_string() != file.public {
            return Err(malformed(path, 0, "the secret does not fit the public key beside it"));
        }
        Ok(key)
    }
}

impl KeyFile {
    /// Writes a new file; syncs it and its directory, so that a key that was announced is not lost.
    pub(crate) fn write(&self, path: &Path, power: &str) -> Result<(), KeyFileError> {
        let failed = |source| KeyFileError::Write { path: path.to_owned(), source };
        let text = self.render(power);
        let mut file = match create_private(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(KeyFileError::Exists { path: path.to_owned() });
            }
            Err(error) => return Err(failed(error)),
        };
        let written = file
            .write_all(&text)
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_directory(path));
        written.map_err(|error| {
            // A torn key file would only be refused later; the first error is the one to report.
            let _ = std::fs::remove_file(path);
            failed(error)
        })
    }

    pub(crate) fn render(&self, power: &str) -> Zeroizing<Vec<u8>> {
        let Self { kind, owner, public, secret } = self;
        let owner: String =
            owner.chars().filter(|c| !c.is_control()).take(OWNER_CHARS_MAX).collect();
        // Room for everything at once: a vector that grows leaves copies of the secret behind.
        let room = 1024 + 4 * owner.len() + public.len() + secret.len().div_ceil(3) * 4;
        let mut text = Zeroizing::new(Vec::with_capacity(room));
        let head = format!(
            "# Ally {kind} key. Keep it secret: {power}.\n\
             {VERSION}\nkind {kind}\nowner {owner}\npublic {public}\nsecret "
        );
        text.extend_from_slice(head.as_bytes());
        let start = text.len();
        text.resize(start + secret.len().div_ceil(3) * 4, 0);
        let encoded = STANDARD.encode_slice(secret.as_slice(), &mut text[start..]);
        debug_assert_eq!(encoded, Ok(text.len() - start));
        text.push(b'\n');
        let check = format!("check {}\n", check(&text));
        text.extend_from_slice(check.as_bytes());
        debug_assert!(text.len() <= room);
        text
    }

    pub(crate) fn read(path: &Path) -> Result<Self, KeyFileError> {
        let mut text = read_private(path)?;
        if sealed::is_sealed(&text) {
            let failed = |error| KeyFileError::Sealed { path: path.to_owned(), error };
            text = sealed::open(&text, &Passphrase::of(path)?).map_err(failed)?;
        }
        let Ok(text) = std::str::from_utf8(&text) else {
            return Err(malformed(path, 1, "this is no key file: it is not text"));
        };
        Self::parse(path, text)
    }

    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, KeyFileError> {
        let torn = || malformed(path, text.lines().count(), TORN);
        let body_end = text.rfind("check ").ok_or_else(|| not_a_key_file(path, text))?;
        let (body, check_line) = text.split_at(body_end);
        let mut lines = body.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
        match lines.next() {
            Some((_, VERSION)) => {}
            _ => return Err(not_a_key_file(path, text)),
        }
        if check_line.trim_end().strip_prefix("check ") != Some(&check(body.as_bytes())) {
            return Err(torn());
        }
        let mut field = |name: &str| {
            let line = lines.next().map(|(_, line)| line).ok_or_else(torn)?;
            line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')).ok_or_else(torn)
        };
        let kind = field("kind")?.to_string();
        let owner = field("owner")?.to_string();
        let public = field("public")?.to_string();
        let encoded = field("secret")?;
        let mut secret = Zeroizing::new(vec![0; base64::decoded_len_estimate(encoded.len())]);
        let length = STANDARD.decode_slice(encoded, &mut secret).map_err(|_| torn())?;
        secret.truncate(length);
        Ok(Self { kind, owner, public, secret })
    }

    pub(crate) fn expect_kind(self, path: &Path, wanted: &str) -> Result<Self, KeyFileError> {
        if self.kind == wanted {
            return Ok(self);
        }
        Err(KeyFileError::WrongKind {
            path: path.to_owned(),
            found: self.kind,
            owner: self.owner,
            wanted: wanted.to_string(),
        })
    }
}

const TORN: &str = "the key file is damaged (its check does not match): restore it from a backup, \
                    or make a new key and have the alliance document changed";

fn not_a_key_file(path: &Path, text: &str) -> KeyFileError {
    let line = text.lines().take_while(|line| line.starts_with('#')).count() + 1;
    let other = text.lines().any(|line| line.starts_with("ally-key ") && line != VERSION);
    let reason = if other {
        "this key file is of a version that this program does not know; use the program that wrote it"
    } else if text.lines().any(|line| line == VERSION) {
        TORN
    } else {
        "this is no key file of Ally (no line `ally-key 1`)"
    };
    malformed(path, line, reason)
}

pub(crate) fn malformed(path: &Path, line: usize, reason: &str) -> KeyFileError {
    KeyFileError::Malformed { path: path.to_owned(), line: line.max(1), reason: reason.to_string() }
}

fn check(body: &[u8]) -> String {
    let digest = Sha256::new_with_prefix("ally/v1/key file\0").chain_update(body).finalize();
    hex::encode(&digest[..CHECK_BYTES])
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Reads the whole file into memory that is wiped; refuses files that others may touch.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let failed = |source| KeyFileError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Of the open file, not of the path: what is checked is what is read.
    let metadata = file.metadata().map_err(failed)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        if metadata.is_file() && mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
        }
    }
    if !metadata.is_file() {
        return Err(failed(io::Error::other("not a regular file")));
    }
    let length = metadata.len();
    if length > KEY_FILE_BYTES_MAX {
        return Err(KeyFileError::TooLong { path: path.to_owned(), length });
    }
    // One byte more than the file has: the vector never grows, so no copy stays behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
pub(crate) mod tests;
