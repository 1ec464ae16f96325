//! Flags and steps shared by commands that talk to servers.

use crate::failure::{Exit, Failure};
use crate::files::read_text;
use ally::{Client, Error, Membership, Options};
use ally_alliance::keys::ClientKey;
use ally_alliance::{Alliance, AllianceDocument};
use ally_policy::DOCUMENT_BYTES_MAX;
use clap::Args;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Builder;

/// The alliance document is not signed by everybody.
const NOT_SIGNED: &str = "ALLY-0302";
/// The client key cannot be used.
const BAD_CLIENT_KEY: &str = "ALLY-0303";

/// Which alliance.
#[derive(Debug, Args)]
pub struct Document {
    /// The alliance document
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "ALLY_ALLIANCE",
        default_value = "alliance.toml"
    )]
    alliance: PathBuf,
}

impl Document {
    /// The alliance, checked.
    ///
    /// # Errors
    /// As [`read_alliance`].
    pub fn read(&self) -> Result<Alliance, Failure> {
        read_alliance(&self.alliance)
    }
}

/// Which alliance, as whom, through which server, for how long.
#[derive(Debug, Args)]
pub struct Connect {
    #[command(flatten)]
    alliance: Document,
    /// The client's secret key
    #[arg(long, value_name = "FILE", env = "ALLY_CLIENT_KEY", default_value = "client.key")]
    client_key: PathBuf,
    /// The server to ask first: your organisation's; the others follow if it does not help
    #[arg(short, long, value_name = "NAME", env = "ALLY_SERVER")]
    server: Option<String>,
    /// How long to wait for an answer, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        env = "ALLY_TIMEOUT",
        default_value = "10",
        value_parser = seconds
    )]
    timeout: Duration,
}

impl Connect {
    /// How long to wait for an answer.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Reads the alliance document alone, for what needs no server.
    ///
    /// # Errors
    /// [`Failure`] that names the file, the line or the organisation at fault.
    pub fn alliance(&self) -> Result<Alliance, Failure> {
        self.alliance.read()
    }

    /// Reads document and key, and prepares a client. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Failure`] that names the file, the line or the organisation at fault.
    pub fn client(&self) -> Result<Client, Failure> {
        let alliance = self.alliance.read()?;
        let key = ClientKey::read(&self.client_key).map_err(|error| {
            Failure::new(Exit::Input, BAD_CLIENT_KEY, error).next(
                "`ally key client --out client.key` makes a key; servers may have to admit it",
            )
        })?;
        let mut options = Options::default();
        if let Some(server) = &self.server {
            options = options.first_server(server);
        }
        Ok(Client::new(Membership::of(&alliance), key, options)?)
    }
}

/// Reads an alliance document that every member has signed.
///
/// # Errors
/// [`Failure`] that names the place of a mistake, or who has not signed.
pub fn read_alliance(path: &Path) -> Result<Alliance, Failure> {
    let text = read_text(path, DOCUMENT_BYTES_MAX)?;
    let document = AllianceDocument::parse(&text, &path.display().to_string())?;
    document.verify().map_err(|error| {
        Failure::new(Exit::Input, NOT_SIGNED, format_args!("{}: {error}", path.display()))
            .next("`ally alliance show` lists who has signed")
    })
}

/// Runs the asynchronous part of a command.
///
/// # Errors
/// Those of `command`; [`Failure`] if the system gives no runtime.
pub fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::internal)?.block_on(command)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Command(_)
            | Error::Identity(_)
            | Error::UnknownServer { .. }
            | Error::NotAdmitted { .. } => Exit::Input,
            Error::NotFound { .. } => Exit::No,
            Error::Forged { .. } => Exit::Forged,
            _ => Exit::Unavailable,
        };
        let mut failure = Self::new(exit, error.code(), &error);
        if let Error::Undecided { attempts, .. } = &error {
            for attempt in attempts {
                failure = failure.detail("asked", attempt);
            }
        }
        failure.detail("still works", error.still_works()).next(error.next())
    }
}

/// A time span as it is given on the command line.
///
/// # Errors
/// What is wrong with the text.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    let duration = Duration::try_from_secs_f64(seconds);
    let duration = duration.map_err(|_| "not between 0 and a year".to_owned())?;
    match duration <= Duration::from_secs(365 * 24 * 3600) {
        true => Ok(duration),
        false => Err("not between 0 and a year".to_owned()),
    }
}
