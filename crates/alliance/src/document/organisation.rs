//! Organisations and their servers.

use crate::fields::{self, Fields};
use crate::keys::{AdminPublic, SigningPublic, TransportPublic};
use crate::mistake::Mistake;
use ally_codec::{Encode, Writer};
use ally_policy::{DOCUMENT_BYTES_MAX, Member, SERVERS_MAX, Source};
use std::fmt::Write;

const NAME_BYTES_MAX: usize = 64;
const ADDRESS_BYTES_MAX: usize = 255 + 1 + 5;

const ORGANISATION_KEYS: [&str; 3] = ["name", "admin", "server"];
const SERVER_KEYS: [&str; 5] = ["name", "signing", "transport", "peer_address", "client_address"];

/// A member of the alliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    pub(super) name: String,
    pub(super) admin: AdminPublic,
    pub(super) servers: Vec<Server>,
}

/// A consensus server of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    name: String,
    signing: SigningPublic,
    transport: TransportPublic,
    peer_address: Address,
    client_address: Address,
}

/// Where a server can be reached: `host:port`, with a name, an IPv4 address, or an IPv6 address in
/// brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no address: write `host:port`, for instance `ally.example.org:7400` or `[::1]:7400`"
)]
pub struct AddressError(String);

impl Organisation {
    /// An organisation with its servers, which take their turns in this order.
    pub fn new(name: impl Into<String>, admin: AdminPublic, servers: Vec<Server>) -> Self {
        Self { name: name.into(), admin, servers }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that signs the document in its name.
    pub fn admin(&self) -> &AdminPublic {
        &self.admin
    }

    /// Its servers.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// Reads a file with one organisation in it, as a member sends it to the others: the keys of
    /// `[[organisation]]` at the top, and its `[[server]]`s.
    ///
    /// # Errors
    /// [`Mistake`]: the writer's, with its place and a suggestion.
    pub fn parse(text: &str, file: &str) -> Result<Self, Mistake> {
        let source = Source::new(file, text);
        let table = fields::parse(&source, DOCUMENT_BYTES_MAX)?;
        Self::read(&Fields::root(&source, &table, &ORGANISATION_KEYS)?)
    }

    /// The file that [`Organisation::parse`] reads.
    pub fn render(&self) -> String {
        let mut text = format!(
            "# {}: what the other members need to know. Nothing in here is secret.\n",
            self.name
        );
        self.write(&mut text, "server");
        text
    }

    pub(super) fn read_all(document: &Fields<'_>) -> Result<Vec<Self>, Mistake> {
        let tables = document.tables("organisation", &ORGANISATION_KEYS, SERVERS_MAX)?;
        if tables.is_empty() {
            return Err(document
                .missing("organisation")
                .hint("an alliance has a table `[[organisation]]` for each member"));
        }
        let organisations: Vec<Self> = tables.iter().map(Self::read).collect::<Result<_, _>>()?;
        match Clash::find(&organisations) {
            Some(clash) => Err(clash.at(&organisations, &tables)?),
            None => Ok(organisations),
        }
    }

    /// What no document may have, whoever wrote it: the key and what is wrong with its value.
    pub(super) fn fault(organisations: &[Self]) -> Option<(&'static str, String)> {
        let servers = || organisations.iter().flat_map(|member| &member.servers);
        let name = |server: &Server, (key, reason)| (key, format!("{}: {reason}", server.name));
        let fault = servers().find_map(|server| Some(name(server, server.fault()?)));
        fault.or_else(|| {
            Clash::find(organisations).map(|clash| (clash.key, clash.describe(organisations)))
        })
    }

    fn read(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let name = name(fields)?;
        let fields = fields.clone().of(format!("organisation \"{name}\""));
        let admin = fields.value("admin")?;
        let tables = fields.tables("server", &SERVER_KEYS, SERVERS_MAX)?;
        if tables.is_empty() {
            return Err(fields.missing("server").hint("an organisation has a server at least"));
        }
        let server = |table: &Fields<'_>| Server::read(table, name);
        let servers = tables.iter().map(server).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), admin, servers })
    }

    pub(super) fn write(&self, text: &mut String, server_table: &str) {
        let _ = writeln!(text, "name = {}\nadmin = \"{}\"", quoted(&self.name), self.admin);
        for server in &self.servers {
            let _ = writeln!(text, "\n[[{server_table}]]");
            server.write(text);
        }
    }

    pub(super) fn member(&self) -> Member {
        Member::new(&self.name, self.servers.iter().map(|server| server.name.clone()))
    }
}

impl Server {
    /// A server with its public keys and addresses.
    pub fn new(
        name: impl Into<String>,
        signing: SigningPublic,
        transport: TransportPublic,
        peer_address: Address,
        client_address: Address,
    ) -> Self {
        Self { name: name.into(), signing, transport, peer_address, client_address }
    }

    /// Its name, as in the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that checks what it says in the protocol.
    pub fn signing(&self) -> &SigningPublic {
        &self.signing
    }

    /// The key that it proves to hold on TLS connections.
    pub fn transport(&self) -> &TransportPublic {
        &self.transport
    }

    /// Where other servers reach it.
    pub fn peer_address(&self) -> &Address {
        &self.peer_address
    }

    /// Where applications reach it.
    pub fn client_address(&self) -> &Address {
        &self.client_address
    }

