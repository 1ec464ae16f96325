//! `server.toml`: what one server needs to know besides the alliance document.
//!
//! ```toml
//! server   = "acme-1"          # its name in the alliance document
//! alliance = "alliance.toml"   # paths count from the directory of this file
//! data     = "data"
//! keys     = "keys"            # signing.key, transport.key, certify.share, kernel.share, quorum.share
//! clients  = ["client:..."]    # who may propose and listen; or "any"
//!
//! [listen]
//! peers   = "0.0.0.0:7400"
//! clients = "0.0.0.0:7401"
//!
//! [addresses]                  # where this server reaches others, if not where the document says
//! globex-1 = "10.0.0.2:7400"
//! ```

use crate::Alliance;
use crate::document::{Address, KeyPurpose};
use crate::fields::{self, Fields};
use crate::keys::ClientPublic;
use crate::mistake::Mistake;
use ally_policy::{SERVERS_MAX, ServerIndex, Source, nearest};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

const KEYS: [&str; 9] =
    ["server", "alliance", "data", "keys", "clients", "listen", "addresses", "durability", "log"];
const CONFIG_BYTES_MAX: usize = 1 << 20;
/// The most client keys that one server lists.
const CLIENTS_MAX: usize = 10_000;

/// The local configuration of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    file: PathBuf,
    server: String,
    alliance: PathBuf,
    data: PathBuf,
    keys: PathBuf,
    listen_peers: Address,
    listen_clients: Address,
    clients: ClientPolicy,
    addresses: Vec<(String, Address)>,
    durability: Durability,
    log: LogLevel,
}

/// Who may propose and listen at a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientPolicy {
    /// Whoever can reach it.
    Any,
    /// Holders of these keys.
    Listed(Vec<ClientPublic>),
}

/// When a record counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Once the disk says so.
    #[default]
    Fsync,
    /// Once it was handed to the system. A server that crashes may forget that it voted: for
    /// measurements only.
    None,
}

/// How much a server says in its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// What stops or endangers it.
    Error,
    /// And what somebody should look at.
    Warn,
    /// And what changes.
    #[default]
    Info,
    /// And what happens.
    Debug,
    /// And everything.
    Trace,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A mistake in the file.
    #[error(transparent)]
    Mistake(#[from] Mistake),
    /// A name that the alliance document does not have.
    #[error("{}: {place} names `{name}`, which is no server of the alliance{hint}", file.display())]
    UnknownServer {
        /// The file.
        file: PathBuf,
        /// Where in it.
        place: &'static str,
        /// The name.
        name: String,
        /// What was probably meant.
        hint: String,
    },
}

