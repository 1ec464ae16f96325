//! Streams that a hostile server may send. Each differs from an honest one in one thing.

use super::Decided;
use super::patience::Patience;
use super::verifier::Verifier;
use crate::Membership;
use ally_codec::Encode;
use ally_consensus::{
    AllianceId, BlockHash, BlockHeader, Digest, Epoch, Height, Micros, View, payload_digest,
};
use ally_log::{Certificate, CertificateVerifier, Checkpoint, Frontier, Hash, Origin, leaf_hash};
use ally_proto::v1::{Anchor, Block};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

const ALLIANCE: AllianceId = AllianceId([3; 32]);

struct Signature;

impl CertificateVerifier for Signature {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        signature == leaf_hash(statement).0
    }
}

fn origin() -> Origin {
    Origin::new("example.org/test").expect("valid")
}

/// An honest log: `blocks[n]` holds `n % 3` entries.
struct World {
    headers: Vec<BlockHeader>,
    blocks: Vec<Block>,
    frontiers: Vec<Frontier>,
}

impl World {
    fn new(blocks: u64) -> Self {
        let mut world = Self { headers: vec![], blocks: vec![], frontiers: vec![] };
        let mut frontier = Frontier::new();
        let mut parent = BlockHash::default();
        for height in 1..=blocks {
            let first_index = frontier.size();
            let entry = |n: u64| Bytes::from(format!("sixteen bytes..x{height}-{n}"));
            let entries: Vec<Bytes> = (0..height % 3).map(entry).collect();
            world.frontiers.push(frontier.clone());
            frontier.append_many(entries.iter().map(|entry| leaf_hash(entry)));
            let header = BlockHeader {
                alliance: ALLIANCE,
                epoch: Epoch(0),
                height: Height(height),
                view: View(0),
                parent,
                payload_digest: payload_digest(&[]),
                log_size: frontier.size(),
                log_root: Digest(frontier.root().0),
                timestamp_us: Micros(height),
            };
            parent = header.hash();
            let bytes = header.to_bytes().into();
            world.blocks.push(Block { header: bytes, first_index, entries, leaves: Bytes::new() });
            world.headers.push(header);
        }
        world
    }

    fn verifier(&self, from: u64) -> Verifier {
        let membership = Membership::new(ALLIANCE, origin(), Signature, Vec::new());
        Verifier::new(membership, from, false)
    }

    /// A verifier that was told the blocks `first..end` (by height less one).
    fn told(&self, first: usize, end: usize) -> Verifier {
        let mut verifier = self.verifier(self.blocks[first].first_index);
        verifier.start(&self.frontiers[first].to_bytes()).expect("honest");
        for block in &self.blocks[first..end] {
            verifier.block(block.clone()).expect("honest");
        }
        verifier
    }

    fn certificate(&self, height: usize) -> Certificate {
        let header = &self.headers[height - 1];
        let checkpoint = Checkpoint {
            origin: origin(),
            log_size: header.log_size,
            log_root: Hash(header.log_root.0),
            epoch: header.epoch.0,
            height: header.height.0,
            block: Hash(header.hash().0),
        };
        sign(checkpoint)
    }

    /// The proof for everything up to `last`, by the certificate of `height`.
    fn anchor(&self, last: usize, height: usize) -> Anchor {
        let headers = self.headers[last.min(height)..height].iter();
        let certificate = self.certificate(height).to_bytes().into();
        Anchor { certificate, headers: headers.map(|header| header.to_bytes().into()).collect() }
    }
}

fn sign(checkpoint: Checkpoint) -> Certificate {
    let signature = leaf_hash(checkpoint.statement().as_bytes()).0.to_vec();
    Certificate { checkpoint, signature }
}

fn heights(decided: &[Decided]) -> Vec<u64> {
    decided.iter().map(|block| block.height).collect()
}

#[test]
fn entries_before_the_first_that_is_wanted_are_not_handed_out() {
    let world = World::new(6);
    // The second of two entries in block 5.
    let from = world.blocks[4].first_index + 1;
    let mut verifier = world.verifier(from);
    verifier.start(&world.frontiers[0].to_bytes()).expect("honest");
    for block in &world.blocks[..5] {
        verifier.block(block.clone()).expect("more than was asked for");
    }
    let decided = verifier.anchor(&world.anchor(5, 5)).expect("honest");
    assert_eq!(heights(&decided), [5]);
    let commands = decided.iter().flat_map(|block| &block.commands);
    assert_eq!(commands.map(|command| command.index).collect::<Vec<_>>(), [from]);
}

#[test]
fn after_a_beginning_that_is_refused_nothing_is_told() {
    let world = World::new(4);
    let mut verifier = world.told(0, 1);
    verifier.start(&world.frontiers[2].to_bytes()).expect_err("behind what is wanted");
    verifier.block(world.blocks[1].clone()).expect_err("what came before it is forgotten");
}

