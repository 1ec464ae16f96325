//! The files that a member of an alliance keeps.

use crate::failure::Failure;
use ally_alliance::keys::{ClientPublic, SigningKey, TransportKey};
use ally_alliance::{
    Address, Alliance, Durability, SIGNING_KEY_FILE, Server, ServerConfig, TRANSPORT_KEY_FILE,
};
use ally_node::store::{Identity, Store};
use rand::CryptoRng;
use std::fs::{self, DirBuilder};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

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
/// joins: a server whose data is gone must not find itself with a new one.
///
/// # Errors
/// [`Failure`] if the configuration does not fit, or there is one already.
pub fn create_data(config: &Path, alliance: &Alliance) -> Result<(), Failure> {
    let config = ServerConfig::load(config)?;
    let server = config.server_in(alliance)?;
    let identity = Identity { alliance: alliance.id(), server, epoch: alliance.epoch() };
    Ok(Store::create(config.data(), &identity)?)
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

/// A socket's address as documents write it.
pub fn address(address: SocketAddr) -> Address {
    address.to_string().parse().expect("a socket's address is host:port")
}
