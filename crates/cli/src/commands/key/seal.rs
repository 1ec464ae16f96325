//! `ally key seal` and `ally key unseal`: key files behind a passphrase.

use crate::dealer;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::passphrase;
use ally_alliance::{is_sealed_file, seal_file, unseal_file};
use clap::Args;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// No passphrase, or not twice the same.
const BAD_PASSPHRASE: &str = "ALLY-0321";

const ABOUT_PASSPHRASES: &str = "\
A sealed file is an `age` file: `age --decrypt FILE` opens it too. Every command that needs a sealed key \
asks for the passphrase on the terminal, or takes it from the file that ALLY_PASSPHRASE_FILE names, or \
from the systemd credential `ally-passphrase`. A server asks once, when it starts.";

/// Arguments of `ally key seal`.
#[derive(Debug, Args)]
#[command(after_long_help = format!("{ABOUT_PASSPHRASES}\n\n\
Examples:
  ally key seal acme/admin.key
  ally key seal acme/acme-1/keys
  ALLY_PASSPHRASE_FILE=/run/secrets/ally ally key seal acme/acme-1/keys"))]
pub struct Seal {
    /// Key files, or directories of them; what is sealed already stays as it is
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Arguments of `ally key unseal`.
#[derive(Debug, Args)]
#[command(after_long_help = format!("{ABOUT_PASSPHRASES}\n\n\
Examples:
  ally key unseal acme/acme-1/keys"))]
pub struct Unseal {
    /// Key files, or directories of them; what is not sealed stays as it is
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Seal {
    /// Seals the files.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let files = select(&self.files, false)?;
        let passphrase = passphrase::new()?.filter(|passphrase| !passphrase.is_empty());
        let passphrase = passphrase.ok_or_else(|| {
            Failure::new(Exit::Input, BAD_PASSPHRASE, "there is no passphrase to seal with").next(
                "type the same one twice on a terminal, or name a file in ALLY_PASSPHRASE_FILE",
            )
        })?;
        let mut rng = dealer::rng()?;
        for file in &files {
            seal_file(file, &passphrase, &mut rng)?;
        }
        done(&files, "sealed", output)
    }
}

impl Unseal {
    /// Takes the seals away.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let files = select(&self.files, true)?;
        if let Some(first) = files.first() {
            let passphrase = passphrase::of(first)?.ok_or_else(|| {
                Failure::new(Exit::Input, BAD_PASSPHRASE, "nobody said the passphrase")
                    .next("run it on a terminal, or name a file in ALLY_PASSPHRASE_FILE")
            })?;
            for file in &files {
                unseal_file(file, &passphrase)?;
            }
        }
        done(&files, "no longer sealed", output)
    }
}

fn done(files: &[PathBuf], word: &str, output: &Output) -> Result<(), Failure> {
    output.answer(&json!({ "files": files, "state": word }), || match files {
        [] => format!("nothing to do: all of it is {word} already"),
        files => {
            let lines = files.iter().map(|file| format!("{word}: {}", file.display()));
            lines.collect::<Vec<_>>().join("\n")
        }
    })
}

/// The files, and those in the directories, that are sealed or are not.
fn select(paths: &[PathBuf], sealed: bool) -> Result<Vec<PathBuf>, Failure> {
    let mut selected = Vec::new();
    for path in paths {
        for file in files_of(path)? {
            if is_sealed_file(&file)? == sealed {
                selected.push(file);
            }
        }
    }
    Ok(selected)
}

/// The file, or the key files of the directory: those that are called `.key` or `.share`.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| Failure::file(path, &error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| {
        file.extension().is_some_and(|extension| extension == "key" || extension == "share")
    });
    files.sort();
    Ok(files)
}
