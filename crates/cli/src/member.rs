//! The files that a member of an alliance keeps.

use crate::failure::{Exit, Failure};
use ally_alliance::keys::{ClientPublic, SigningKey, TransportKey};
use ally_alliance::{
    Address, Alliance, Durability, SIGNING_KEY_FILE, Server, ServerConfig, TRANSPORT_KEY_FILE,
};
use ally_node::store::{Identity, Store, StoreError};
use rand::CryptoRng;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What an organisation signs the document with.
pub const ADMIN_KEY_FILE: &str = "admin.key";
/// The alliance document.
pub const ALLIANCE_FILE: &str = "alliance.toml";
/// The alliance's public key.
pub const PUBLIC_KEY_FILE: &str = "alliance.pem";
/// An application's key.
pub const CLIENT_KEY_FILE: &str = "client.key";
/// A server's configuration.
pub const CONFIG_FILE: &str = "server.toml";
/// A server's keys.
pub const KEYS_DIRECTORY: &str = "keys";
/// In a key directory, in front of an alliance's identity: its data directory was made.
const DATA_MADE_FILE: &str = "data-made-";
/// The data directory cannot be used.
const BAD_DATA: &str = "ALLY-0501";
/// What an organisation tells the others of itself.
pub const INTRODUCTION_FILE: &str = "introduction.toml";

/// What a new server's directory is to hold.
pub struct ServerFiles<'a> {
    /// The server's name.
    pub server: &'a str,
    /// Where others reach it, and where it listens for them.
    pub peers: Address,
    /// Where applications reach it, and where it listens for them.
    pub clients: Address,
    /// Whose applications it admits; nobody in particular: everybody.
    pub admitted: Vec<ClientPublic>,
    /// When a record counts as durable.
    pub durability: Durability,
}

impl ServerFiles<'_> {
    /// Makes the directory with fresh keys and a configuration.
    ///
    /// # Errors
    /// [`Failure`] if something is there already, or cannot be written.
    pub fn write(&self, dir: &Path, rng: &mut impl CryptoRng) -> Result<Server, Failure> {
        let keys = dir.join(KEYS_DIRECTORY);
        private_directory(&keys)?;
        let (signing, transport) = (SigningKey::generate(rng), TransportKey::generate(rng));
        signing.write(&keys.join(SIGNING_KEY_FILE), self.server)?;
        transport.write(&keys.join(TRANSPORT_KEY_FILE), self.server)?;
        write(&dir.join(CONFIG_FILE), self.config().as_bytes())?;
        let (peers, clients) = (self.peers.clone(), self.clients.clone());
        Ok(Server::new(self.server, signing.public(), transport.public(), peers, clients))
    }

    fn config(&self) -> String {
        let Self { server, peers, clients, admitted, durability } = self;
        let admitted = match &admitted[..] {
            [] => "\"any\"".to_owned(),
            keys => {
                let keys: Vec<_> = keys.iter().map(|key| format!("\"{key}\"")).collect();
                format!("[{}]", keys.join(", "))
            }
        };
        format!(
            "# What {server} needs to know besides the alliance document.\n\
             server     = \"{server}\"\n\
             alliance   = \"../{ALLIANCE_FILE}\"\n\
             data       = \"data\"\n\
             keys       = \"{KEYS_DIRECTORY}\"\n\
             # Who may propose and listen here: keys of applications, or \"any\".\n\
             clients    = {admitted}\n\
             durability = \"{durability}\"\n\
             log        = \"info\"\n\n\
             [listen]\n\
             peers   = \"{peers}\"\n\
             clients = \"{clients}\"\n"
        )
    }
}

/// Makes the data directory of the server whose configuration this is. Done once, when the server
/// joins: a server whose data is gone must not find itself with a new one. That it was done is noted
/// beside the keys, so that it stays known wherever they are taken.
///
/// # Errors
/// [`Failure`] if the configuration does not fit, there is one already, or there was.
pub fn create_data(config: &Path, alliance: &Alliance) -> Result<(), Failure> {
    let config = ServerConfig::load(config)?;
    let server = config.server_in(alliance)?;
    let note = data_note(&config, alliance);
    // A disk that was lost may have left its mount point behind, empty.
    let is_empty = fs::read_dir(config.data()).map_or(true, |mut entries| entries.next().is_none());
    if note.exists() && is_empty {
        return Err(data_is_gone(&config, &note));
    }
    let identity = Identity { alliance: alliance.id(), server, epoch: alliance.epoch() };
    let made = Store::create(config.data(), &identity);
    // Also if there is one: the note may be missing because this was interrupted.
    if matches!(made, Ok(()) | Err(StoreError::Occupied { .. })) {
        let name = config.server();
        let text = format!(
            "The data directory of {name} was made. No second one is made for these keys: see \
             `ally serve --rejoin`.\n"
        );
        write_durably(&note, text.as_bytes()).map_err(|error| Failure::file(&note, &error))?;
    }
    Ok(made?)
}

/// Where it is noted that a server's data directory was made.
fn data_note(config: &ServerConfig, alliance: &Alliance) -> PathBuf {
    let id = alliance.id().to_string();
    config.signing_key().with_file_name(format!("{DATA_MADE_FILE}{id}"))
}

fn data_is_gone(config: &ServerConfig, note: &Path) -> Failure {
    let message = format_args!(
        "{}: the data directory of {} was made before and is gone: with a new one the server would \
         not know what it has voted for, and could contradict itself",
        config.data().display(),
        config.server()
    );
    Failure::new(Exit::Input, BAD_DATA, message)
        .detail("known from", note.display())
        .detail("still works", "the other members' servers, as long as a quorum of them is up")
        .next("`ally serve --rejoin` says what can be done")
}

/// Writes a file that is there after a power failure.
fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    sync_parent(path)
}

/// Makes the names in the directory around a file or directory durable.
///
/// # Errors
/// The system's.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes a directory, and those above it, that only its owner may enter.
///
/// # Errors
/// [`Failure`] that names it.
pub fn private_directory(dir: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| Failure::file(dir, &error))
}

/// Writes a file.
///
/// # Errors
/// [`Failure`] that names it.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content).map_err(|error| Failure::file(path, &error))
}

/// Writes a file as a whole or not at all, and for good: whoever reads it sees the old content or the
/// new, and a crash afterwards does not undo it.
///
/// # Errors
/// [`Failure`] that names it.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    // Members who share a folder may write the same file at the same time.
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!(".{}.new", std::process::id()));
    let staged = PathBuf::from(staged);
    let replaced = write_durably(&staged, content)
        .and_then(|()| fs::rename(&staged, path))
        .and_then(|()| sync_parent(path));
    replaced.map_err(|error| Failure::file(path, &error))
}

/// A socket's address as documents write it.
pub fn address(address: SocketAddr) -> Address {
    address.to_string().parse().expect("a socket's address is host:port")
}
