//! Shares of threshold keys on disk, in the same format as other secret keys.

use crate::document::KeyPurpose;
use crate::key_file::{KeyFile, KeyFileError, malformed};
use ally_policy::ServerIndex;
use ally_threshold::{KeyShare, PublicKey};
use std::path::Path;

const POWER: &str = "whoever reads this file can contribute to signatures in the owner's name";

/// Writes a share to a new file that only its owner may read. `owner` is the server's name.
///
/// # Errors
/// [`KeyFileError::Exists`], [`KeyFileError::Write`].
pub fn write_share(
    path: &Path,
    purpose: KeyPurpose,
    owner: &str,
    share: &KeyShare,
) -> Result<(), KeyFileError> {
    let file = KeyFile {
        kind: kind(purpose),
        owner: owner.to_owned(),
        public: hex::encode(share.key().0),
        secret: share.encode(),
    };
    file.write(path, POWER)
}

/// Reads the share of `server` of the key `public`, and checks that it is that.
///
/// # Errors
/// [`KeyFileError`]: the file is missing, open to others, torn, of another key or another server.
pub fn read_share(
    path: &Path,
    purpose: KeyPurpose,
    server: ServerIndex,
    public: &PublicKey,
) -> Result<KeyShare, KeyFileError> {
    let file = KeyFile::read(path)?.expect_kind(path, &kind(purpose))?;
    let share = KeyShare::decode(&file.secret)
        .map_err(|error| malformed(path, 1, &format!("not a share of a threshold key: {error}")))?;
    if share.key() != public.id() {
        let reason = format!(
            "a share of another {purpose} key than the one in the alliance document: the keys were \
             dealt again, or this file is of another alliance"
        );
        return Err(malformed(path, 1, &reason));
    }
    if share.server() != server {
        let reason = format!("the share of another server ({}), not of {server}", file.owner);
        return Err(malformed(path, 1, &reason));
    }
    share.check(public).map_err(|error| malformed(path, 1, &error.to_string()))?;
    Ok(share)
}

fn kind(purpose: KeyPurpose) -> String {
    format!("{purpose}-share")
}

#[cfg(test)]
mod tests;
