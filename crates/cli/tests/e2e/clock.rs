//! Servers whose clocks were set back while they were down.
//!
//! libfaketime shows them another wall clock than the machine has; `scripts/test.sh` installs it.

use crate::founding::{NAMES, config, founded};
use crate::support::{Server, alone, run, wait_until};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How far clocks are set back: far beyond all tolerances.
const BACK: &str = "-5h";
const BACK_US: u64 = 5 * 3_600_000_000;
/// What a server says then.
const WARNING: &str = "the clock of this machine is behind the time of the log";

/// The library, where Debian and its relatives keep it; nothing if it is not installed.
fn faketime() -> Option<PathBuf> {
    let libraries = fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let library = |dir: PathBuf| dir.join("faketime/libfaketimeMT.so.1");
    libraries.map(library).find(|path| path.exists())
}

/// Four servers by hand, whose clocks can be changed between one run and the next.
struct Bed {
    dir: TempDir,
    library: PathBuf,
    servers: Vec<Option<Server>>,
}

impl Bed {
    fn new(library: PathBuf) -> Self {
        Self { dir: founded(), library, servers: NAMES.iter().map(|_| None).collect() }
    }

    /// Starts a server, with its clock set back or not, and a log of its own.
    fn start(&mut self, at: usize, back: bool) {
        let log = File::create(self.log(at)).expect("a log");
        let library = &self.library;
        let server = Server::start_as(&config(&self.dir, NAMES[at]), |command| {
            command.stderr(log);
            if back {
                command.env("LD_PRELOAD", library).env("FAKETIME", BACK);
                // Only the time of day: timers run on as they do when a clock is set.
                command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            }
        });
        self.servers[at] = Some(server);
    }

    fn stop(&mut self, at: usize) {
        assert_eq!(self.servers[at].take().expect("it runs").stop(), 0);
    }

    fn log(&self, at: usize) -> PathBuf {
        self.dir.path().join(format!("{}.log", NAMES[at]))
    }

    fn warned(&self, at: usize) -> bool {
        fs::read_to_string(self.log(at)).expect("a log").contains(WARNING)
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Proposes once at a member's server, with its own key, and waits until it is proven.
    #[track_caller]
    fn propose(&self, at: usize, command: &str) {
        let (key, server) = (format!("{0}/client.key", NAMES[at]), format!("{}-1", NAMES[at]));
        let args = ["propose", "--timeout", "60", "--client-key", &key, "--server", &server];
        let said = run(self.path(), &[&args[..], &[command]].concat());
        assert_eq!(said.code, 0, "{command}: {}", said.err);
    }

    /// The commands of the log, without what stands there twice, and the times of their blocks.
    fn log_of(&self, at: usize, count: usize) -> Vec<(String, u64)> {
        let (key, server) = (format!("{0}/client.key", NAMES[at]), format!("{}-1", NAMES[at]));
        let count = count.to_string();
        let args = ["listen", "-o", "json", "--client-key", &key, "--server", &server];
        let said = run(self.path(), &[&args[..], &["--count", &count]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        let entry = |line: &str| -> Value { serde_json::from_str(line).expect("JSON") };
        let entries = said.out.lines().map(entry).filter(|entry| entry["duplicate_of"].is_null());
        let text = |entry: &Value| entry["command"].as_str().expect("a text").to_owned();
        let time = |entry: &Value| entry["timestamp_us"].as_u64().expect("a time");
        entries.map(|entry| (text(&entry), time(&entry))).collect()
    }

    fn log_size(&self) -> usize {
        let args = ["status", "-o", "json", "--client-key", "acme/client.key"];
        let answer = run(self.path(), &args).json();
        answer["servers"][0]["log_size"].as_u64().expect("acme answers") as usize
    }
}

#[test]
fn e2e_clocks_that_are_set_back_lose_nothing() {
    let Some(library) = faketime() else {
        eprintln!("left out: there is no libfaketime here");
        return;
    };
    let _alone = alone();
    let mut bed = Bed::new(library);
    (0..4).for_each(|at| bed.start(at, false));
    let mut proposed = Vec::new();
    let mut propose = |bed: &Bed, at: usize, command: String| {
        bed.propose(at, &command);
        proposed.push(command);
    };
    (0..4).for_each(|at| propose(&bed, at, format!("clocks are right {at}")));

    // One server's clock, while it is down.
    bed.stop(3);
    bed.start(3, true);
    (0..3).for_each(|at| propose(&bed, at, format!("one is set back {at}")));
    propose(&bed, 3, "where it is set back".to_owned());
    wait_until("it says so", || bed.warned(3));
    assert!((0..3).all(|at| !bed.warned(at)), "the others are right");

    // Every server's, one after the other: the service goes on meanwhile.
    for at in 0..3 {
        bed.stop(at);
        bed.start(at, true);
        propose(&bed, at, format!("set back up to {at}"));
    }
    // And all of them killed and started at once.
    bed.servers.iter_mut().for_each(|server| *server = None);
    (0..4).for_each(|at| bed.start(at, true));
    (0..4).for_each(|at| propose(&bed, at, format!("all are set back {at}")));
    wait_until("all say so", || (0..4).all(|at| bed.warned(at)));

    // Right again.
    (0..4).for_each(|at| bed.stop(at));
    (0..4).for_each(|at| bed.start(at, false));
    (0..4).for_each(|at| propose(&bed, at, format!("clocks are right again {at}")));
    assert!((0..4).all(|at| !bed.warned(at)), "nothing is wrong any more");

    let log = bed.log_of(0, bed.log_size());
    let commands: Vec<&str> = log.iter().map(|(command, _)| command.as_str()).collect();
    assert_eq!(commands, proposed, "something is lost, or stands elsewhere");
    assert!(log.is_sorted_by_key(|(_, time)| *time), "time falls: {log:?}");
    let time = |command: &str| {
        log.iter().find(|(own, _)| own == command).map(|(_, time)| *time).expect("it is there")
    };
    let (before, after) = (time("clocks are right 3"), time("clocks are right again 0"));
    assert!(after > before && after < before + BACK_US, "time goes on where it stood");
}
