//! A disk that can be filled: a small file system in memory that holds one server's data.
//!
//! Ours: it is mounted nowhere. This process holds it open, and servers reach it through
//! `/proc/PID/fd`. So it goes with this process and the servers, whatever ends them, and no mount is left
//! behind by one that was killed.

use crate::failure::Failure;
use crate::member;
use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount,
};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Its size. A server's files take some tens of megabytes from the start.
const SIZE: &str = "192m";
/// What is written at a time to fill it.
const PIECE_BYTES: usize = 1 << 20;
const FILLER: &str = "filler";

/// One server's data on a disk of its own.
pub struct SmallDisk {
    /// The file system. It is gone when nobody has it open any more.
    disk: OwnedFd,
    /// Where the data lies otherwise.
    data: PathBuf,
    stops: u64,
}

impl SmallDisk {
    /// Whether this process may make one; the reason if not.
    pub fn can_be_made() -> Result<(), String> {
        in_memory().map(drop).map_err(|error| {
            format!(
                "a small file system cannot be made ({error}); `unshare -rm ally chaos ...` may do"
            )
        })
    }

    /// Moves the data of the server in `home` to a disk of its own.
    ///
    /// # Errors
    /// [`Failure`] if the system refuses.
    pub fn under(home: &Path) -> Result<Self, Failure> {
        let data = home.join("data");
        let disk = in_memory().map_err(|error| Failure::file(&data, &error))?;
        let own = Self { disk, data, stops: 0 };
        copy(&own.data, &own.at("data"))?;
        Ok(own)
    }

    /// Where something on it is, for this process and the servers.
    fn at(&self, name: &str) -> PathBuf {
        let (process, disk) = (std::process::id(), self.disk.as_raw_fd());
        PathBuf::from(format!("/proc/{process}/fd/{disk}")).join(name)
    }

    /// A server's configuration, with its data on this disk.
    pub fn configure(&self, text: &str) -> String {
        let data = self.at("data");
        let lines = text.lines().map(|line| match line.starts_with("data ") {
            true => format!("data = \"{}\"\n", data.display()),
            false => format!("{line}\n"),
        });
        lines.collect()
    }

    /// Fills it to the last byte.
    ///
    /// # Errors
    /// [`Failure`] if something else than a full disk is in the way.
    pub fn fill(&mut self) -> Result<(), Failure> {
        let path = self.at(FILLER);
        let failed = |error: io::Error| Failure::file(&path, &error);
        let mut file = File::create(&path).map_err(failed)?;
        let mut piece = vec![0; PIECE_BYTES];
        while !piece.is_empty() {
            match file.write(&piece) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                    piece.truncate(piece.len() / 2);
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    /// Makes room again.
    ///
    /// # Errors
    /// [`Failure`] if the system refuses.
    pub fn make_room(&mut self) -> Result<(), Failure> {
        let path = self.at(FILLER);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::file(&path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Whether it is that of the server in `home`.
    pub fn is_of(&self, home: &Path) -> bool {
        self.data.starts_with(home)
    }

    /// The server has stopped because of it.
    pub fn stopped(&mut self) {
        self.stops += 1;
    }

    /// How often it has.
    pub fn stops(&self) -> u64 {
        self.stops
    }

    /// Moves the data back. The server must not run.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be copied; the disk is then mounted beside where the data belongs.
    pub fn give_back(mut self) -> Result<(), Failure> {
        self.make_room()?;
        fs::remove_dir_all(&self.data).map_err(|error| Failure::file(&self.data, &error))?;
        copy(&self.at("data"), &self.data).inspect_err(|_| self.mount())
    }

    /// Saves it from going with this process.
    fn mount(&self) {
        let at = self.data.with_file_name("disk");
        let empty = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        // What is in the way of the copy may be in the way of this too, and is told anyhow.
        if fs::create_dir(&at).is_ok() {
            _ = move_mount(&self.disk, "", CWD, &at, empty);
        }
    }
}

/// A file system in memory that is mounted nowhere.
fn in_memory() -> io::Result<OwnedFd> {
    let kind = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&kind, "size", SIZE)?;
    fsconfig_create(&kind)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(fsmount(&kind, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Copies a directory of files and directories.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    member::private_directory(to)?;
    let failed = |error: io::Error| Failure::file(from, &error);
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &target)?,
            false => _ = fs::copy(&path, &target).map_err(|error| Failure::file(&path, &error))?,
        }
    }
    Ok(())
}
