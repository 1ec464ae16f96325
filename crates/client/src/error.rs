//! What can go wrong, and what to do about it.

use ally_alliance::keys::ClientPublic;
use ally_proto::EntryError;
use std::fmt;
use std::time::Duration;

/// Why a client's wish was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command cannot be an entry of the log. The caller is to blame.
    #[error("{0}")]
    Command(#[from] EntryError),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Randomness(String),
    /// The client's key cannot be used for TLS.
    #[error("the client key cannot be used: {0}")]
    Identity(String),
    /// The alliance has no server of this name.
    #[error("the alliance has no server called `{name}`; it has {}", known.join(", "))]
    UnknownServer {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No server could be reached.
    #[error("no server of the alliance can be reached: {}", Attempts(.0))]
    Unreachable(Vec<Attempt>),
    /// Servers were reached, and they do not admit the client's key; nobody else helps.
    #[error("{} the client key {key}{}", admit(.attempts), others(.attempts))]
    NotAdmitted {
        /// The key, as it is written into `server.toml`.
        key: String,
        /// What each server did.
        attempts: Vec<Attempt>,
    },
    /// Servers were reached, and the proposal was not decided in time. It may still be: propose the
    /// same proposal again.
    #[error("{}", undecided(.waited, .missing))]
    Undecided {
        /// How long the client waited.
        waited: Duration,
        /// Organisations that the reached servers miss.
        missing: Vec<String>,
        /// What each server did.
        attempts: Vec<Attempt>,
    },
    /// Servers were reached, and none answered a read.
    #[error("no server answers: {}", Attempts(.0))]
    Unanswered(Vec<Attempt>),
    /// What was asked for is not in the log, or not any more.
    #[error("{server} does not have it: {reason}")]
    NotFound {
        /// Who said so. Nothing proves that it is true.
        server: String,
        /// What it said.
        reason: String,
    },
    /// A server gave an answer that its own proof contradicts. The organisation that runs it has a
    /// problem: a fault, or worse.
    #[error("{server} gave an answer that does not verify: {fault}")]
    Forged {
        /// Whose answer.
        server: String,
        /// What does not verify.
        fault: String,
    },
}

/// What came of asking one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The server.
    pub server: String,
    /// The organisation that runs it.
    pub organisation: String,
    /// What happened.
    pub outcome: String,
    /// What that means.
    pub cause: Cause,
}

/// Why a server did not help, as far as something else has to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// It does not admit the client's key.
    NotAdmitted,
    /// Whoever answers at its address is not this alliance's server: another key, another alliance.
    WrongAlliance,
    /// Anything else: it is down, too slow, too busy.
    Other,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.server, self.organisation, self.outcome)
    }
}

impl Error {
    /// Nobody could be talked to.
    pub(crate) fn nobody(key: &ClientPublic, attempts: Vec<Attempt>) -> Self {
        match attempts.iter().any(|attempt| attempt.cause == Cause::NotAdmitted) {
            true => Self::NotAdmitted { key: key.to_string(), attempts },
            false => Self::Unreachable(attempts),
        }
    }

    /// The stable code, with an entry in docs/errors.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Command(_) => "ALLY-0201",
            Self::Randomness(_) => "ALLY-0202",
            Self::Identity(_) => "ALLY-0203",
            Self::UnknownServer { .. } => "ALLY-0204",
            Self::Unreachable(_) => "ALLY-0210",
            Self::Undecided { .. } => "ALLY-0211",
            Self::Unanswered(_) => "ALLY-0212",
            Self::NotFound { .. } => "ALLY-0213",
            Self::NotAdmitted { .. } => "ALLY-0214",
            Self::Forged { .. } => "ALLY-0220",
        }
    }

    /// What still works in spite of it.
    pub fn still_works(&self) -> &'static str {
        match self {
            Self::Command(_) | Self::UnknownServer { .. } | Self::NotFound { .. } => "everything",
            Self::Randomness(_)
            | Self::Identity(_)
            | Self::Unreachable(_)
            | Self::NotAdmitted { .. } => "verifying receipts, which needs no server",
            Self::Undecided { .. } => "reading the log, verifying receipts",
            Self::Unanswered(_) => "verifying receipts; perhaps other servers",
            Self::Forged { .. } => "the other servers: every answer is checked",
        }
    }

    /// What to try next.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Command(_) => "split the command, or store it elsewhere and propose its hash",
            Self::Randomness(_) => "check /dev/urandom and the sandbox of this process",
            Self::Identity(_) => "make a new client key",
            Self::UnknownServer { .. } => "name one of these",
            Self::Unreachable(_) => "check the network, and that the servers run (`ally serve`)",
            Self::NotAdmitted { .. } => {
                "have the key added to `clients` in the `server.toml` of a server and the server \
                 started again, or use a key that is listed there (`--client-key`)"
            }
            Self::Undecided { .. } => {
                "`ally status` shows who is missing; the same proposal can be proposed again safely"
            }
            Self::Unanswered(_) => "`ally status`, or a longer timeout",
            Self::NotFound { .. } => "check index or id, or ask another server",
            Self::Forged { .. } => "tell the organisation that runs the server, and its auditors",
        }
    }
}

struct Attempts<'a>(&'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, attempt) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{attempt}")?;
        }
        Ok(())
    }
}

/// `acme and globex do not admit`
fn admit(attempts: &[Attempt]) -> String {
    let refusing = attempts.iter().filter(|attempt| attempt.cause == Cause::NotAdmitted);
    let mut names: Vec<&str> = refusing.map(|attempt| attempt.organisation.as_str()).collect();
    names.dedup();
    match &names[..] {
        [one] => format!("{one} does not admit"),
        [most @ .., last] => format!("{} and {last} do not admit", most.join(", ")),
        [] => "nobody admits".to_owned(),
    }
}

/// What the servers did that said nothing about the key.
fn others(attempts: &[Attempt]) -> String {
    let others = attempts.iter().filter(|attempt| attempt.cause != Cause::NotAdmitted);
    others.map(|attempt| format!("; {attempt}")).collect()
}

fn undecided(waited: &Duration, missing: &[String]) -> String {
    let waited = waited.as_secs_f64();
    match missing {
        [] => format!("no decision within {waited:.1} s"),
        missing => format!(
            "no decision within {waited:.1} s: {} cannot be reached by the others",
            missing.join(", ")
        ),
    }
}
