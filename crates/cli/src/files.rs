//! Input from files and standard input, bounded.

use crate::failure::{Exit, Failure};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Longer than anything of the kind.
const TOO_LONG: &str = "ALLY-0002";
/// Not UTF-8.
const NOT_TEXT: &str = "ALLY-0003";

/// Reads a file, or standard input for `-`, of at most `limit` bytes.
///
/// # Errors
/// [`Failure`] that names the file.
pub fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // One byte more tells a file at the limit from a longer one.
    let most = limit as u64 + 1;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::file(path, &error))?;
    if bytes.len() > limit {
        let message = format_args!("{}: longer than {limit} bytes", path.display());
        return Err(Failure::new(Exit::Input, TOO_LONG, message).next("is this the right file?"));
    }
    Ok(bytes)
}

/// Reads a text file, or standard input for `-`, of at most `limit` bytes.
///
/// # Errors
/// [`Failure`] that names the file.
pub fn read_text(path: &Path, limit: usize) -> Result<String, Failure> {
    String::from_utf8(read_bounded(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format_args!("{}: not a text: byte {at} is not UTF-8", path.display());
        Failure::new(Exit::Input, NOT_TEXT, message).next("is this the right file?")
    })
}
