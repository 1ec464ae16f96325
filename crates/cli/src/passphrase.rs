//! Passphrases of sealed key files: from the environment, or from whoever sits at the terminal.

use crate::failure::Failure;
use ally_alliance::{Passphrase, ask_with};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Mutex;

/// From now on, sealed key files are opened by asking at the terminal, if there is one: once, for all
/// files of a command.
pub fn ask_at_terminal() {
    let said = Mutex::new(None::<Passphrase>);
    ask_with(move |path| {
        let mut said = said.lock().ok()?;
        if said.is_none() {
            *said = ask(&format!("passphrase of {}: ", path.display()));
        }
        said.clone()
    });
}

/// The passphrase of a file, if somebody says it.
///
/// # Errors
/// [`Failure`] if the file that the environment names cannot be used.
pub fn of(path: &Path) -> Result<Option<Passphrase>, Failure> {
    match Passphrase::from_environment()? {
        Some(passphrase) => Ok(Some(passphrase)),
        None => Ok(ask(&format!("passphrase of {}: ", path.display()))),
    }
}

/// A new passphrase, typed twice where it is typed; `None` if these differ or nobody is there.
///
/// # Errors
/// As [`of`].
pub fn new() -> Result<Option<Passphrase>, Failure> {
    if let Some(passphrase) = Passphrase::from_environment()? {
        return Ok(Some(passphrase));
    }
    let Some(first) = ask("new passphrase: ") else { return Ok(None) };
    Ok(ask("the same again: ").filter(|second| first.is(second)))
}

fn ask(question: &str) -> Option<Passphrase> {
    // The question goes to the terminal itself, whatever the outputs are.
    if !io::stdin().is_terminal() {
        return None;
    }
    let typed = rpassword::prompt_password(question).ok()?;
    let passphrase = Passphrase::new(typed.as_bytes());
    drop(zeroize::Zeroizing::new(typed));
    Some(passphrase)
}
