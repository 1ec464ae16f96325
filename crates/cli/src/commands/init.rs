//! `ally init`: a member's servers, from nothing to ready to serve.

use crate::connect::read_alliance;
use crate::dealer;
use crate::failure::{Exit, Failure};
use crate::files::read_text;
use crate::member::{self, ServerFiles};
use crate::output::Output;
use ally_alliance::keys::{AdminKey, ClientKey, ClientPublic};
use ally_alliance::{
    Address, Alliance, Durability, KeyPurpose, Organisation, ServerConfig, read_share, write_share,
};
use ally_policy::DOCUMENT_BYTES_MAX;
use clap::Args;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// The directory belongs to another organisation, or the server exists.
const OTHER_MEMBER: &str = "ALLY-0311";
/// There is no server to join with.
const NO_SERVER: &str = "ALLY-0312";

/// Arguments of `ally init`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples: how organisations get to a running alliance, each on its own machines:

  1. each member      ally init --organisation acme --server acme-1 \\
                        --peers acme.example:7400 --clients acme.example:7401 --dir acme
                      and sends acme/introduction.toml to the others
  2. one of them      ally alliance new --origin example.org/ally --policy policy.toml \\
                        --out founding */introduction.toml
                      and sends alliance.toml to all, and to each the directory of its server in
                      founding/shares, which is secret
  3. each member      ally alliance show alliance.toml
                      ally alliance sign alliance.toml --key acme/admin.key
                      and the signatures are put together: ally alliance sign --merge
  4. each member      ally init --join alliance.toml --shares shares --dir acme
                      ally serve --config acme/acme-1/server.toml

A server's data directory is made once, by --join, and never by `ally serve`: a server whose data is gone \
must not find itself with a new one. More servers of one organisation: step 1 again with the same --dir.")]
pub struct Init {
    /// The organisation's name
    #[arg(long, value_name = "NAME", required_unless_present = "join")]
    organisation: Option<String>,
    /// The server's name, as in the policy
    #[arg(long, value_name = "NAME", required_unless_present = "join")]
    server: Option<String>,
    /// Where other servers reach it
    #[arg(long, value_name = "HOST:PORT", required_unless_present = "join")]
    peers: Option<Address>,
    /// Where applications reach it
    #[arg(long, value_name = "HOST:PORT", required_unless_present = "join")]
    clients: Option<Address>,
    /// An application's public key to admit besides the new one; repeat for more
    #[arg(long, value_name = "KEY")]
    admit: Vec<ClientPublic>,
    /// Where this organisation keeps its files
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Join: the alliance document, signed by every member
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["organisation", "server", "peers", "clients", "admit"])]
    join: Option<PathBuf>,
    /// Join: a directory with a directory of shares for each server
    #[arg(long, value_name = "DIR", requires = "join")]
    shares: Option<PathBuf>,
}

