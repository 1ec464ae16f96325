//! What the errors of the libraries mean to whoever typed the command: codes, places, next steps.

use crate::failure::{Exit, Failure};
use ally_alliance::{ConfigError, DocumentError, KeyFileError, Mistake};
use ally_node::store::StoreError;
use ally_node::{FatalError, StartError, StoredError};
use ally_policy::PolicyError;
use ally_sim::ScenarioError;

/// The alliance document, or a member's introduction, has a mistake.
const BAD_DOCUMENT: &str = "ALLY-0301";
/// A key file cannot be used or written.
const BAD_KEY_FILE: &str = "ALLY-0304";
/// `server.toml` has a mistake.
const BAD_CONFIG: &str = "ALLY-0305";
/// A policy cannot be read or used.
const BAD_POLICY: &str = "ALLY-0101";
/// A policy fails a condition.
const REFUSED_POLICY: &str = "ALLY-0102";
/// A scenario cannot be read or run.
pub const BAD_SCENARIO: &str = "ALLY-0703";
/// The data directory cannot be used.
const BAD_DATA: &str = "ALLY-0501";
/// An address cannot be listened on.
const CANNOT_LISTEN: &str = "ALLY-0502";
/// A server cannot start for another reason.
const CANNOT_START: &str = "ALLY-0503";
/// A server stopped by itself.
const STOPPED: &str = "ALLY-0504";

/// Code and exit for a mistake in a file of some kind.
fn mistake(code: &'static str, mistake: &Mistake) -> Failure {
    let whose = match mistake.whose() {
        "" => String::new(),
        whose => format!("{whose}: "),
    };
    let message = format_args!("{}: {whose}{}", mistake.place(), mistake.problem());
    let failure = Failure::new(Exit::Input, code, message).excerpt(mistake.place().snippet());
    match mistake.suggestion() {
        Some(suggestion) => failure.next(suggestion),
        None => failure,
    }
}

impl From<Mistake> for Failure {
    fn from(error: Mistake) -> Self {
        mistake(BAD_DOCUMENT, &error)
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Mistake(error) => error.into(),
            DocumentError::Policy(error) => error.into(),
            other => Self::new(Exit::Input, BAD_DOCUMENT, other),
        }
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        match &error {
            PolicyError::Input(input) => {
                let message = format!("{}: {}", input.place(), input.problem());
                let failure =
                    Self::new(Exit::Input, BAD_POLICY, message).excerpt(input.place().snippet());
                match input.suggestion() {
                    Some(suggestion) => failure.next(suggestion),
                    None => failure,
                }
            }
            PolicyError::Refused(refusal) => {
                let message = format_args!("{}: the policy is refused", refusal.file());
                let failure = Self::new(Exit::No, REFUSED_POLICY, message);
                let failures = refusal.failures().iter();
                failures
                    .fold(failure, |failure, own| failure.detail("fails", own))
                    .next("`ally policy check` says more and how to repair it")
            }
            other => Self::new(Exit::Input, BAD_POLICY, other),
        }
    }
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Self {
        match error {
            ScenarioError::Policy(error) => error.into(),
            other => Self::new(Exit::Input, BAD_SCENARIO, "not a scenario").excerpt(other),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::Mistake(own) => mistake(BAD_CONFIG, own),
            ConfigError::Read { file, source } => Self::file(file, source),
            other => Self::new(Exit::Input, BAD_CONFIG, other),
        }
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        Self::new(Exit::Input, BAD_KEY_FILE, error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let is_disk = matches!(error, StoreError::Disk { .. });
        let failure = Self::new(Exit::Input, BAD_DATA, error);
        if is_disk {
            failure.next("check the disk, and owner and mode of the directory; nothing was changed")
        } else {
            failure
        }
    }
}

impl From<StoredError> for Failure {
    fn from(error: StoredError) -> Self {
        match error {
            StoredError::Store(error) => error.into(),
            other => Self::new(Exit::Input, BAD_DATA, other).next("check the disk"),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(error) => error.into(),
            StartError::KeyFile(error) => error.into(),
            StartError::Store(error) => error.into(),
            StartError::OtherKey { .. } => Self::new(Exit::Input, BAD_KEY_FILE, error)
                .next("compare `ally alliance show` with the key files in `keys`"),
            StartError::Recover { .. } | StartError::Replica { .. } => {
                Self::new(Exit::Input, BAD_DATA, error).next(
                    "look at the disk; if it cannot be repaired, `ally serve --rejoin` says what \
                     can be done",
                )
            }
            StartError::Listen { .. } => Self::new(Exit::Input, CANNOT_LISTEN, error)
                .next("see what listens there (`ss -ltnp`), or change `[listen]` in server.toml"),
            other => Self::new(Exit::Internal, CANNOT_START, other),
        }
    }
}

impl From<FatalError> for Failure {
    fn from(error: FatalError) -> Self {
        let (exit, next) = match &error {
            // What only a fault of the program can bring about.
            FatalError::Store(
                StoreError::Panicked
                | StoreError::NotContiguous { .. }
                | StoreError::OutOfOrder { .. },
            ) => (Exit::Internal, "report it, with the server's log; nothing is lost"),
            FatalError::Store(_) => (
                Exit::Unavailable,
                "make room on the disk, or repair it, then start the server again; nothing is lost",
            ),
            FatalError::Breach(_) => (
                Exit::Forged,
                "compare this server's log with those of the other members before anything else",
            ),
            _ => (Exit::Internal, "report it, with the server's log"),
        };
        Self::new(exit, STOPPED, format_args!("the server has stopped: {error}")).next(next)
    }
}
