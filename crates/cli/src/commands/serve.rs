//! `ally serve`: one consensus server.

use crate::connect::read_alliance;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use ally_alliance::{Alliance, ServerConfig};
use ally_node::Node;
use clap::{Args, ValueEnum};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

/// How long connections may take to end once the server has stopped.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// The level in `ALLY_LOG` means nothing.
const BAD_LEVEL: &str = "ALLY-0505";

const REJOIN: &str = "\
A server that lost its journal must not vote again with the same keys: it may have voted for \
something that it no longer knows of, and a second, different vote would be a fault that the others \
can prove. There is no switch that makes this safe. What can be done:

  1. The disk can be read again: put the data directory back as it was on that very disk and start \
the server. An older backup is not enough.
  2. It cannot: leave the server switched off. The alliance goes on as long as `ally status` at \
another member does not say that decisions have stopped. Applications go on at the servers of \
other members that admit their keys (`clients` in server.toml).
  3. The server is needed, with new keys or replaced by another one: a running alliance cannot change \
its members or keys yet, so the members found a new alliance. Each runs `ally init` in a new \
directory, one of them `ally alliance new` with the new introductions, each `ally alliance sign` and \
`ally init --join`. Have the old alliance order the fingerprint of the new document (`ally propose`), \
so that its log says where it goes on; then stop the old servers. The new log begins empty.

Receipts of the old alliance stay valid: verifying needs no server.";

/// Arguments of `ally serve`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Runs until SIGTERM or SIGINT, then stops in good order: it gives up leading, and writes and sends what \
waits. It may also be killed at any time; nothing that was decided is lost.

The log goes to standard error, as JSON where that is no terminal. ALLY_LOG sets its level and filter \
(`debug`, `info,ally_node::net=trace`), before `log` in server.toml.

Exit codes: 0 it was told to stop; 2 configuration, keys or data directory cannot be used; 3 the disk \
failed; 4 other servers misbehave more than the policy tolerates; 70 a fault of the program.

Examples:
  ally serve --config acme-1/server.toml
  ALLY_LOG=debug ally serve --config acme-1/server.toml --log-format text
  ally serve --config acme-1/server.toml --check")]
pub struct Serve {
    /// The server's configuration
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "ALLY_CONFIG",
        default_value = "server.toml",
        required_unless_present = "rejoin"
    )]
    config: PathBuf,
    /// How to write the log
    #[arg(long, value_enum, value_name = "FORMAT", env = "ALLY_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// Read configuration and document, say who this server is, and end
    #[arg(long)]
    check: bool,
    /// Say what to do about a server that lost its data, and end
    #[arg(long)]
    rejoin: bool,
    /// End when standard input ends: with whoever started this server
    #[arg(long, hide = true)]
    exit_with_stdin: bool,
}

/// How to write the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

impl Serve {
    /// Serves until told to stop.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        self.run_as(output, async |config, alliance| Ok(Node::start(config, alliance).await?))
    }

    /// As [`Serve::run`], with a server that somebody else starts.
    ///
    /// # Errors
    /// Those of `start`, and [`Failure`] as any server's.
    pub fn run_as(
        self,
        output: &Output,
        start: impl AsyncFnOnce(&ServerConfig, &Alliance) -> Result<Node, Failure>,
    ) -> Result<(), Failure> {
        if self.rejoin {
            return output.line(REJOIN);
        }
        let config = ServerConfig::load(&self.config)?;
        let alliance = read_alliance(config.alliance())?;
        if self.check {
            config.server_in(&alliance)?;
            let answer = serde_json::json!({
                "server": config.server(),
                "alliance": alliance.name(),
                "fingerprint": alliance.document().fingerprint(),
            });
            return output.answer(&answer, || {
                let fingerprint = alliance.document().fingerprint();
                format!("{} of {} ({fingerprint})", config.server(), alliance.name())
            });
        }
        keep_secrets_in_memory()?;
        self.start_log(&config)?;
        let runtime = Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::internal)?;
        let result = runtime.block_on(async {
            let stop = self.stop_signal()?;
            let mut node = start(&config, &alliance).await?;
            tokio::select! {
                ended = node.ended() => Ok(ended?),
                reason = stop => {
                    tracing::info!(%reason, "stopping");
                    node.stop().await?;
                    tracing::info!("stopped");
                    Ok(())
                }
            }
        });
        runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
        result
    }

    /// Writes the log to standard error: a server's standard output has no answers in it.
    fn start_log(&self, config: &ServerConfig) -> Result<(), Failure> {
        let filter = match std::env::var("ALLY_LOG") {
            Ok(filter) => EnvFilter::try_new(&filter).map_err(|error| {
                Failure::new(Exit::Input, BAD_LEVEL, format_args!("ALLY_LOG={filter}: {error}"))
                    .next("use error, warn, info, debug or trace")
            })?,
            // Of others' code only what somebody should look at.
            Err(_) => EnvFilter::new(format!("warn,ally={}", config.log().name())),
        };
        let terminal = io::stderr().is_terminal();
        let json = match self.log_format {
            Some(format) => format == LogFormat::Json,
            None => !terminal,
        };
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        let log = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter);
        if json {
            log.json().flatten_event(true).init()
        } else {
            log.with_ansi(colour).init()
        }
        Ok(())
    }

    /// Completes when the server should stop, and says why.
    fn stop_signal(&self) -> Result<impl Future<Output = &'static str> + use<>, Failure> {
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::internal)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::internal)?;
        let parent = self.exit_with_stdin.then(stdin_ended).transpose()?;
        Ok(async move {
            let parent = async {
                match parent {
                    // A watcher that is gone has seen the end.
                    Some(parent) => _ = parent.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                () = parent => "standard input ended",
            }
        })
    }
}

/// Completes when standard input ends. A thread waits, because reading standard input cannot be
/// cancelled and would hold up the runtime's end.
fn stdin_ended() -> Result<oneshot::Receiver<()>, Failure> {
    let (ended, receiver) = oneshot::channel();
    let wait = move || {
        let mut buffer = [0; 64];
        while matches!(io::stdin().lock().read(&mut buffer), Ok(1..)) {}
        // Nobody listens any more if the server stops for another reason.
        _ = ended.send(());
    };
    std::thread::Builder::new().name("ally-stdin".into()).spawn(wait).map_err(Failure::internal)?;
    Ok(receiver)
}

/// This process holds keys: it leaves no image of itself on a disk when it crashes, and no other process
/// of the same user reads its memory.
fn keep_secrets_in_memory() -> Result<(), Failure> {
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, nothing)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .map_err(|error| {
            Failure::internal(format_args!("core dumps cannot be turned off: {error}"))
        })
}
