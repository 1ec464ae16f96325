//! The targets, one file each.

mod ceremony;
mod codec;
mod dealing;
mod disk;
mod document;
mod engine;
mod evidence;
mod files;
mod policy;
mod receipt;
mod records;
mod shares;
mod stream;
mod wire;

/// One thing that takes bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called: as its program in `fuzz/fuzz_targets` and its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Panics if something does not hold that must hold for these bytes.
    pub run: fn(&[u8]),
    /// Bytes that get far, to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many changes of each seed and corpus file an ordinary test tries.
    pub changes: u64,
}

/// All of them.
pub const ALL: [Target; 14] = [
    Target { name: "ceremony", run: ceremony::run, seeds: ceremony::seeds, changes: 2 },
    Target { name: "codec", run: codec::run, seeds: codec::seeds, changes: 300 },
    Target { name: "dealing", run: dealing::run, seeds: dealing::seeds, changes: 8 },
    Target { name: "disk", run: disk::run, seeds: disk::seeds, changes: 500 },
    Target { name: "document", run: document::run, seeds: document::seeds, changes: 300 },
    Target { name: "engine", run: engine::run, seeds: engine::seeds, changes: 20 },
    Target { name: "evidence", run: evidence::run, seeds: evidence::seeds, changes: 100 },
    Target { name: "files", run: files::run, seeds: files::seeds, changes: 200 },
    Target { name: "policy", run: policy::run, seeds: policy::seeds, changes: 100 },
    Target { name: "receipt", run: receipt::run, seeds: receipt::seeds, changes: 200 },
    Target { name: "records", run: records::run, seeds: records::seeds, changes: 100 },
    Target { name: "shares", run: shares::run, seeds: shares::seeds, changes: 8 },
    Target { name: "stream", run: stream::run, seeds: stream::seeds, changes: 300 },
    Target { name: "wire", run: wire::run, seeds: wire::seeds, changes: 100 },
];
