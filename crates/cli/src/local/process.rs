//! One server as a process of its own.

use crate::failure::{Exit, Failure};
use crate::member::{self, CONFIG_FILE};
use crate::program::program;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

/// How long a server may take to stop in good order.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// The end of a log that is shown when its server has crashed.
const LAST_BYTES: u64 = 4096;
const LAST_LINES: usize = 8;
/// Holds the process id.
const PID_FILE: &str = "pid";
/// A server that should run does not.
const CRASHED: &str = "ALLY-0512";

/// A server of a local alliance, running or not. It ends with this process, whatever becomes of that:
/// its standard input is a pipe from here, and it stops when the pipe is closed.
#[derive(Debug)]
pub struct ServerProcess {
    server: String,
    organisation: String,
    home: PathBuf,
    child: Option<Child>,
    /// Kept apart from `child`, which would close it while it is waited for.
    stdin: Option<ChildStdin>,
    /// The process id of a server that somebody else started.
    foreign: Option<u32>,
    launch: Launch,
}

/// How a server is started, where that is not as always.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Another configuration than the one in its directory.
    pub config: Option<PathBuf>,
    /// The subcommand that runs it, with its own arguments, in place of `serve`.
    pub command: Option<Vec<OsString>>,
    /// What its environment has in addition.
    pub environment: Vec<(&'static str, OsString)>,
}

impl ServerProcess {
    /// The server whose directory is `home`; it does not run yet.
    pub fn new(server: &str, organisation: &str, home: PathBuf) -> Self {
        let (server, organisation) = (server.to_owned(), organisation.to_owned());
        let launch = Launch::default();
        Self { server, organisation, home, child: None, stdin: None, foreign: None, launch }
    }

    /// From the next start on it is started like this.
    pub fn launch_as(&mut self, launch: Launch) {
        self.launch = launch;
    }

    /// Its directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Its name.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Who runs it.
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        self.launch.config.clone().unwrap_or_else(|| self.home.join(CONFIG_FILE))
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id).or(self.foreign)
    }

    /// Looks for the process that another `ally` started for this server.
    pub fn attach(&mut self) {
        let text = fs::read_to_string(self.home.join(PID_FILE)).ok();
        let pid: Option<u32> = text.and_then(|text| text.trim().parse().ok());
        // The number may have gone to another process since.
        self.foreign = pid.filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let config = self.config();
            let config = config.as_os_str().as_bytes();
            line.split(|byte| *byte == 0).any(|argument| argument == config)
        });
    }

    /// Starts it, with its log appended to its file.
    ///
    /// # Errors
    /// [`Failure`] if the log cannot be written or the system gives no process.
    pub fn start(&mut self) -> Result<(), Failure> {
        let path = self.log();
        let log = OpenOptions::new().create(true).append(true).open(&path);
        let log = log.map_err(|error| Failure::file(&path, &error))?;
        let program = std::env::current_exe().map_err(Failure::internal)?;
        let command = self.launch.command.clone().unwrap_or_else(|| vec!["serve".into()]);
        let mut child = Command::new(&program)
            .args(command)
            .args(["--exit-with-stdin", "--log-format", "text", "--config"])
            .arg(self.config())
            .envs(self.launch.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            // Ctrl-C is for this process to hear; it then lets the servers stop in good order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::file(&program, &error))?;
        self.stdin = child.stdin.take();
        if let Some(pid) = child.id() {
            member::write(&self.home.join(PID_FILE), format!("{pid}\n").as_bytes())?;
        }
        self.child = Some(child);
        Ok(())
    }

    /// Waits until the process has ended by itself; for ever if it does not run.
    ///
    /// Cancellation-safe.
    pub async fn ended(&mut self) -> ExitStatus {
        let Some(child) = &mut self.child else { return std::future::pending().await };
        match child.wait().await {
            Ok(status) => {
                self.child = None;
                status
            }
            // Whoever else waits for this process id has made a mistake that nothing here can mend.
            Err(_) => std::future::pending().await,
        }
    }

    /// `kill -9`, and waits for the end.
    ///
    /// # Errors
    /// [`Failure`] if the system does not let us.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        match self.child.take() {
            Some(mut child) => child.kill().await.map_err(Failure::internal),
            None => Ok(()),
        }
    }

    /// Lets it stop in good order, and kills it if it does not.
    pub async fn stop(&mut self) {
        self.begin_stop();
        let Some(mut child) = self.child.take() else { return };
        if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            // It may have ended in between.
            _ = child.kill().await;
        }
    }

    /// Closes its standard input, so that it begins to stop while others do too.
    pub fn begin_stop(&mut self) {
        self.stdin = None;
    }

    /// What to tell a person about a server that ended though it should not have.
    pub fn crash(&self, status: ExitStatus) -> Failure {
        let message =
            format_args!("{} of {} has stopped: {status}", self.server, self.organisation);
        let failure = Failure::new(Exit::Unavailable, CRASHED, message)
            .detail("log", self.log().display())
            .next(format_args!(
                "start it again: `{} serve --config {}`",
                program(),
                self.config().display()
            ));
        match self.last_lines() {
            Some(lines) => failure.excerpt(lines),
            None => failure,
        }
    }

    /// The error that it ended with; nothing if its log ends otherwise.
    pub fn last_error(&self) -> Option<String> {
        let text = self.log_end()?;
        // Details and advice are indented below it.
        let last = text.lines().rev().find(|line| !line.starts_with(' '))?;
        last.starts_with("error ").then(|| last.to_owned())
    }

    fn last_lines(&self) -> Option<String> {
        let text = self.log_end()?;
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(LAST_LINES);
        let shown: Vec<String> = lines[first..].iter().map(|line| format!("  | {line}")).collect();
        (!shown.is_empty()).then(|| shown.join("\n"))
    }

    /// The end of its log.
    fn log_end(&self) -> Option<String> {
        let mut file = File::open(self.log()).ok()?;
        let length = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES))).ok()?;
        let mut bytes = Vec::new();
        file.take(LAST_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_counts_as_the_last_only_if_nothing_was_said_after_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let server = ServerProcess::new("acme-1", "acme", dir.path().to_owned());
        assert_eq!(server.last_error(), None, "it has no log");
        let error = "error ALLY-0504: the server has stopped: /d: No space left on device";
        let ended = format!("... INFO serving\n{error}\n  held by: x\n  next: make room\n");
        fs::write(server.log(), &ended).expect("written");
        assert_eq!(server.last_error().as_deref(), Some(error));
        fs::write(server.log(), format!("{ended}... INFO serving\n")).expect("written");
        assert_eq!(server.last_error(), None, "it has run again");
    }
}