#[test]
fn honest_streams_pass_whatever_the_certificate_covers() {
    let world = World::new(12);
    for first in [0, 3] {
        let mut verifier = world.told(first, 8);
        // Of a block in the middle, of a block that is known already, of one ahead.
        let decided = verifier.anchor(&world.anchor(5, 5)).expect("honest");
        assert_eq!(heights(&decided), (first as u64 + 1..=5).collect::<Vec<_>>());
        assert!(verifier.anchor(&world.anchor(4, 4)).expect("honest").is_empty());
        let decided = verifier.anchor(&world.anchor(8, 11)).expect("honest");
        assert_eq!(heights(&decided), [6, 7, 8]);
        assert!(!verifier.waits_for_proof());
    }
}

#[test]
fn a_new_stream_goes_on_where_proofs_ended() {
    let world = World::new(9);
    let mut verifier = world.told(0, 6);
    verifier.anchor(&world.anchor(4, 4)).expect("honest");
    assert_eq!(verifier.request().after_height, Some(4));
    // The next server may lie about the frontier as it likes, and may be behind.
    verifier.start(b"").expect("not looked at");
    for block in &world.blocks[2..7] {
        verifier.block(block.clone()).expect("honest");
    }
    let decided = verifier.anchor(&world.anchor(7, 7)).expect("honest");
    assert_eq!(heights(&decided), [5, 6, 7]);
}

#[test]
fn blocks_that_do_not_fit_are_refused() {
    let world = World::new(9);
    let other = World::new(10);
    let honest = &world.blocks[4];
    let with = |change: &dyn Fn(&mut Block)| {
        let mut block = honest.clone();
        change(&mut block);
        block
    };
    let lies = [
        ("a gap", world.blocks[5].clone()),
        (
            "an entry changed",
            with(&|block| block.entries[0] = Bytes::from_static(b"0123456789abcdefg")),
        ),
        ("an entry left out", with(&|block| _ = block.entries.pop())),
        ("an entry twice", with(&|block| block.entries.push(block.entries[0].clone()))),
        ("entries swapped", with(&|block| block.entries.swap(0, 1))),
        ("another index", with(&|block| block.first_index += 1)),
        (
            "an entry withheld",
            with(&|block| {
                let entry = block.entries.remove(0);
                block.leaves = leaf_hash(&entry).0.to_vec().into();
            }),
        ),
        ("leaves cut short", with(&|block| block.leaves = Bytes::from_static(b"short"))),
        ("no header", with(&|block| block.header = Bytes::new())),
        (
            "a longer header",
            with(&|block| {
                block.header = [&block.header[..], &[0]].concat().into();
            }),
        ),
        (
            "another alliance",
            with(&|block| {
                let mut header = world.headers[4].clone();
                header.alliance = AllianceId([4; 32]);
                block.header = header.to_bytes().into();
            }),
        ),
        (
            "another parent",
            with(&|block| {
                let mut header = world.headers[4].clone();
                header.parent = BlockHash([9; 32]);
                block.header = header.to_bytes().into();
            }),
        ),
    ];
    for (lie, block) in lies {
        assert!(world.told(0, 4).block(block).is_err(), "{lie}");
    }
    assert!(world.told(0, 4).block(other.blocks[4].clone()).is_ok(), "the same log");
}

#[test]
fn proofs_that_prove_nothing_are_refused() {
    let world = World::new(9);
    let honest = world.anchor(4, 7);
    let with = |change: &dyn Fn(&mut Checkpoint)| {
        let mut certificate = world.certificate(7);
        change(&mut certificate.checkpoint);
        Anchor { certificate: sign(certificate.checkpoint).to_bytes().into(), ..honest.clone() }
    };
    let mut unsigned = world.certificate(7);
    unsigned.signature[3] ^= 1;
    let mut missing = honest.clone();
    missing.headers.remove(1);
    let mut swapped = honest.clone();
    swapped.headers.swap(0, 1);
    let mut none = honest.clone();
    none.headers.clear();
    let lies = [
        ("no signature", Anchor { certificate: unsigned.to_bytes().into(), ..honest.clone() }),
        (
            "another alliance",
            with(&|checkpoint| {
                checkpoint.origin = Origin::new("example.org/other").expect("valid");
            }),
        ),
        ("another block", with(&|checkpoint| checkpoint.block = Hash([1; 32]))),
        ("another root", with(&|checkpoint| checkpoint.log_root = Hash([1; 32]))),
        ("another size", with(&|checkpoint| checkpoint.log_size += 1)),
        ("another height", with(&|checkpoint| checkpoint.height += 1)),
        ("another epoch", with(&|checkpoint| checkpoint.epoch += 1)),
        ("a block below, another", with(&|checkpoint| checkpoint.height = 3)),
        ("a header is missing", missing),
        ("headers swapped", swapped),
        ("no headers", none),
        ("no certificate", Anchor { certificate: Bytes::new(), ..honest.clone() }),
    ];
    for (lie, anchor) in lies {
        let mut verifier = world.told(0, 4);
        assert!(verifier.anchor(&anchor).is_err(), "{lie}");
        assert_eq!(heights(&verifier.anchor(&honest).expect("honest")), [1, 2, 3, 4], "{lie}");
    }
}

