//! Running `ally`, and an alliance of `ally dev`.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take on a machine that does other things too.
pub const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Held by a test that runs servers.
pub fn alone() -> MutexGuard<'static, ()> {
    // A test that failed has said so itself.
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `ally`, without anything from the environment of whoever runs the tests.
pub fn ally(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ally"));
    for name in ["ALLIANCE", "CLIENT_KEY", "SERVER", "TIMEOUT", "OUTPUT", "LOG", "CONFIG"] {
        command.env_remove(format!("ALLY_{name}"));
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// What a finished `ally` has said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().expect("not killed");
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Its answer.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).expect("an answer in JSON")
    }

    /// Its error, which has this code and exit code.
    #[track_caller]
    pub fn fails(&self, exit: i32, code: &str) -> &str {
        assert_eq!(self.code, exit, "{}\n{}", self.out, self.err);
        assert!(self.err.contains(code), "{code} expected: {}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        &self.err
    }
}

/// Runs `ally` in a directory to its end.
pub fn run(dir: &Path, args: &[&str]) -> Said {
    Said::of(ally(args).current_dir(dir).output().expect("ally runs"))
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(POLL);
    }
}

/// `kill -SIGNAL PID`
pub fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    assert!(status.expect("kill runs").success(), "kill -{name} {pid}");
}

/// Whether a process runs; a zombie does not.
pub fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z"))
}

/// An alliance that `ally dev` runs. Its servers end with it, and its files.
pub struct Dev {
    dir: TempDir,
    process: Child,
    pub info: Value,
}

impl Dev {
    /// Four organisations with BLS keys.
    pub fn start() -> Self {
        Self::start_in(TempDir::new().expect("a directory"))
    }

    /// Goes on with what is in the directory, or founds a new alliance there.
    pub fn start_in(dir: TempDir) -> Self {
        let path = dir.path().to_str().expect("UTF-8");
        let mut command = ally(&["dev", "--scheme", "bls", "-o", "json", "--dir", path]);
        let log = std::fs::File::create(dir.path().join("dev.log")).expect("a log");
        let mut process =
            command.stdout(Stdio::piped()).stderr(log).spawn().expect("ally dev runs");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("ally dev speaks");
        let said = || std::fs::read_to_string(dir.path().join("dev.log")).unwrap_or_default();
        let info = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", said()));
        Self { dir, process, info }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs `ally` in the alliance's directory, where document and client key are found.
    pub fn run(&self, args: &[&str]) -> Said {
        run(self.path(), args)
    }

    fn server(&self, name: &str) -> &Value {
        let servers = self.info["servers"].as_array().expect("servers");
        servers.iter().find(|own| own["server"] == name).expect("a server of this name")
    }

    pub fn pid(&self, name: &str) -> u32 {
        self.server(name)["pid"].as_u64().expect("a process id") as u32
    }

    pub fn pids(&self) -> Vec<u32> {
        let servers = self.info["servers"].as_array().expect("servers");
        servers.iter().map(|own| own["pid"].as_u64().expect("a process id") as u32).collect()
    }

    pub fn config(&self, name: &str) -> PathBuf {
        self.server(name)["config"].as_str().expect("a path").into()
    }

    /// Proposes a command and returns its index.
    #[track_caller]
    pub fn propose(&self, command: &str) -> u64 {
        let said = self.run(&["propose", "-o", "json", "--timeout", "30", command]);
        said.json()["index"].as_u64().expect("an index")
    }

    /// What a server says of itself; nothing if it does not answer.
    pub fn status_of(&self, name: &str) -> Option<Value> {
        let said = self.run(&["status", "-o", "json", "--timeout", "2"]);
        let answer: Value = serde_json::from_str(&said.out).ok()?;
        let servers = answer["servers"].as_array()?;
        servers.iter().find(|own| own["server"] == name && own["reachable"] == true).cloned()
    }

    /// Stops the alliance in good order; returns its directory.
    pub fn stop(mut self) -> TempDir {
        signal("TERM", self.process.id());
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "ally dev ends with {status}");
        for pid in self.pids() {
            assert!(!runs(pid), "{pid} has outlived ally dev");
        }
        std::mem::replace(&mut self.dir, TempDir::new().expect("a directory"))
    }

    /// `kill -9` for `ally dev` itself.
    pub fn kill(&mut self) {
        self.process.kill().expect("it is killed");
        self.process.wait().expect("it ends");
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Also after a failure, and when it is gone already. Its servers go with it.
        _ = self.process.kill();
        _ = self.process.wait();
        for pid in self.pids().into_iter().filter(|pid| runs(*pid)) {
            // One that was stopped does not see that its parent is gone.
            _ = Command::new("kill").args(["-CONT", &pid.to_string()]).status();
        }
    }
}

/// A server that a test started itself.
pub struct Server(pub Child);

impl Server {
    pub fn start(config: &Path) -> Self {
        Self::start_as(config, |command| _ = command.stderr(Stdio::null()))
    }

    /// With another environment, or its log elsewhere.
    pub fn start_as(config: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let config = config.to_str().expect("UTF-8");
        let mut command = ally(&["serve", "--config", config]);
        change(&mut command);
        Self(command.spawn().expect("ally serve runs"))
    }

    /// SIGTERM; returns the exit code.
    pub fn stop(mut self) -> i32 {
        signal("TERM", self.0.id());
        self.0.wait().expect("it ends").code().expect("not killed")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