impl ServerConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`]: whoever wrote the file is to blame.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = read_bounded(file)
            .map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
        Self::parse(&text, file)
    }

    /// Reads a text as the content of `file`, from whose directory relative paths count.
    ///
    /// # Errors
    /// [`ConfigError::Mistake`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let source = Source::new(&file.display().to_string(), text);
        let table = fields::parse(&source, CONFIG_BYTES_MAX)?;
        let fields = Fields::root(&source, &table, &KEYS)?;
        let directory = file.parent().unwrap_or(Path::new(""));
        let path = |key: &str, default: &str| -> Result<PathBuf, Mistake> {
            Ok(directory.join(fields.optional_text(key)?.unwrap_or(default)))
        };
        let Some(listen) = fields.table("listen", &["peers", "clients"])? else {
            return Err(fields.missing("listen").hint("write a table `[listen]`").into());
        };
        Ok(Self {
            file: file.to_owned(),
            server: fields.text("server")?.to_owned(),
            alliance: path("alliance", "alliance.toml")?,
            data: path("data", "data")?,
            keys: path("keys", "keys")?,
            listen_peers: listen.value("peers")?,
            listen_clients: listen.value("clients")?,
            clients: read_clients(&fields)?,
            addresses: read_addresses(&fields)?,
            durability: fields.optional_value("durability")?.unwrap_or_default(),
            log: fields.optional_value("log")?.unwrap_or_default(),
        })
    }

    /// Which server of the alliance this configuration is for; also checks the names of address
    /// overrides.
    ///
    /// # Errors
    /// [`ConfigError::UnknownServer`].
    pub fn server_in(&self, alliance: &Alliance) -> Result<ServerIndex, ConfigError> {
        for (name, _) in &self.addresses {
            self.find(alliance, name, "[addresses]")?;
        }
        self.find(alliance, &self.server, "`server`")
    }

    /// The server's name.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Where the alliance document is.
    pub fn alliance(&self) -> &Path {
        &self.alliance
    }

    /// The directory of journal, blocks and log.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The directory of the secret keys.
    pub fn keys(&self) -> &Path {
        &self.keys
    }

    /// The file of the signing key.
    pub fn signing_key(&self) -> PathBuf {
        self.keys.join(SIGNING_KEY_FILE)
    }

    /// The file of the transport key.
    pub fn transport_key(&self) -> PathBuf {
        self.keys.join(TRANSPORT_KEY_FILE)
    }

    /// The file of this server's share of a threshold key.
    pub fn share(&self, purpose: KeyPurpose) -> PathBuf {
        self.keys.join(share_file_name(purpose))
    }

    /// Where to listen for other servers.
    pub fn listen_peers(&self) -> &Address {
        &self.listen_peers
    }

    /// Where to listen for applications.
    pub fn listen_clients(&self) -> &Address {
        &self.listen_clients
    }

    /// Who may propose and listen.
    pub fn clients(&self) -> &ClientPolicy {
        &self.clients
    }

    /// Where this server reaches another one, if not where the document says.
    pub fn address_of(&self, server: &str) -> Option<&Address> {
        self.addresses.iter().find(|(name, _)| name == server).map(|(_, address)| address)
    }

    /// When a record counts as durable.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// How much to log.
    pub fn log(&self) -> LogLevel {
        self.log
    }

    fn find(
        &self,
        alliance: &Alliance,
        name: &str,
        place: &'static str,
    ) -> Result<ServerIndex, ConfigError> {
        alliance.server_named(name).ok_or_else(|| {
            let names = alliance.policy().servers().iter().map(String::as_str);
            let hint = match nearest(name, names) {
                Some(known) => format!("; did you mean `{known}`?"),
                None => format!("; there are {}", alliance.policy().servers().join(", ")),
            };
            let (file, name) = (self.file.clone(), name.to_owned());
            ConfigError::UnknownServer { file, place, name, hint }
        })
    }
}

/// The file of a server's signing key inside its key directory.
pub const SIGNING_KEY_FILE: &str = "signing.key";
/// The file of a server's transport key inside its key directory.
pub const TRANSPORT_KEY_FILE: &str = "transport.key";

/// The file of a server's share of a threshold key inside its key directory.
pub fn share_file_name(purpose: KeyPurpose) -> String {
    format!("{purpose}.share")
}

/// The text of a file, or enough of it to see that it is too long.
fn read_bounded(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(CONFIG_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn read_clients(fields: &Fields<'_>) -> Result<ClientPolicy, Mistake> {
    let hint = "write the keys of applications, or `clients = \"any\"` to let in everybody who can \
                reach this server";
    let Some(texts) = fields.texts("clients", CLIENTS_MAX)? else {
        return Err(fields.missing("clients").hint(hint));
    };
    if texts == ["any"] {
        return Ok(ClientPolicy::Any);
    }
    let key = |text: &str| {
        text.parse::<ClientPublic>()
            .map_err(|error| fields.bad("clients", error.to_string()).hint(hint))
    };
    texts.into_iter().map(key).collect::<Result<_, _>>().map(ClientPolicy::Listed)
}

fn read_addresses(fields: &Fields<'_>) -> Result<Vec<(String, Address)>, Mistake> {
    let Some(table) = fields.open_table("addresses")? else { return Ok(Vec::new()) };
    let entries = table.entries()?;
    if entries.len() > SERVERS_MAX {
        return Err(table.bad("addresses", format!("more than {SERVERS_MAX} addresses")));
    }
    let entry = |(name, _): (&str, &str)| {
        let address: Address = table.value(name)?;
        if address.port() == 0 {
            return Err(table.bad(name, "nobody can be reached at port 0"));
        }
        Ok((name.to_owned(), address))
    };
    entries.into_iter().map(entry).collect()
}

/// A text that is none of the words that have a meaning here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` means nothing here; there are {known}")]
pub struct UnknownWord {
    found: String,
    known: &'static str,
}

impl FromStr for Durability {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "fsync" => Ok(Self::Fsync),
            "none" => Ok(Self::None),
            _ => Err(UnknownWord { found: text.to_owned(), known: "`fsync` and `none`" }),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fsync => "fsync",
            Self::None => "none",
        })
    }
}

impl LogLevel {
    /// The word in configurations, which `tracing` knows as well.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl FromStr for LogLevel {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let levels = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];
        let known = "`error`, `warn`, `info`, `debug` and `trace`";
        let level = levels.into_iter().find(|level| level.name() == text);
        level.ok_or_else(|| UnknownWord { found: text.to_owned(), known })
    }
}

#[cfg(test)]
mod tests;
