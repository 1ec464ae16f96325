//! A disk that can be filled: a small file system in memory that holds one server's data.

use crate::failure::Failure;
use crate::member;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Its size. A server's files take some tens of megabytes from the start.
const SIZE: &str = "size=192m";
/// What is written at a time to fill it.
const PIECE_BYTES: usize = 1 << 20;
const FILLER: &str = "filler";

/// One server's data on a disk of its own.
pub struct SmallDisk {
    /// Where the file system is.
    at: PathBuf,
    /// Where the data lies otherwise.
    data: PathBuf,
    /// Whether it has to be unmounted.
    mounted: bool,
    stops: u64,
}

impl SmallDisk {
    /// Whether this process may make one; the reason if not.
    pub fn can_be_made() -> Result<(), String> {
        let probe = tempfile::tempdir().map_err(|error| error.to_string())?;
        match mount_at(probe.path()) {
            Ok(()) => {
                unmount(probe.path(), UnmountFlags::DETACH).map_err(|error| error.to_string())
            }
            Err(error) => Err(format!(
                "a small file system cannot be mounted ({error}); `unshare -rm ally chaos ...` may do"
            )),
        }
    }

    /// Moves the data of the server in `home` to a disk of its own.
    ///
    /// # Errors
    /// [`Failure`] if the system refuses.
    pub fn under(home: &Path) -> Result<Self, Failure> {
        let (at, data) = (home.join("disk"), home.join("data"));
        member::private_directory(&at)?;
        mount_at(&at).map_err(|error| Failure::file(&at, &error))?;
        let own = Self { at, data, mounted: true, stops: 0 };
        copy(&own.data, &own.at.join("data"))?;
        Ok(own)
    }

    /// A server's configuration, with its data on this disk.
    pub fn configure(&self, text: &str) -> String {
        let lines = text.lines().map(|line| match line.starts_with("data ") {
            true => "data = \"disk/data\"\n".to_owned(),
            false => format!("{line}\n"),
        });
        lines.collect()
    }

    /// Fills it to the last byte.
    ///
    /// # Errors
    /// [`Failure`] if something else than a full disk is in the way.
    pub fn fill(&mut self) -> Result<(), Failure> {
        let path = self.at.join(FILLER);
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
        let path = self.at.join(FILLER);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::file(&path, &error))
            }
            _ => Ok(()),
        }
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
    /// [`Failure`] if it cannot be copied; it is then still on the small disk.
    pub fn give_back(mut self) -> Result<(), Failure> {
        self.make_room()?;
        fs::remove_dir_all(&self.data).map_err(|error| Failure::file(&self.data, &error))?;
        if let Err(failure) = copy(&self.at.join("data"), &self.data) {
            self.mounted = false;
            return Err(failure);
        }
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.mounted {
            // If this fails there is an empty disk too many, which goes with the machine.
            _ = unmount(&self.at, UnmountFlags::DETACH);
        }
    }
}

fn mount_at(at: &Path) -> io::Result<()> {
    let options = std::ffi::CString::new(SIZE)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount("ally-chaos", at, "tmpfs", flags, Some(options.as_c_str()))?)
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
