//! A server whose files were cut or changed: it says so and does not start, or nothing is lost.

use crate::WITHIN;
use crate::bed::Bed;
use ally::{Proposal, Until};
use ally_consensus::{BlockHash, Digest, Height, JournalPosition, Sequence};
use ally_node::store::{BatchKey, StoredBlock, WriteBatch};
use ally_node::{Node, StartError};
use ally_policy::ServerIndex;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// It ends after so many bytes.
    Cut(usize),
    /// A bit of this byte is another.
    Bit(usize),
}

impl Damage {
    /// Beginning, middle and end of a file.
    fn of(length: usize) -> Vec<Self> {
        let cuts = [0, length / 2, length - 1].map(Self::Cut);
        cuts.into_iter().chain([Self::Bit(length / 2)]).collect()
    }

    fn to(self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self {
            Self::Cut(length) => bytes.truncate(length),
            Self::Bit(place) => bytes[place] ^= 0x10,
        }
        bytes
    }
}

/// All files below a directory that hold something.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.metadata().expect("there").len() > 0 {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The bytes of a file; of a log, which is made long and zero, as far as it is used.
fn content(file: &Path) -> Vec<u8> {
    let mut bytes = fs::read(file).expect("readable");
    if file.extension().is_some_and(|ending| ending == "jnl") {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        bytes.truncate(used);
    }
    bytes
}

/// Puts a directory back as it was in a copy.
fn copy(from: &Path, to: &Path) {
    // The long log has holes, which stay holes.
    let copied = Command::new("cp").args(["-r", "--sparse=always"]).arg(from).arg(to).status();
    assert!(copied.expect("cp runs").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_a_server_with_damaged_files_refuses_to_start_or_has_lost_nothing() {
    let mut bed = Bed::start(4, "3 of (s0, s1, s2, s3)", 300).await;
    for number in 0..20 {
        let proposal = Proposal::new(format!("command {number}").as_bytes()).expect("short");
        let placed = bed.client(0).propose_until(&[proposal], Until::Certified, WITHIN).await;
        placed.expect("ordered");
    }
    bed.down(0).await;
    let votes = bed.journal_last(0);
    let data = bed.config(0).data().to_owned();
    let good = data.with_extension("good");
    fs::rename(&data, &good).expect("moved");
    let mut refused = 0;
    for file in files(&good) {
        let bytes = content(&file);
        let name = file.strip_prefix(&good).expect("below it");
        for damage in Damage::of(bytes.len()) {
            let what = format!("{} of {} bytes, {damage:?}", name.display(), bytes.len());
            copy(&good, &data);
            fs::write(data.join(name), damage.to(&bytes)).expect("written");
            match Node::start(bed.config(0), &bed.alliance).await {
                Ok(node) => {
                    node.stop().await.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert!(bed.journal_last(0) >= votes, "{what}: votes are silently gone");
                }
                Err(
                    error @ (StartError::Store(_)
                    | StartError::Recover { .. }
                    | StartError::Replica { .. }),
                ) => {
                    refused += 1;
                    let said = error.to_string();
                    assert!(said.contains(&data.display().to_string()), "{what}: {said}");
                }
                Err(error) => panic!("{what}: {error}"),
            }
            fs::remove_dir_all(&data).expect("removed");
        }
    }
    assert!(refused > 20, "{refused}");
}

/// What the disk gives back is whole, as far as a checksum can tell, and means nothing.
#[tokio::test(flavor = "multi_thread")]
async fn e2e_a_server_whose_data_means_nothing_does_not_start() {
    let bed = Bed::down_all(4, &[("decide", "3 of (s0, s1, s2, s3)")], 300);
    let mut record = WriteBatch::new();
    record.journal(JournalPosition(1), &b"no record"[..]);
    let mut batch = WriteBatch::new();
    let (origin, sequence, digest) = (ServerIndex(1), Sequence(0), Digest([0; 32]));
    batch.batch(BatchKey { origin, sequence, digest }, &b"no batch"[..]);
    let mut block = WriteBatch::new();
    let body = b"no block".to_vec().into();
    let hash = BlockHash([1; 32]);
    block.block(StoredBlock { height: Height(1), hash, log_first: 0, log_size: 1, body });
    let writes = [(record, "journal record 1"), (batch, "batch 0 of"), (block, "block 1")];
    for (place, (write, what)) in writes.into_iter().enumerate() {
        bed.open(place).0.commit(write).expect("written");
        let Err(error) = Node::start(bed.config(place), &bed.alliance).await else {
            panic!("it starts with {what} that cannot be read");
        };
        let said = error.to_string();
        let data = bed.config(place).data().display().to_string();
        assert!(said.contains(what) && said.contains(&data), "{said}");
    }
}
