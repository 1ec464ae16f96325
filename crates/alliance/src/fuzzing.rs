//! What is private and reads files, for the fuzz targets. Not in a server.

use crate::KeyFileError;
use crate::key_file::KeyFile;
use std::path::Path;
use zeroize::Zeroizing;

/// The fields of a key file; the secret is none that anybody uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFields {
    /// What the key is for.
    pub kind: String,
    /// Whose it is.
    pub owner: String,
    /// The public half, as text.
    pub public: String,
    /// The secret.
    pub secret: Vec<u8>,
}

/// Reads the text of a key file.
///
/// # Errors
/// As for a file on a disk.
pub fn read_key_file(text: &str) -> Result<KeyFields, KeyFileError> {
    let KeyFile { kind, owner, public, secret } = KeyFile::parse(Path::new("a.key"), text)?;
    Ok(KeyFields { kind, owner, public, secret: secret.to_vec() })
}

/// Writes the text of a key file.
pub fn write_key_file(fields: &KeyFields) -> Vec<u8> {
    let KeyFields { kind, owner, public, secret } = fields.clone();
    let secret = Zeroizing::new(secret);
    KeyFile { kind, owner, public, secret }.render("it is for tests").to_vec()
}
