//! Files for programs that tests call.

use std::path::PathBuf;
use tempfile::TempDir;

/// A directory of a test's own, removed when it goes.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    /// A new file of this content.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }
}