    fn read(fields: &Fields<'_>, organisation: &str) -> Result<Self, Mistake> {
        let name = name(fields)?;
        let fields =
            fields.clone().of(format!("server \"{name}\" of organisation \"{organisation}\""));
        let server = Self {
            name: name.to_owned(),
            signing: fields.value("signing")?,
            transport: fields.value("transport")?,
            peer_address: fields.value("peer_address")?,
            client_address: fields.value("client_address")?,
        };
        match server.fault() {
            Some((key, reason)) => Err(fields.bad(key, reason)),
            None => Ok(server),
        }
    }

    /// The key and what is wrong with its value. Others connect to these addresses, so that a port
    /// for the system to choose makes no sense.
    fn fault(&self) -> Option<(&'static str, String)> {
        let addresses =
            [("peer_address", &self.peer_address), ("client_address", &self.client_address)];
        let (key, address) = addresses.into_iter().find(|(_, address)| address.port() == 0)?;
        Some((key, format!("`{address}` has port 0, where nobody can be reached")))
    }

    fn write(&self, text: &mut String) {
        let Self { name, signing, transport, peer_address, client_address } = self;
        let _ = writeln!(
            text,
            "name = {}\nsigning = \"{signing}\"\ntransport = \"{transport}\"\n\
             peer_address = {}\nclient_address = {}",
            quoted(name),
            quoted(&peer_address.0),
            quoted(&client_address.0),
        );
    }
}

impl Address {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The port; 0 to listen on one that the system chooses.
    pub fn port(&self) -> u16 {
        // Checked when the text became an address.
        self.0.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = || AddressError(text.chars().take(80).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(fail)?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let inner = host.trim_start_matches('[').trim_end_matches(']');
        let host_fits = if bracketed {
            inner.parse::<std::net::Ipv6Addr>().is_ok()
        } else {
            !host.is_empty() && host.chars().all(plain)
        };
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !host_fits || !digits || port.parse::<u16>().is_err() || text.len() > ADDRESS_BYTES_MAX {
            return Err(fail());
        }
        Ok(Self(text.to_owned()))
    }
}

impl Encode for Organisation {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.name.as_bytes()).raw(self.admin.as_bytes()).list(&self.servers);
    }
}

impl Encode for Server {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.name.as_bytes());
        writer.raw(self.signing.as_bytes()).raw(self.transport.as_bytes());
        writer.bytes(self.peer_address.0.as_bytes()).bytes(self.client_address.0.as_bytes());
    }
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn name<'a>(fields: &Fields<'a>) -> Result<&'a str, Mistake> {
    let name = fields.text("name")?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(fields.bad("name", format!("a name has 1 to {NAME_BYTES_MAX} bytes")));
    }
    // Which characters a name may have is for the formula language to say.
    Ok(name)
}

/// Two members, or two servers, with one name or one key cannot be told apart; and a key used for two
/// purposes is a key too few.
struct Clash {
    /// In whose entry: the organisation's place, and the server's in it.
    organisation: usize,
    server: Option<usize>,
    /// The key of the entry.
    key: &'static str,
    /// What both have.
    what: &'static str,
    /// Who has it as well.
    other: String,
}

impl Clash {
    fn find(organisations: &[Organisation]) -> Option<Self> {
        let mut seen: Vec<(&[u8; 32], String)> = Vec::new();
        let mut own = |key, owner: String| {
            let other =
                seen.iter().find(|(other, _)| *other == key).map(|(_, owner)| owner.clone());
            seen.push((key, owner));
            other
        };
        for (place, member) in organisations.iter().enumerate() {
            let clash = |server, key, what, other| {
                Some(Self { organisation: place, server, key, what, other })
            };
            let whose = format!("organisation \"{}\"", member.name);
            if organisations[..place].iter().any(|other| other.name == member.name) {
                return clash(None, "name", "the name", "another organisation".to_owned());
            }
            if let Some(other) = own(member.admin.as_bytes(), format!("{whose}, `admin`")) {
                return clash(None, "admin", "the admin key", other);
            }
            for (inner, server) in member.servers.iter().enumerate() {
                let of = |key: &str| format!("server \"{}\" of {whose}, `{key}`", server.name);
                if let Some(other) = own(server.signing.as_bytes(), of("signing")) {
                    return clash(Some(inner), "signing", "the signing key", other);
                }
                if let Some(other) = own(server.transport.as_bytes(), of("transport")) {
                    return clash(Some(inner), "transport", "the transport key", other);
                }
            }
        }
        None
    }

    /// In whose entry it is.
    fn whose(&self, organisations: &[Organisation]) -> String {
        let member = &organisations[self.organisation];
        let whose = format!("organisation \"{}\"", member.name);
        match self.server {
            Some(inner) => format!("server \"{}\" of {whose}", member.servers[inner].name),
            None => whose,
        }
    }

    fn describe(&self, organisations: &[Organisation]) -> String {
        let Self { what, other, .. } = self;
        format!("{what} of {} is also that of {other}", self.whose(organisations))
    }

    /// As a mistake in the tables that the organisations were read from.
    fn at(self, organisations: &[Organisation], tables: &[Fields<'_>]) -> Result<Mistake, Mistake> {
        let mut fields = tables[self.organisation].clone();
        if let Some(inner) = self.server {
            fields = fields.tables("server", &SERVER_KEYS, SERVERS_MAX)?.swap_remove(inner);
        }
        let fields = fields.of(self.whose(organisations));
        Ok(fields.duplicate(self.key, self.what, self.other))
    }
}
