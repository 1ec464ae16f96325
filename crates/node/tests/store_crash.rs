//! e2e: a process that writes and is killed, again and again, over one data directory.
//!
//! The killed process is this same test program, started with `writer` alone (see its comment).

use ally_consensus::{AllianceId, BlockHash, Digest, Epoch, Height, JournalPosition, Sequence};
use ally_node::store::{
    BatchKey, Durability, Identity, Recovered, Store, StoreError, StoredBlock, WriteBatch,
};
use ally_policy::ServerIndex;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const US: Identity =
    Identity { alliance: AllianceId([1; 32]), server: ServerIndex(0), epoch: Epoch(0) };
/// How often the process is killed.
const KILLS: u64 = 12;
/// Names the directory to the process.
const DIRECTORY: &str = "ALLY_TEST_STORE";
/// Records stay for this long before they are trimmed.
const KEPT: u64 = 40;

/// Everything that one step writes follows from its number, so that a reader can check it.
fn step(number: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.journal(JournalPosition(number), record(number));
    batch.batch(key(number), payload(number));
    batch.block(block(number));
    if number.is_multiple_of(16) {
        batch.trim_journal(JournalPosition(number.saturating_sub(KEPT)));
    }
    batch
}

fn record(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(1 + number as usize % 60)
}

fn payload(number: u64) -> Vec<u8> {
    // Large enough on average that logs are rotated and tables written while the test runs.
    vec![number as u8; 1 + (number as usize * 7919) % 400_000]
}

fn key(number: u64) -> BatchKey {
    let (origin, digest) = (ServerIndex(number as u16 % 4), Digest([number as u8; 32]));
    BatchKey { origin, sequence: Sequence(number), digest }
}

fn block(number: u64) -> StoredBlock {
    StoredBlock {
        height: Height(number),
        hash: BlockHash([number as u8; 32]),
        log_first: number * 10,
        log_size: number * 10 + 10,
        body: record(number).into(),
    }
}

/// The process that is killed: writes step after step and prints the number of each that was
/// acknowledged, until the pipe is closed.
#[test]
#[ignore = "the process that `acknowledged_steps_survive_kill_9` starts and kills"]
fn writer() {
    let dir = env::var_os(DIRECTORY).expect("started by the test beside it");
    let (store, recovered) =
        Store::open(Path::new(&dir), &US, Durability::Fsync).expect("opens after every kill");
    for number in recovered.journal_last.0 + 1.. {
        store.submit(step(number), move |outcome| {
            outcome.expect("durable");
            // The pipe is closed when the test itself was ended.
            if writeln!(std::io::stdout(), "acknowledged {number}").is_err() {
                std::process::exit(0);
            }
        });
    }
}

/// The process whose disk is full: writes until it is refused, then says how it was refused.
#[test]
#[ignore = "the process that `a_full_disk_ends_writing_and_loses_nothing` starts"]
fn writer_on_a_full_disk() {
    let dir = env::var_os(DIRECTORY).expect("started by the test beside it");
    let (store, recovered) =
        Store::open(Path::new(&dir), &US, Durability::Fsync).expect("opens while there is room");
    let mut number = recovered.journal_last.0 + 1;
    let error = loop {
        match store.commit(step(number)) {
            Ok(()) => println!("acknowledged {number}"),
            Err(error) => break error,
        }
        number += 1;
    };
    assert!(matches!(error, StoreError::Disk { .. }), "{error}");
    for _ in 0..3 {
        let error = store.commit(step(number)).expect_err("never again before a restart");
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    }
    let batch = store.batch(key(1)).expect("reading goes on").expect("kept");
    assert!(batch == payload(1));
    assert!(matches!(store.close(), Err(StoreError::Disk { .. })));
    println!("refused as it should be");
}

fn start(dir: &Path) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "writer", "--nocapture"])
        .env(DIRECTORY, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("starts")
}

/// Lets a process run until it has acknowledged `steps` more steps, kills it in the middle of
/// whatever it does, and returns the last number that it acknowledged.
fn run_and_kill(dir: &Path, steps: u64) -> u64 {
    let mut child = start(dir);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut last = None;
    let mut seen = 0;
    while seen < steps {
        let line = lines.next().expect("writes until it is killed").expect("text");
        if let Some(number) = line.strip_prefix("acknowledged ") {
            last = Some(number.parse::<u64>().expect("a number"));
            seen += 1;
        }
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("ends");
    // What it had said before the kill and the test had not read yet counts too.
    for line in lines.map_while(Result::ok) {
        last = line.strip_prefix("acknowledged ").and_then(|text| text.parse().ok()).or(last);
    }
    last.expect("at least one step")
}

fn check(store: &Store, recovered: &Recovered, acknowledged: u64) {
    let last = recovered.journal_last.0;
    assert!(last >= acknowledged, "ends at {last}, {acknowledged} was acknowledged");
    assert_eq!(recovered.top, Some(block(last)), "a step is there as a whole");
    let records: Vec<_> =
        store.journal(JournalPosition(0)).map(|entry| entry.expect("readable")).collect();
    assert_eq!(records.first().map(|(position, _)| *position), Some(recovered.journal_first));
    assert_eq!(records.last().map(|(position, _)| position.0), Some(last));
    assert!(recovered.journal_first.0 >= last.saturating_sub(KEPT + 16), "trimmed");
    for (position, found) in &records {
        assert_eq!(*found, record(position.0), "record {position}");
    }
    for number in 1..=last {
        let batch = store.batch(key(number)).expect("readable").expect("kept");
        assert!(batch == payload(number), "batch {number}");
        assert_eq!(store.block(Height(number)).expect("readable"), Some(block(number)));
        let found = store.block_with(number * 10 + 9).expect("readable");
        assert_eq!(found, Some(block(number)));
    }
}

#[test]
fn acknowledged_steps_survive_kill_9() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let dir = parent.path().join("data");
    Store::create(&dir, &US).expect("creates");
    for round in 0..KILLS {
        // A few steps or many: crashes hit commits, table writes and log rotations.
        let acknowledged = run_and_kill(&dir, 1 + (round * 37) % 120);
        let (store, recovered) = Store::open(&dir, &US, Durability::Fsync).expect("opens");
        check(&store, &recovered, acknowledged);
        // Every other time the directory is left as a crash leaves it, without a clean close.
        if round % 2 == 0 {
            store.close().expect("closes");
        }
    }
}

/// The limit on the size of a file stands in for a full disk: writing fails half-way through a
/// commit, at a place that is the same each time, and needs no privileges.
#[cfg(unix)]
#[test]
fn a_full_disk_ends_writing_and_loses_nothing() {
    const LIMIT: &str = r#"trap '' XFSZ; ulimit -f 60000; exec "$0" "$@""#;
    let parent = tempfile::tempdir().expect("a temporary directory");
    let dir = parent.path().join("data");
    Store::create(&dir, &US).expect("creates");
    let program = env::current_exe().expect("this program");
    let output = Command::new("sh")
        .args(["-c", LIMIT, &program.to_string_lossy()])
        .args(["--ignored", "--exact", "writer_on_a_full_disk", "--nocapture"])
        .env(DIRECTORY, &dir)
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("refused as it should be"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut acknowledged = said.lines().filter_map(|line| line.strip_prefix("acknowledged "));
    let acknowledged =
        acknowledged.next_back().expect("there was some room").parse().expect("a number");
    let (store, recovered) = Store::open(&dir, &US, Durability::Fsync).expect("opens");
    check(&store, &recovered, acknowledged);
    store.commit(step(recovered.journal_last.0 + 1)).expect("writes again");
}
