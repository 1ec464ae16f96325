//! What the store costs: latency of a durable commit, processor time, memory, disk; beside the
//! limit, a plain append and sync on the same disk.
//!
//! ```text
//! cargo run --release -p ally-node --example store_bench -- [DIRECTORY] [BYTES] [PER_SECOND] [SECONDS]
//! ```
//! Defaults: a temporary directory in the current one, 16384 bytes, 200 commits a second (0: as
//! fast as it goes), 5 seconds.

use ally_consensus::{AllianceId, BlockHash, Digest, Epoch, Height, JournalPosition, Sequence};
use ally_node::store::{BatchKey, Durability, Identity, Store, StoredBlock, WriteBatch};
use ally_policy::ServerIndex;
use bytes::Bytes;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const US: Identity =
    Identity { alliance: AllianceId([0; 32]), server: ServerIndex(0), epoch: Epoch(0) };
/// A vote with its header and batch references.
const RECORD_BYTES: usize = 400;
/// Records that are kept: about the window of undecided blocks.
const RECORDS_KEPT: u64 = 64;

/// What is to be measured.
struct Load {
    bytes: usize,
    per_second: f64,
    seconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: f64| {
        arguments.get(place).map_or(Ok(default), |text| text.parse::<f64>())
    };
    let base = arguments.first().map_or_else(|| PathBuf::from("."), PathBuf::from);
    let load = Load {
        bytes: number(1, 16384.0)? as usize,
        per_second: number(2, 200.0)?,
        seconds: number(3, 5.0)?,
    };
    let scratch = tempfile::tempdir_in(base)?;
    limit(&scratch.path().join("plain"), &load)?;
    store(&scratch.path().join("data"), &load)
}

/// Appends and syncs.
fn limit(path: &Path, load: &Load) -> Result<(), Box<dyn Error>> {
    let mut file = File::create(path)?;
    let bytes = noise(load.bytes + RECORD_BYTES);
    run("append", load, |_| {
        file.write_all(&bytes)?;
        Ok(file.sync_data()?)
    })
}

/// Commits a journal record, a batch and a block each time, as a server does for each block.
fn store(dir: &Path, load: &Load) -> Result<(), Box<dyn Error>> {
    Store::create(dir, &US)?;
    let (store, _) = Store::open(dir, &US, Durability::Fsync)?;
    let (record, payload) = (Bytes::from(noise(RECORD_BYTES)), Bytes::from(noise(load.bytes)));
    run("store", load, |number| {
        let mut batch = WriteBatch::new();
        batch.journal(JournalPosition(number), record.clone());
        batch.trim_journal(JournalPosition(number.saturating_sub(RECORDS_KEPT)));
        let (sequence, digest) = (Sequence(number), Digest([0; 32]));
        batch.batch(BatchKey { origin: ServerIndex(0), sequence, digest }, payload.clone());
        batch.block(StoredBlock {
            height: Height(number),
            hash: BlockHash([0; 32]),
            log_first: number * 100,
            log_size: number * 100 + 100,
            body: record.clone(),
        });
        Ok(store.commit(batch)?)
    })?;
    println!("  data {} MB on disk, memory {} MB", store.disk_bytes()? >> 20, resident_mb()?);
    store.close()?;
    drop(store);
    let start = Instant::now();
    let (_store, recovered) = Store::open(dir, &US, Durability::Fsync)?;
    println!("  opened after {} commits in {:?}", recovered.commits, start.elapsed());
    Ok(())
}

/// Makes commits at the rate of the load and prints what they took.
fn run(
    name: &str,
    load: &Load,
    mut commit: impl FnMut(u64) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let (start, processor) = (Instant::now(), processor_s()?);
    let mut latencies = Vec::new();
    while start.elapsed().as_secs_f64() < load.seconds {
        let number = latencies.len() as u64 + 1;
        if load.per_second > 0.0 {
            let due = start + Duration::from_secs_f64(number as f64 / load.per_second);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let begun = Instant::now();
        commit(number)?;
        latencies.push(begun.elapsed());
    }
    let elapsed = start.elapsed().as_secs_f64();
    latencies.sort();
    let quantile = |q: f64| latencies[((latencies.len() - 1) as f64 * q) as usize];
    println!(
        "{name:7} {:6.0} commits/s of {} bytes  p50 {:?}  p99 {:?}  max {:?}  processor {:.1} %",
        latencies.len() as f64 / elapsed,
        load.bytes,
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        (processor_s()? - processor) / elapsed * 100.0,
    );
    Ok(())
}

/// Bytes that do not compress (xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// Processor time of this process in seconds (Linux).
fn processor_s() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / 100.0)
}

fn resident_mb() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).unwrap_or_default();
    Ok((pages.parse::<u64>()? * 4096) >> 20)
}