impl Init {
    /// Makes a member's files, or joins with them.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        match (&self.join, &self.organisation, &self.server, &self.peers, &self.clients) {
            (Some(document), ..) => self.join(document, output),
            (None, Some(organisation), Some(server), Some(peers), Some(clients)) => {
                let files = |admitted| ServerFiles {
                    server,
                    peers: peers.clone(),
                    clients: clients.clone(),
                    admitted,
                    durability: Durability::Fsync,
                };
                self.introduce(organisation, server, files, output)
            }
            _ => Err(Failure::internal("the command line lacks what it requires")),
        }
    }

    fn introduce<'a>(
        &self,
        organisation: &str,
        server: &str,
        files: impl FnOnce(Vec<ClientPublic>) -> ServerFiles<'a>,
        output: &Output,
    ) -> Result<(), Failure> {
        member::private_directory(&self.dir)?;
        let mut rng = dealer::rng()?;
        let introduction = self.dir.join(member::INTRODUCTION_FILE);
        let known = self.known(&introduction, organisation, server)?;
        let admin_path = self.dir.join(member::ADMIN_KEY_FILE);
        let admin = kept_or_new(&admin_path, known.is_some(), AdminKey::read, || {
            let key = AdminKey::generate(&mut rng);
            key.write(&admin_path, organisation).map(|()| key)
        })?;
        let client_path = self.dir.join(member::CLIENT_KEY_FILE);
        let client = kept_or_new(&client_path, known.is_some(), ClientKey::read, || {
            let key = ClientKey::generate(&mut rng);
            key.write(&client_path, organisation).map(|()| key)
        })?;
        let mut admitted = vec![client.public()];
        admitted.extend(&self.admit);
        let home = self.dir.join(server);
        let own = files(admitted).write(&home, &mut rng)?;
        let mut servers = known.map_or_else(Vec::new, |known| known.servers().to_vec());
        servers.push(own);
        let member = Organisation::new(organisation, admin.public(), servers);
        // What this writes it also has to be able to read.
        let text = member.render();
        Organisation::parse(&text, &introduction.display().to_string())?;
        member::write(&introduction, text.as_bytes())?;
        let answer = json!({
            "organisation": organisation,
            "server": server,
            "introduction": introduction,
            "config": home.join(member::CONFIG_FILE),
            "admin": admin.public().to_string(),
            "client": client.public().to_string(),
        });
        output.answer(&answer, || {
            let dir = self.dir.display();
            format!(
                "{organisation} has a server {server}\n  \
                 {}      send it to the other members; nothing in it is secret\n  \
                 {dir}/admin.key              signs the alliance document: keep it in a safe\n  \
                 {dir}/client.key             for your applications\n  \
                 {dir}/{server}/server.toml   listen addresses, who is admitted\n\n\
                 next: one member runs `ally alliance new` with everybody's introduction",
                introduction.display()
            )
        })
    }

    /// What an earlier `ally init` in this directory has written.
    fn known(
        &self,
        introduction: &Path,
        organisation: &str,
        server: &str,
    ) -> Result<Option<Organisation>, Failure> {
        if !introduction.exists() {
            return Ok(None);
        }
        let text = read_text(introduction, DOCUMENT_BYTES_MAX)?;
        let known = Organisation::parse(&text, &introduction.display().to_string())?;
        let refuse = |message: String, next: &str| {
            Err(Failure::new(Exit::Input, OTHER_MEMBER, message).next(next))
        };
        if known.name() != organisation {
            let message = format!("{} is the directory of {}", self.dir.display(), known.name());
            return refuse(message, "choose another --dir");
        }
        if known.servers().iter().any(|own| own.name() == server) {
            let message = format!("{organisation} has a server {server} already");
            return refuse(message, "choose another --server, or another --dir to start afresh");
        }
        Ok(Some(known))
    }

    fn join(&self, document: &Path, output: &Output) -> Result<(), Failure> {
        let alliance = read_alliance(document)?;
        let mut joined = Vec::new();
        for (index, server) in alliance.servers() {
            let config = self.dir.join(server.name()).join(member::CONFIG_FILE);
            if config.exists() {
                joined.push((index, server.name().to_owned(), config));
            }
        }
        if joined.is_empty() {
            let names = alliance.policy().servers().join(", ");
            let message = format_args!("{} has no server of this alliance", self.dir.display());
            return Err(Failure::new(Exit::Input, NO_SERVER, message)
                .detail("its servers", names)
                .next("name the directory that `ally init --dir` made"));
        }
        let own = self.dir.join(member::ALLIANCE_FILE);
        member::write(&own, alliance.document().render().as_bytes())?;
        let pem = alliance.key(KeyPurpose::Certify).to_pem();
        member::write(&self.dir.join(member::PUBLIC_KEY_FILE), pem.as_bytes())?;
        for (index, name, config) in &joined {
            self.take_shares(&alliance, *index, name, config)?;
            member::create_data(config, &alliance)?;
        }
        let configs: Vec<_> = joined.iter().map(|(.., config)| config).collect();
        let fingerprint = alliance.document().fingerprint();
        let answer = json!({ "fingerprint": fingerprint, "configs": configs });
        output.answer(&answer, || {
            let serve = configs
                .iter()
                .map(|config| format!("\n  ally serve --config {}", config.display()));
            let serve: String = serve.collect();
            format!("joined {}\nfingerprint {fingerprint}\nnext:{serve}", alliance.name())
        })
    }

    /// Brings a server's shares to its other keys, checked against the document.
    fn take_shares(
        &self,
        alliance: &Alliance,
        index: ally_policy::ServerIndex,
        name: &str,
        config: &Path,
    ) -> Result<(), Failure> {
        let config = ServerConfig::load(config)?;
        for purpose in KeyPurpose::ALL {
            let public = alliance.key(purpose);
            if !public.formula().servers().contains(index) {
                // The formula does without this server.
                continue;
            }
            let target = config.share(purpose);
            if let (Some(shares), false) = (&self.shares, target.exists()) {
                let source = shares.join(name).join(ally_alliance::share_file_name(purpose));
                let share = read_share(&source, purpose, index, public)?;
                write_share(&target, purpose, name, &share)?;
            }
            // Also where it was brought by hand.
            read_share(&target, purpose, index, public)?;
        }
        Ok(())
    }
}

/// The key of an organisation that has one, or a new one.
fn kept_or_new<K>(
    path: &Path,
    kept: bool,
    read: impl FnOnce(&Path) -> Result<K, ally_alliance::KeyFileError>,
    make: impl FnOnce() -> Result<K, ally_alliance::KeyFileError>,
) -> Result<K, Failure> {
    Ok(if kept && fs::exists(path).unwrap_or(true) { read(path)? } else { make()? })
}
