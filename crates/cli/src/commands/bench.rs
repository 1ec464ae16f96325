//! `ally bench`: how fast is an alliance, and what does it cost?

use super::dev::Shape;
use crate::bench::{Limits, Load, Measured, Pace, Process, Report, Usage};
use crate::connect::block_on;
use crate::failure::{Exit, Failure};
use crate::local::{Fleet, Place};
use crate::output::Output;
use crate::program::{Stop, interrupted};
use ally::{Client, Options};
use ally_alliance::{Durability, KeyPurpose, ServerConfig};
use clap::Args;
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// Nothing was decided.
const NOTHING: &str = "ALLY-0604";
/// Servers answered for more than their log has.
const CONTRADICTION: &str = "ALLY-0605";

/// Arguments of `ally bench`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Starts an alliance of its own, or loads the one that `ally dev --dir DIR` runs. Measures the limits of \
the machine first: disk, network, cryptography. With --rate the loop is open, and latency counts from \
the time at which a command should have been sent; without, the loop is closed.

Half of the commands are followed to their decision, half to the verified certificate that covers them.

Examples:
  ally bench
  ally bench --rate 5000 --seconds 30
  ally bench --clients 1 --in-flight 1 --scheme bls
  ally bench --dir my-alliance --size 1000 -o json")]
pub struct Bench {
    #[command(flatten)]
    shape: Shape,
    /// Load the alliance that runs here, instead of one of its own
    #[arg(long, value_name = "DIR", conflicts_with_all = ["orgs", "policy", "scheme", "no_fsync"])]
    dir: Option<PathBuf>,
    /// Open loop: so many commands in a second
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How many clients, each with a connection; they take turns in choosing their server
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    clients: u16,
    /// Closed loop: commands that each client has under way
    #[arg(long, value_name = "N", default_value_t = 1024, conflicts_with = "rate",
          value_parser = clap::value_parser!(u64).range(1..=8192))]
    in_flight: u64,
    /// Bytes of a command
    #[arg(long, value_name = "BYTES", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    size: u32,
    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// How long to go on before anything counts
    #[arg(long, value_name = "SECONDS", default_value_t = 2,
          value_parser = clap::value_parser!(u32).range(0..=600))]
    warm_up: u32,
    /// Servers do not wait for the disk: not how to run one, but how to see what the disk costs
    #[arg(long)]
    no_fsync: bool,
}

impl Bench {
    /// Measures and prints.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        block_on(async {
            let mut stop = Stop::new()?;
            let place = Place::new(None, false)?;
            let fleet = stop.or(self.fleet(&place, output)).await;
            let mut fleet = fleet.ok_or_else(interrupted)??;
            let result = stop.or(self.measure(&fleet, output)).await;
            fleet.stop().await;
            let mut report = result.ok_or_else(interrupted)??;
            output.answer(&report.json(), || report.text())
        })
    }

    /// One that runs already, or one of our own.
    async fn fleet(&self, place: &Place, output: &Output) -> Result<Fleet, Failure> {
        if let Some(dir) = &self.dir {
            return Fleet::attach(dir);
        }
        let durability = if self.no_fsync { Durability::None } else { Durability::Fsync };
        let mut fleet = self.shape.found(durability, place.path(), output).await?;
        fleet.start()?;
        fleet.ready().await?;
        Ok(fleet)
    }

    async fn measure(&self, fleet: &Fleet, output: &Output) -> Result<Report, Failure> {
        output.note(format_args!("measuring the limits of this machine"));
        let limits = Limits::measure(fleet)?;
        let load = self.load(fleet)?;
        let seconds = self.warm_up + self.seconds;
        output.note(format_args!("loading the alliance for {seconds} s\n"));
        let before = counts(fleet.client()).await;
        let (start, end) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let take = |into: &RefCell<Vec<Option<Usage>>>| {
            into.replace(pids(fleet).map(|(_, pid)| pid.and_then(Usage::of)).collect());
        };
        let measured = load.run(|| take(&start), || take(&end)).await?;
        let after = counts(fleet.client()).await;
        check(&measured, after.log_size.saturating_sub(before.log_size))?;
        let usages = start.into_inner().into_iter().zip(end.into_inner());
        let processes = pids(fleet).zip(usages).map(|((name, _), (before, after))| Process {
            name,
            before,
            after,
        });
        Ok(Report {
            pace: load.pace,
            clients: load.clients.len(),
            size: load.size,
            measure: load.measure,
            scheme: fleet.alliance().key(KeyPurpose::Certify).scheme().name(),
            durability: durability(fleet)?,
            measured,
            decisions: (
                after.two_step.saturating_sub(before.two_step),
                after.decisions.saturating_sub(before.decisions),
            ),
            processes: processes.collect(),
            limits,
        })
    }

    fn load(&self, fleet: &Fleet) -> Result<Load, Failure> {
        let names: Vec<&str> = fleet.servers().iter().map(|own| own.server()).collect();
        let clients = (0..usize::from(self.clients)).map(|at| {
            let server = names.get(at % names.len().max(1)).copied().unwrap_or_default();
            fleet.client_with(Options::default().first_server(server))
        });
        let pace = match self.rate {
            Some(rate) => Pace::Open { rate: f64::from(rate) },
            None => Pace::Closed { in_flight: self.in_flight },
        };
        Ok(Load {
            clients: clients.collect::<Result<_, _>>()?,
            pace,
            size: self.size as usize,
            warm_up: Duration::from_secs(self.warm_up.into()),
            measure: Duration::from_secs(self.seconds.into()),
        })
    }
}

/// The servers' process ids, and that of the load.
fn pids(fleet: &Fleet) -> impl Iterator<Item = (String, Option<u32>)> {
    let servers = fleet.servers().iter().map(|own| (own.server().to_owned(), own.pid()));
    servers.chain([("this load".to_owned(), Some(std::process::id()))])
}

fn durability(fleet: &Fleet) -> Result<String, Failure> {
    match fleet.servers().first() {
        Some(server) => Ok(ServerConfig::load(&server.config())?.durability().to_string()),
        None => Ok("unknown".to_owned()),
    }
}

/// What servers have counted.
#[derive(Default)]
struct Counts {
    /// Decisions in two steps, summed over all servers.
    two_step: u64,
    /// All decisions, summed over all servers.
    decisions: u64,
    /// Entries in the longest log.
    log_size: u64,
}

async fn counts(client: &Client) -> Counts {
    let answers = client.status(STATUS_TIMEOUT).await;
    let replies = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok());
    replies.fold(Counts::default(), |counts, reply| Counts {
        two_step: counts.two_step + reply.two_step_decisions,
        decisions: counts.decisions + reply.two_step_decisions + reply.three_step_decisions,
        log_size: counts.log_size.max(reply.log_size),
    })
}

/// Whether there is something to report, and the log agrees with it: it has `grown` by so many entries.
fn check(measured: &Measured, grown: u64) -> Result<(), Failure> {
    match &measured.error {
        Some(error) if measured.done == 0 => Err(error.clone().into()),
        _ if measured.done == 0 => {
            let message = "no command was decided while it was measured";
            Err(Failure::new(Exit::Unavailable, NOTHING, message).next("`ally status`"))
        }
        _ if grown < measured.done => {
            let done = measured.done;
            let message = format_args!("{done} commands were answered, the log has {grown} more");
            Err(Failure::new(Exit::Forged, CONTRADICTION, message))
        }
        _ => Ok(()),
    }
}
