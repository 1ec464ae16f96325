//! Clocks that jump, by libfaketime: a server asks the time, and the library adds what a file says.

use crate::failure::Failure;
use crate::member;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The clocks of all servers.
pub struct Clocks {
    library: PathBuf,
    dir: PathBuf,
}

impl Clocks {
    /// The library, where Debian and its relatives keep it; nothing if it is not installed.
    pub fn library() -> Option<PathBuf> {
        let libraries = fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let library = |dir: PathBuf| dir.join("faketime/libfaketimeMT.so.1");
        libraries.map(library).find(|path| path.exists())
    }

    /// Clocks that are right, for an alliance in `dir`.
    ///
    /// # Errors
    /// [`Failure`] if the library is not here.
    pub fn new(dir: &Path) -> Result<Self, Failure> {
        let library =
            Self::library().ok_or_else(|| Failure::internal("there is no libfaketime"))?;
        Ok(Self { library, dir: dir.to_owned() })
    }

    /// What a server is started with, so that its clock can be set.
    ///
    /// # Errors
    /// [`Failure`] if the clock's file cannot be written.
    pub fn environment(&self, server: usize) -> Result<Vec<(&'static str, OsString)>, Failure> {
        self.set(server, 0)?;
        Ok(vec![
            ("LD_PRELOAD", self.library.clone().into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file(server).into()),
            // Looked at once a second, not at each question.
            ("FAKETIME_CACHE_DURATION", "1".into()),
            // Only the time of day: timers run on as they do when a clock is set.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ])
    }

    /// Sets a server's clock so many seconds ahead of the right time.
    ///
    /// # Errors
    /// [`Failure`] if the clock's file cannot be written.
    pub fn set(&self, server: usize, seconds: i64) -> Result<(), Failure> {
        // As a whole: the library may be reading.
        let (file, new) = (self.file(server), self.dir.join(format!("clock-{server}.new")));
        member::write(&new, format!("{seconds:+}\n").as_bytes())?;
        fs::rename(&new, &file).map_err(|error| Failure::file(&file, &error))
    }

    fn file(&self, server: usize) -> PathBuf {
        self.dir.join(format!("clock-{server}"))
    }
}
