//! What the demonstration leaves behind: files that anyone can verify without it.

use crate::failure::{Exit, Failure};
use crate::member::{PUBLIC_KEY_FILE, private_directory, write};
use ally::{Certificate, Proposal, Receipt};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Says that a directory is ours to empty.
const MARKER: &str = ".ally-demo";
/// All that is ever in it.
const FILES: [&str; 3] = [PUBLIC_KEY_FILE, "checkpoint.txt", "cert.sig"];
const DIRECTORIES: [&str; 2] = ["alliance", "receipts"];
/// With more entries than this, their files lie in directories of [`SHELF`] entries each: tools and
/// people handle directories of millions badly.
const FLAT_MAX: u64 = 10_000;
const SHELF: u64 = 1000;
/// The fewest digits of a file's number.
const DIGITS_MIN: usize = 4;
/// The directory holds something else.
const OCCUPIED: &str = "ALLY-0601";

/// The directory of the demonstration.
///
/// ```text
///   DIR/alliance.pem     the alliance's public key
///   DIR/checkpoint.txt   what the alliance signed last
///   DIR/cert.sig         its signature
///   DIR/receipts/        NNNN.receipt and NNNN.command; of more than 10,000 entries, a
///                        directory for each thousand: 012/012345.receipt
///   DIR/alliance/        the alliance itself, as `ally dev --dir` keeps it
/// ```
pub struct Artefacts {
    dir: PathBuf,
}

impl Artefacts {
    /// Makes the directory, or empties the one that an earlier demonstration left.
    ///
    /// # Errors
    /// [`Failure`] if there is something else in it.
    pub fn prepare(dir: &Path) -> Result<Self, Failure> {
        let at = |error: io::Error| Failure::file(dir, &error);
        private_directory(dir)?;
        let dir = dir.canonicalize().map_err(at)?;
        let marker = dir.join(MARKER);
        if fs::read_dir(&dir).map_err(at)?.next().is_some() && !marker.exists() {
            let message = format_args!("{} holds something else already", dir.display());
            return Err(Failure::new(Exit::Input, OCCUPIED, message)
                .next("name a directory that does not exist yet: `ally demo --out DIR`"));
        }
        write(&marker, b"What is in here was made by `ally demo`, which may remove it.\n")?;
        for name in FILES {
            absent_is_fine(fs::remove_file(dir.join(name))).map_err(at)?;
        }
        for name in DIRECTORIES {
            absent_is_fine(fs::remove_dir_all(dir.join(name))).map_err(at)?;
        }
        let own = Self { dir };
        private_directory(&own.receipts())?;
        private_directory(&own.alliance())?;
        Ok(own)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the alliance lives.
    pub fn alliance(&self) -> PathBuf {
        self.dir.join("alliance")
    }

    /// The public key.
    pub fn public_key(&self) -> PathBuf {
        self.dir.join(PUBLIC_KEY_FILE)
    }

    /// The statement that was signed.
    pub fn checkpoint(&self) -> PathBuf {
        self.dir.join("checkpoint.txt")
    }

    /// The signature, as openssl wants it.
    pub fn signature(&self) -> PathBuf {
        self.dir.join("cert.sig")
    }

    /// Where receipts and their commands are.
    pub fn receipts(&self) -> PathBuf {
        self.dir.join("receipts")
    }

    /// Takes the public key out of the alliance's directory.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be written.
    pub fn write_key(&self) -> Result<(), Failure> {
        let from = self.alliance().join(PUBLIC_KEY_FILE);
        let copied = fs::copy(&from, self.public_key());
        copied.map(|_| ()).map_err(|error| Failure::file(&from, &error))
    }

    /// Writes statement and signature of a certificate.
    ///
    /// # Errors
    /// As [`Artefacts::write_key`].
    pub fn write_certificate(&self, certificate: &Certificate) -> Result<(), Failure> {
        write(&self.checkpoint(), certificate.checkpoint.statement().as_bytes())?;
        write(&self.signature(), &certificate.signature)
    }

    /// Writes a receipt and its command; returns their paths. `last` is the highest index of all that
    /// are written, which all get numbers of one width.
    ///
    /// # Errors
    /// As [`Artefacts::write_key`].
    pub fn write_receipt(
        &self,
        proposal: &Proposal,
        receipt: Receipt,
        last: u64,
    ) -> Result<(PathBuf, PathBuf), Failure> {
        let path = self.receipts().join(numbered(receipt.index, last));
        if let Some(shelf) = path.parent().filter(|shelf| !shelf.exists()) {
            private_directory(shelf)?;
        }
        let (file, command) = (path.with_extension("receipt"), path.with_extension("command"));
        write(&command, &proposal.command())?;
        write(&file, proposal.receipt_file(receipt).to_text().as_bytes())?;
        Ok((file, command))
    }
}

/// Where the files of entry `index` lie if `last` is the last of all, without an ending.
fn numbered(index: u64, last: u64) -> PathBuf {
    let digits = last.to_string().len().max(DIGITS_MIN);
    let name = format!("{index:0digits$}");
    if last < FLAT_MAX {
        return name.into();
    }
    // The first digits are the shelf's name.
    let shelf_digits = digits - SHELF.ilog10() as usize;
    Path::new(&format!("{:0shelf_digits$}", index / SHELF)).join(name)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_so_that_they_sort() {
        assert_eq!(numbered(7, 52), Path::new("0007"));
        assert_eq!(numbered(9999, 9999), Path::new("9999"));
        assert_eq!(numbered(7, 10_000), Path::new("00/00007"));
        assert_eq!(numbered(99_999, 100_019), Path::new("099/099999"));
        assert_eq!(numbered(100_019, 100_019), Path::new("100/100019"));
    }

    #[test]
    fn only_what_a_demonstration_made_is_emptied() {
        let dir = tempfile::tempdir().expect("a directory");
        let foreign = dir.path().join("thesis.tex");
        fs::write(&foreign, "chapter one").expect("written");
        assert!(Artefacts::prepare(dir.path()).is_err());
        assert!(foreign.exists());

        let own = dir.path().join("out");
        let artefacts = Artefacts::prepare(&own).expect("a new directory");
        fs::write(artefacts.receipts().join("0000.receipt"), "old").expect("written");
        fs::write(own.join("notes"), "mine").expect("written");
        Artefacts::prepare(&own).expect("its own directory");
        assert!(!artefacts.receipts().join("0000.receipt").exists());
        assert!(own.join("notes").exists(), "what nobody knows stays");
    }
}
