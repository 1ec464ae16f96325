//! `ally dev`: a whole alliance on this machine, to play with and to develop against.

use crate::connect::block_on;
use crate::dealer;
use crate::failure::Failure;
use crate::local::{Fleet, Founding, Place, Plan};
use crate::member;
use crate::output::{Output, table};
use crate::program::{Stop, program};
use ally_alliance::Durability;
use ally_threshold::Scheme;
use anstyle::Style;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Arguments of `ally dev`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Every organisation gets a directory with its own keys, data and server.toml; every server is a process \
of its own. Ports are chosen by the system. Ctrl-C stops everything and removes the files, unless \
--dir or --keep is given. Servers never outlive this command, not even if it is killed.

Examples:
  ally dev
  ally dev --orgs 7 --scheme bls
  ally dev --policy examples/policies/four-by-four.toml
  ally dev --dir my-alliance        (again: the same alliance goes on)")]
pub struct Dev {
    #[command(flatten)]
    shape: Shape,
    /// Where to keep everything; an alliance that is there already goes on
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave the files when it ends
    #[arg(long)]
    keep: bool,
}

/// What kind of alliance to found on this machine.
#[derive(Debug, Args)]
pub struct Shape {
    /// How many organisations, of one server each
    #[arg(long, value_name = "N", default_value_t = 4, conflicts_with = "policy")]
    orgs: u16,
    /// Take organisations and servers from this policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Signature scheme of the certificates: rsa2048, rsa3072, rsa4096 or bls
    #[arg(long, value_name = "SCHEME", default_value_t = Scheme::Rsa2048)]
    scheme: Scheme,
}

impl Shape {
    /// Founds the alliance, and says what a person should know about the dealer.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn found(
        &self,
        durability: Durability,
        dir: &Path,
        output: &Output,
    ) -> Result<Fleet, Failure> {
        let plan = match &self.policy {
            Some(file) => Plan::of_policy(file)?,
            None => Plan::of_organisations(self.orgs)?,
        };
        // After what may be wrong with the arguments, and before it is too late.
        output.note(format_args!("{}\n", dealer::BANNER));
        let founding = Founding { plan: &plan, scheme: self.scheme, durability };
        Fleet::found(&founding, dir, output).await
    }

    /// The scheme of its certificates.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

impl Dev {
    /// Runs the alliance until it is told to stop.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        block_on(self.serve(output))
    }

    /// The alliance that is there already, or a new one.
    async fn fleet(&self, place: &Place, output: &Output) -> Result<Fleet, Failure> {
        if Fleet::is_in(place.path())? {
            return Fleet::open(place.path());
        }
        self.shape.found(Durability::Fsync, place.path(), output).await
    }

    async fn serve(&self, output: &Output) -> Result<(), Failure> {
        let mut stop = Stop::new()?;
        let place = Place::new(self.dir.as_deref(), self.keep)?;
        let begun = Instant::now();
        let Some(mut fleet) = stop.or(self.fleet(&place, output)).await.transpose()? else {
            return Ok(());
        };
        fleet.start()?;
        let Some(()) = stop.or(fleet.ready()).await.transpose()? else {
            fleet.stop().await;
            return Ok(());
        };
        output.answer(&describe(&fleet), || self.greeting(&fleet, &place, begun.elapsed()))?;
        loop {
            tokio::select! {
                () = stop.wait() => break,
                (place, status) = fleet.crash() => {
                    // Nobody may be there to read it; the alliance goes on all the same.
                    _ = fleet.servers()[place].crash(status).report(output);
                }
            }
        }
        output.note(format_args!("stopping"));
        fleet.stop().await;
        if place.stays() {
            output.note(format_args!("kept in {}", place.path().display()));
        }
        Ok(())
    }

    fn greeting(&self, fleet: &Fleet, place: &Place, took: Duration) -> String {
        let bold = Style::new().bold();
        let program = program();
        let dir = fleet.dir().display();
        let alliance = fleet.alliance();
        let rows = fleet.servers().iter().zip(alliance.servers()).map(|(process, (_, server))| {
            let pid = process.pid().map_or_else(String::new, |pid| pid.to_string());
            let (peers, clients) = (server.peer_address(), server.client_address());
            let organisation = process.organisation().to_owned();
            [process.server().to_owned(), organisation, clients.to_string(), peers.to_string(), pid]
        });
        let servers = table(["SERVER", "ORGANISATION", "CLIENTS", "PEERS", "PID"], rows);
        let victim = fleet.servers().last();
        let (name, pid) = victim.map_or(("", 0), |own| (own.server(), own.pid().unwrap_or(0)));
        let end = match place.stays() {
            true => "Ctrl-C stops it; the files stay.",
            false => "Ctrl-C stops it and removes the files (--keep leaves them).",
        };
        format!(
            "{bold}{} organisations, {} servers{bold:#}, ready after {:.1} s\n\
             certificates  {}\n\
             fingerprint   {}\n\
             files         {dir}\n\n\
             {servers}\n\n\
             {bold}Try it{bold:#} in another terminal:\n  \
               cd {dir}\n  \
               {program} propose --receipts . 'hello, alliance'\n  \
               {program} verify --receipt 0.receipt --command 'hello, alliance'\n  \
               {program} status\n\n\
             {bold}Break it:{bold:#}\n  \
               kill -9 {pid}        {name} is gone; propose again, then\n  \
               {program} serve --config {}\n\n{end}",
            alliance.organisations().len(),
            fleet.servers().len(),
            took.as_secs_f64(),
            alliance.key(ally_alliance::KeyPurpose::Certify).scheme(),
            alliance.document().fingerprint(),
            victim.map_or_else(String::new, |own| own.config().display().to_string()),
        )
    }
}

fn describe(fleet: &Fleet) -> serde_json::Value {
    let servers = fleet.servers().iter().zip(fleet.alliance().servers());
    let servers = servers.map(|(process, (_, server))| {
        json!({
            "server": process.server(),
            "organisation": process.organisation(),
            "clients": server.client_address().as_str(),
            "peers": server.peer_address().as_str(),
            "pid": process.pid(),
            "config": process.config(),
            "log": process.log(),
        })
    });
    json!({
        "dir": fleet.dir(),
        "alliance": fleet.dir().join(member::ALLIANCE_FILE),
        "client_key": fleet.dir().join(member::CLIENT_KEY_FILE),
        "public_key": fleet.dir().join(member::PUBLIC_KEY_FILE),
        "fingerprint": fleet.alliance().document().fingerprint(),
        "servers": servers.collect::<Vec<_>>(),
    })
}