#[test]
fn a_log_that_begins_behind_what_was_asked_for_is_refused() {
    let world = World::new(9);
    let mut verifier = world.verifier(2);
    assert!(verifier.start(&world.frontiers[4].to_bytes()).is_err());
    assert!(verifier.block(world.blocks[4].clone()).is_err(), "nothing has begun");
    // A made-up frontier is found out by the first block's root.
    let mut made_up = Frontier::new();
    made_up.append_many([Hash([1; 32]), Hash([2; 32]), Hash([3; 32])]);
    let mut verifier = world.verifier(3);
    verifier.start(&made_up.to_bytes()).expect("nothing speaks against it yet");
    assert!(verifier.block(world.blocks[2].clone()).is_err());
}

#[test]
fn blocks_without_proof_are_bounded() {
    let mut world = World::new(1);
    let entry = Bytes::from(vec![7; 1 << 20]);
    let entries = vec![entry; 40];
    let mut verifier = world.verifier(0);
    verifier.start(&Frontier::new().to_bytes()).expect("empty");
    let mut frontier = Frontier::new();
    let mut parent = BlockHash::default();
    let mut answers = Vec::new();
    for height in 1..=2 {
        let first_index = frontier.size();
        frontier.append_many(entries.iter().map(|entry| leaf_hash(entry)));
        let mut header = world.headers.remove(0);
        (header.height, header.parent, header.log_size) = (Height(height), parent, frontier.size());
        header.log_root = Digest(frontier.root().0);
        parent = header.hash();
        let bytes = header.to_bytes().into();
        world.headers.push(header);
        let block =
            Block { header: bytes, first_index, entries: entries.clone(), leaves: Bytes::new() };
        answers.push(verifier.block(block).is_ok());
    }
    assert_eq!(answers, [true, false]);
}

/// A block of many short entries weighs more than it has bytes. It is what the alliance decided, and
/// a listener that cannot take it would never get past it.
#[test]
fn a_single_block_is_taken_however_many_entries_it_has() {
    let mut world = World::new(1);
    let entries = vec![Bytes::from_static(b"sixteen bytes..xy"); 500_000];
    let mut frontier = Frontier::new();
    frontier.append_many(vec![leaf_hash(&entries[0]); entries.len()]);
    let mut header = world.headers.remove(0);
    (header.log_size, header.log_root) = (frontier.size(), Digest(frontier.root().0));
    world.headers.push(header.clone());
    let bytes = header.to_bytes().into();
    let block = Block { header: bytes, first_index: 0, entries, leaves: Bytes::new() };
    let mut verifier = world.verifier(0);
    verifier.start(&Frontier::new().to_bytes()).expect("empty");
    verifier.block(block).expect("as the alliance decided it");
    let decided = verifier.anchor(&world.anchor(1, 1)).expect("honest");
    assert_eq!(decided[0].commands.len(), 500_000);
}

#[test]
fn talk_that_proves_nothing_new_buys_a_server_no_time() {
    let world = World::new(4);
    let begin = Instant::now();
    let mut verifier = world.told(0, 2);
    verifier.anchor(&world.anchor(2, 2)).expect("honest");
    let mut patience = Patience::new(&verifier, begin);
    let deadline = patience.deadline();
    for second in 1..60 {
        verifier.block(world.blocks[0].clone()).expect("known");
        verifier.anchor(&world.anchor(2, 2)).expect("known");
        patience.note(&verifier, begin + Duration::from_secs(second));
    }
    assert_eq!(patience.deadline(), deadline);
}

#[test]
fn a_server_under_load_that_always_has_a_block_ahead_of_its_proofs_is_not_left() {
    let world = World::new(9);
    let begin = Instant::now();
    let mut verifier = world.told(0, 1);
    let mut patience = Patience::new(&verifier, begin);
    for second in 1..9 {
        verifier.block(world.blocks[second].clone()).expect("honest");
        verifier.anchor(&world.anchor(second, second)).expect("honest");
        assert!(verifier.waits_for_proof());
        let now = begin + Duration::from_secs(second as u64);
        patience.note(&verifier, now);
        assert!(patience.deadline() > now + Duration::from_secs(1), "after {second} s");
    }
    // Then nothing comes: the last block waits for its proof, and not for long.
    assert!(patience.deadline() < begin + Duration::from_secs(20));
}
