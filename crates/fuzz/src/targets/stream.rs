//! What a server streams to a listener: whatever it sends, an application is handed the commands that the
//! alliance has certified, in order, and nothing else.

use crate::cursor::Cursor;
use crate::fixtures::{fixtures, signed_checkpoint};
use ally::fuzzing::Stream;
use ally::{Decided, Membership};
use ally_codec::Encode;
use ally_consensus::{BlockHash, BlockHeader, Digest, Epoch, Height, Micros, View, payload_digest};
use ally_log::{Certificate, Checkpoint, Frontier, Hash, Origin, leaf_hash};
use ally_proto::v1::{Anchor, Block};
use bytes::Bytes;
use std::sync::OnceLock;

/// How many blocks the chain has; block n holds n modulo 3 entries.
const BLOCKS: u64 = 7;
/// How many messages a stream has.
const MESSAGES_MAX: usize = 40;

/// A chain whose blocks 2, 4 and 7 are certified.
struct Chain {
    headers: Vec<BlockHeader>,
    blocks: Vec<Block>,
    /// The right edge before each block.
    frontiers: Vec<Frontier>,
    certificates: Vec<Certificate>,
    entries: Vec<Bytes>,
}

/// `from (1) || messages`.
pub(super) fn run(data: &[u8]) {
    let mut script = Cursor::new(data);
    let chain = chain();
    let from = script.below(chain.entries.len() + 1) as u64;
    let mut stream = Stream::new(Membership::of(&fixtures().alliance), from);
    let (mut next_index, mut height) = (from, 0);
    for _ in 0..MESSAGES_MAX {
        if script.is_empty() {
            break;
        }
        let Ok(decided) = message(chain, &mut stream, &mut script) else { continue };
        for block in &decided {
            assert!(block.height > height, "block {} comes after {height}", block.height);
            height = block.height;
            next_index = is_true(chain, block, next_index);
        }
    }
}

/// Honest streams, from everywhere, and with proofs early and late.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let block = |place: u8| [1, place, 0, 0, 0];
    let mut seeds = Vec::new();
    // From the beginning, and from what was not asked for on.
    for (from, first) in [(0, 0), (0, 1), (1, 2), (2, 0), (4, 0), (3, 3)] {
        let mut whole = vec![from, 0, first, 0];
        for place in first..BLOCKS as u8 {
            whole.extend(block(place));
            whole.extend([2, place % 3, place, place + 1, 0]);
        }
        whole.extend([2, 2, BLOCKS as u8 - 1, 0, 0]);
        seeds.push(whole);
    }
    let mut ahead = vec![0, 0, 0, 0];
    (0..3).for_each(|place| ahead.extend(block(place)));
    ahead.extend([2, 1, 3, 4, 0]);
    seeds.push(ahead);
    seeds
}

/// Every command is the one at its place, and none is left out.
fn is_true(chain: &Chain, block: &Decided, mut next_index: u64) -> u64 {
    assert!(block.certificate.is_some(), "without proof");
    for command in &block.commands {
        let entry = &chain.entries[command.index as usize];
        assert_eq!(command.bytes[..], entry[16..], "the command at {}", command.index);
        assert_eq!(command.index, next_index, "another one is next");
        next_index += 1;
    }
    let header = &chain.headers[block.height as usize - 1];
    assert_eq!(block.next_index, header.log_size, "block {} ends elsewhere", block.height);
    next_index
}

/// One message of the server: honest, or with bytes changed.
fn message(
    chain: &Chain,
    stream: &mut Stream,
    script: &mut Cursor<'_>,
) -> Result<Vec<Decided>, String> {
    match script.byte() % 3 {
        0 => {
            let frontier = &chain.frontiers[script.below(chain.frontiers.len())];
            stream.start(&bent(&frontier.to_bytes(), script)).map(|()| Vec::new())
        }
        1 => {
            let mut block = chain.blocks[script.below(chain.blocks.len())].clone();
            match script.below(5) {
                1 => block.first_index ^= u64::from(script.byte()),
                2 => block.entries.truncate(script.below(3)),
                3 => {
                    let leaf = |entry: Bytes| leaf_hash(&entry).0;
                    block.leaves =
                        std::mem::take(&mut block.entries).into_iter().flat_map(leaf).collect();
                }
                4 => {
                    let entry = block.entries.pop().unwrap_or_default();
                    block.entries.push(bent(&entry, script).into());
                }
                _ => {}
            }
            block.header = bent(&block.header, script).into();
            stream.block(block).map(|()| Vec::new())
        }
        _ => {
            let certificate = &chain.certificates[script.below(chain.certificates.len())];
            let (first, end) =
                (script.below(chain.headers.len()), script.below(BLOCKS as usize + 1));
            let headers = chain.headers.get(first..end).unwrap_or_default();
            let certificate = bent(&certificate.to_bytes(), script).into();
            let headers = headers.iter().map(|header| header.to_bytes().into()).collect();
            stream.anchor(&Anchor { certificate, headers })
        }
    }
}

/// The bytes with as many changes as the script says: `changes (1)`, and `place (1) || bits (1)` each.
fn bent(bytes: &[u8], script: &mut Cursor<'_>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..script.byte() % 4 {
        let (place, bits) = (script.below(bytes.len()), script.byte());
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= bits;
        }
    }
    bytes
}

fn chain() -> &'static Chain {
    static CHAIN: OnceLock<Chain> = OnceLock::new();
    CHAIN.get_or_init(Chain::make)
}

impl Chain {
    fn make() -> Self {
        let (headers, blocks, frontiers) = (Vec::new(), Vec::new(), Vec::new());
        let (certificates, entries) = (Vec::new(), Vec::new());
        let mut chain = Self { headers, blocks, frontiers, certificates, entries };
        let mut frontier = Frontier::new();
        let mut parent = BlockHash::default();
        for height in 1..=BLOCKS {
            parent = chain.grow(height, parent, &mut frontier);
        }
        chain
    }

    fn grow(&mut self, height: u64, parent: BlockHash, frontier: &mut Frontier) -> BlockHash {
        let first_index = frontier.size();
        let entry = |n: u64| Bytes::from(format!("sixteen bytes..x{height}-{n}"));
        let entries: Vec<Bytes> = (0..height % 3).map(entry).collect();
        self.frontiers.push(frontier.clone());
        frontier.append_many(entries.iter().map(|entry| leaf_hash(entry)));
        let header = BlockHeader {
            alliance: fixtures().alliance.id(),
            epoch: Epoch(0),
            height: Height(height),
            view: View(0),
            parent,
            payload_digest: payload_digest(&[]),
            log_size: frontier.size(),
            log_root: Digest(frontier.root().0),
            timestamp_us: Micros(height),
        };
        let hash = header.hash();
        if [2, 4, BLOCKS].contains(&height) {
            self.certificates.push(signed_checkpoint(Checkpoint {
                origin: Origin::new(fixtures().alliance.origin()).expect("an origin"),
                log_size: header.log_size,
                log_root: Hash(header.log_root.0),
                epoch: 0,
                height,
                block: Hash(hash.0),
            }));
        }
        self.entries.extend(entries.iter().cloned());
        let header_bytes = header.to_bytes().into();
        self.blocks.push(Block {
            header: header_bytes,
            first_index,
            entries,
            leaves: Bytes::new(),
        });
        self.headers.push(header);
        hash
    }
}
