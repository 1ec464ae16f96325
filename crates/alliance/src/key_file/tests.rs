use super::*;
use crate::keys::{SigningKey, TransportKey};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own for each test, gone at the end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ally-key-file-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A signing key in a file.
    pub(crate) fn key(&self) -> PathBuf {
        let path = self.0.join("signing.key");
        SigningKey::from_seed(&[5; 32]).write(&path, "acme-1").unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn message(result: Result<SigningKey, KeyFileError>) -> String {
    match result {
        Ok(_) => panic!("the file was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_key_comes_back_from_a_file_that_only_its_owner_may_read() {
    let directory = Directory::new();
    let path = directory.key();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let key = SigningKey::read(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(key.public(), SigningKey::from_seed(&[5; 32]).public());
}

#[test]
fn a_key_is_never_overwritten() {
    let directory = Directory::new();
    let path = directory.key();
    let before = std::fs::read(&path).unwrap();
    let error = SigningKey::from_seed(&[6; 32]).write(&path, "acme-2").unwrap_err();
    assert!(matches!(error, KeyFileError::Exists { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_key_that_others_may_touch_is_refused_with_the_remedy() {
    let directory = Directory::new();
    let path = directory.key();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o777] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let message = message(SigningKey::read(&path));
        assert!(message.contains(&format!("mode {mode:04o}")), "{message}");
        assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
    }
}

#[test]
fn another_kind_of_key_is_named() {
    let directory = Directory::new();
    let Err(error) = TransportKey::read(&directory.key()) else { panic!("accepted") };
    let message = error.to_string();
    assert!(message.contains("the signing key of acme-1, a transport key is needed"), "{message}");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let directory = Directory::new();
    let path = directory.key();
    let whole = std::fs::read(&path).unwrap();
    // Without the last line break it is whole.
    for length in 0..whole.len() - 1 {
        std::fs::write(&path, &whole[..length]).unwrap();
        let message = message(SigningKey::read(&path));
        assert!(message.contains("signing.key:"), "{message}");
    }
}

#[test]
fn a_file_with_any_byte_changed_is_refused() {
    let directory = Directory::new();
    let path = directory.key();
    let whole = std::fs::read(&path).unwrap();
    for position in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        changed[position] ^= 0x10;
        std::fs::write(&path, &changed).unwrap();
        message(SigningKey::read(&path));
    }
}

#[test]
fn a_missing_file_a_directory_and_a_foreign_file_are_named() {
    let directory = Directory::new();
    let missing = directory.0.join("none.key");
    assert!(message(SigningKey::read(&missing)).contains("none.key: cannot read the key file"));
    assert!(message(SigningKey::read(&directory.0)).contains("not a regular file"));
    let path = directory.key();
    std::fs::write(&path, "-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n").unwrap();
    assert!(message(SigningKey::read(&path)).contains("this is no key file of Ally"));
    std::fs::write(&path, "ally-key 2\nkind signing\n").unwrap();
    assert!(message(SigningKey::read(&path)).contains("a version that this program does not know"));
    std::fs::write(&path, [0xff; 100]).unwrap();
    assert!(message(SigningKey::read(&path)).contains("it is not text"));
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let directory = Directory::new();
    let path = directory.key();
    std::fs::write(&path, vec![b'a'; KEY_FILE_BYTES_MAX as usize + 1]).unwrap();
    assert!(message(SigningKey::read(&path)).contains("is this the right file?"));
}
