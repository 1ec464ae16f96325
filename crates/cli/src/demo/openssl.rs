//! What stock `openssl` says to a certificate.

use crate::failure::Failure;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// How long openssl may take. It is a matter of milliseconds.
const OPENSSL_TIMEOUT: Duration = Duration::from_secs(10);

/// What openssl says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `Verified OK`.
    Verified,
    /// Anything else.
    Refused,
    /// There is no openssl here.
    NotInstalled,
}

/// Runs `openssl dgst -sha256 -verify KEY -signature SIGNATURE STATEMENT`.
///
/// # Errors
/// [`Failure`] if the program is there and cannot be run.
pub async fn openssl_verifies(
    key: &Path,
    signature: &Path,
    statement: &Path,
) -> Result<Verdict, Failure> {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", "-verify"]).arg(key).arg("-signature").arg(signature);
    command.arg(statement).stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(OPENSSL_TIMEOUT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Verdict::NotInstalled);
        }
        Ok(Err(error)) => return Err(Failure::file(Path::new("openssl"), &error)),
        Err(_) => return Err(Failure::internal("openssl does not end")),
    };
    let verified = output.status.success() && output.stdout.starts_with(b"Verified OK");
    Ok(if verified { Verdict::Verified } else { Verdict::Refused })
}
