//! A directory that is filled as a whole or not at all, whenever the process is killed.
//!
//! ```text
//!   DIR/.founding/   being made          a later start removes it
//!   DIR/.founded/    complete: renamed   a later start goes on moving it up
//!   DIR/             its entries moved up one by one, `alliance.toml` last
//! ```
//!
//! Ours: in the directory and not beside it, because DIR may be a mount point, may hold other files,
//! and may be where somebody's shell stands.

use crate::failure::{Exit, Failure};
use crate::member::{ALLIANCE_FILE, private_directory};
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const HALF: &str = ".founding";
const WHOLE: &str = ".founded";
/// Something is in the way.
const OCCUPIED: &str = "ALLY-0313";
/// Another process is at it.
const BUSY: &str = "ALLY-0515";

/// A place to make what is going to be in a directory. Nobody else makes anything there meanwhile;
/// what was made is gone when this is dropped before its end.
#[derive(Debug)]
pub struct Staging {
    dir: PathBuf,
    half: PathBuf,
    _lock: File,
}

impl Staging {
    /// Begins, if the directory has nothing that is to be called like one of `names`.
    ///
    /// # Errors
    /// [`Failure`] if something is in the way, or another process is at it.
    pub fn begin<'a>(
        dir: &Path,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Failure> {
        let lock = recover(dir)?;
        names.into_iter().try_for_each(|name| free(&dir.join(name)))?;
        let half = dir.join(HALF);
        private_directory(&half)?;
        Ok(Self { dir: dir.to_owned(), half, _lock: lock })
    }

    /// Where to make it.
    pub fn path(&self) -> &Path {
        &self.half
    }

    /// It is complete: moves it to where it belongs. From the first step on this is finished by a
    /// later start if it is interrupted.
    ///
    /// # Errors
    /// [`Failure`] if something has come in the way. Nothing is overwritten.
    pub fn finish(self) -> Result<(), Failure> {
        let whole = self.dir.join(WHOLE);
        fs::rename(&self.half, &whole).map_err(|error| Failure::file(&self.half, &error))?;
        move_up(&self.dir)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // If this fails, the next start tries again.
        _ = fs::remove_dir_all(&self.half);
    }
}

/// Finishes or removes what a process that was killed has left in `dir`. Returns the lock that says
/// that there is no such process now.
///
/// # Errors
/// [`Failure`] if there is one, or something is in the way.
pub fn recover(dir: &Path) -> Result<File, Failure> {
    let at = |error: io::Error| Failure::file(dir, &error);
    let lock = File::open(dir).map_err(at)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(at(error)),
        Err(TryLockError::WouldBlock) => {
            let message =
                format_args!("another `ally` is founding an alliance in {}", dir.display());
            return Err(Failure::new(Exit::Input, BUSY, message)
                .next("wait until it is done, or name another directory"));
        }
    }
    let half = dir.join(HALF);
    match fs::remove_dir_all(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::file(&half, &error));
        }
        _ => {}
    }
    if dir.join(WHOLE).exists() {
        move_up(dir)?;
    }
    Ok(lock)
}

/// Moves everything out of the complete directory; `alliance.toml` last, since where it is, an
/// alliance is taken to be.
fn move_up(dir: &Path) -> Result<(), Failure> {
    let whole = dir.join(WHOLE);
    let at = |error: io::Error| Failure::file(&whole, &error);
    let entries = fs::read_dir(&whole).map_err(at)?;
    let mut names: Vec<OsString> =
        entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>().map_err(at)?;
    names.sort_by_key(|name| (name == ALLIANCE_FILE, name.clone()));
    for name in &names {
        free(&dir.join(name))?;
        fs::rename(whole.join(name), dir.join(name)).map_err(at)?;
    }
    fs::remove_dir(&whole).map_err(at)
}

/// Whether nothing is at `path`, not even a link that leads nowhere.
fn free(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(path, &error)),
        Ok(_) => {
            let message = format_args!("{} is in the way; nothing is overwritten", path.display());
            Err(Failure::new(Exit::Input, OCCUPIED, message)
                .next("name another directory, or move it away"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["acme", ALLIANCE_FILE, "client.key"];

    /// A staging that is full, in a directory that holds something else.
    fn full() -> (tempfile::TempDir, Staging) {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("notes"), "mine").expect("written");
        let staging = Staging::begin(dir.path(), NAMES).expect("nothing is in the way");
        fs::create_dir(staging.path().join("acme")).expect("made");
        for name in ["acme/admin.key", ALLIANCE_FILE, "client.key"] {
            fs::write(staging.path().join(name), name).expect("written");
        }
        (dir, staging)
    }

    /// The files of a directory, without their content.
    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("a directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    const DONE: [&str; 4] = ["acme", ALLIANCE_FILE, "client.key", "notes"];

    #[test]
    fn what_is_finished_is_where_it_belongs() {
        let (dir, staging) = full();
        assert_eq!(names(dir.path()), [HALF, "notes"]);
        staging.finish().expect("moved");
        assert_eq!(names(dir.path()), DONE);
        assert!(dir.path().join("acme/admin.key").exists());
    }

    #[test]
    fn what_is_given_up_or_killed_leaves_nothing() {
        let (dir, staging) = full();
        drop(staging);
        assert_eq!(names(dir.path()), ["notes"]);

        // Killed: nothing was dropped, but the lock is gone with the process.
        fs::create_dir_all(dir.path().join(HALF).join("acme/acme-1")).expect("made");
        recover(dir.path()).expect("nobody is at it");
        assert_eq!(names(dir.path()), ["notes"]);
    }

    #[test]
    fn what_was_complete_is_moved_up_after_a_kill_at_any_step() {
        for moved in 0..=NAMES.len() {
            let (dir, staging) = full();
            let whole = dir.path().join(WHOLE);
            fs::rename(staging.path(), &whole).expect("renamed");
            drop(staging);
            for name in ["acme", "client.key", ALLIANCE_FILE].iter().take(moved) {
                fs::rename(whole.join(name), dir.path().join(name)).expect("moved");
            }
            recover(dir.path()).expect("nobody is at it");
            assert_eq!(names(dir.path()), DONE, "killed after {moved} moves");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().expect("a directory");
        let own = dir.path().join("client.key");
        fs::write(&own, "somebody's").expect("written");
        let refused = Staging::begin(dir.path(), NAMES).expect_err("it is in the way");
        assert!(format!("{refused:?}").contains(OCCUPIED), "{refused:?}");

        // Also if it comes later.
        let (dir, staging) = full();
        fs::write(dir.path().join("client.key"), "somebody's").expect("written");
        staging.finish().expect_err("it is in the way");
        assert_eq!(fs::read(dir.path().join("client.key")).expect("there"), b"somebody's");
        assert!(!dir.path().join(ALLIANCE_FILE).exists(), "no alliance without its key");
        // And once it is moved away, the next start finishes.
        fs::remove_file(dir.path().join("client.key")).expect("removed");
        recover(dir.path()).expect("nobody is at it");
        assert_eq!(names(dir.path()), DONE);
    }

    #[test]
    fn two_processes_do_not_found_in_one_place() {
        let (dir, staging) = full();
        let refused = recover(dir.path()).expect_err("the first is at it");
        assert!(format!("{refused:?}").contains(BUSY), "{refused:?}");
        staging.finish().expect("moved");
        recover(dir.path()).expect("the first is done");
    }
}
