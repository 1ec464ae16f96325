//! Checks a server's stream of blocks against certificates. Pure.
//!
//! Parameters: the alliance, its public key, where the listener begins.
//!
//! ```text
//!  frontier ──leaves──▶ root == header.log_root          entries belong to their headers
//!  header n ◀──parent── header n+1 ◀── ... ◀── header m  headers belong to the next
//!  certificate.block == hash(header m)                   the alliance decided the last
//! ```
//!
//! Safety: a certificate names a block by hash, a header its parent by hash and the whole log by its
//! root, so that one certificate proves every block below it and, with the root, every entry, and the
//! frontier that the first server gave. Liveness: a server that sends blocks without proof, or stops
//! sending, is left for the next one; what was proven is kept.
//!
//! Not protected against: a server that withholds the newest blocks. It is seen as silence.

use crate::Membership;
use crate::listen::{Command, Decided};
use ally_codec::Decode;
use ally_consensus::{BlockHash, BlockHeader};
use ally_log::{Certificate, Frontier, Hash, leaf_hash};
use ally_proto::limits::ANCHOR_HEADERS_MAX;
use ally_proto::v1::{Anchor, Block, ListenRequest};
use ally_proto::{DUPLICATE_WINDOW, DuplicateWindow, Entry, ProposalId};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of entries (with some bytes for each block and entry) that may wait for a proof. A server
/// that sends more without one is left; a single block may be longer, as a message bounds it.
const UNPROVEN_BYTES_MAX: usize = 64 << 20;

/// What a block and an entry are charged beside the entry's bytes.
const ITEM_BYTES: usize = 128;

/// What a listener knows, and what it was told on top.
#[derive(Debug)]
pub(crate) struct Verifier {
    membership: Membership,
    from: u64,
    /// Where leaf hashes begin, for the duplicates among the first entries; not above `from`.
    leaves_from: u64,
    /// `None` if nobody wants to know.
    duplicates: Option<DuplicateWindow>,
    proven: Option<Point>,
    /// The end of what was told, unproven.
    told: Option<Point>,
    unproven: VecDeque<Unproven>,
    unproven_bytes: usize,
}

/// A place between two blocks.
#[derive(Debug, Clone)]
struct Point {
    frontier: Frontier,
    /// The last block; `None` before the first block of a stream.
    last: Option<(u64, BlockHash)>,
}

/// A block that waits for a proof. Entries before the ones wanted are only there as leaf hashes.
#[derive(Debug)]
struct Unproven {
    header: BlockHeader,
    end: Point,
    first_index: u64,
    leaves: Vec<Hash>,
    entries: Vec<Entry>,
    bytes: usize,
}

impl Verifier {
    /// A verifier that wants the entries from `from` on.
    pub(crate) fn new(membership: Membership, from: u64, mark_duplicates: bool) -> Self {
        let window = if mark_duplicates { DUPLICATE_WINDOW as u64 } else { 0 };
        Self {
            membership,
            from,
            leaves_from: from.saturating_sub(window),
            duplicates: mark_duplicates.then(|| DuplicateWindow::new(0)),
            proven: None,
            told: None,
            unproven: VecDeque::new(),
            unproven_bytes: 0,
        }
    }

    /// What to ask a server for.
    pub(crate) fn request(&self) -> ListenRequest {
        let Self { from, leaves_from, .. } = *self;
        ListenRequest { from, leaves_from, after_height: self.proven_height() }
    }

    /// Whether blocks were told that nothing proves yet.
    pub(crate) fn waits_for_proof(&self) -> bool {
        !self.unproven.is_empty()
    }

    /// Height of the last block that was proven; `None` if there is none yet.
    pub(crate) fn proven_height(&self) -> Option<u64> {
        self.proven.as_ref()?.last.map(|(height, _)| height)
    }

    /// A stream begins. What an earlier one told and did not prove is forgotten.
    ///
    /// # Errors
    /// What is wrong with the answer; the server is to blame. So for the others.
    pub(crate) fn start(&mut self, frontier: &[u8]) -> Result<(), String> {
        self.unproven.clear();
        self.unproven_bytes = 0;
        self.told = None;
        if self.proven_height().is_some() {
            self.told = self.proven.clone();
            return Ok(());
        }
        let frontier = Frontier::from_bytes(frontier).map_err(|error| error.to_string())?;
        if frontier.size() > self.leaves_from {
            let size = frontier.size();
            return Err(format!("the log begins at {size}, behind {}", self.leaves_from));
        }
        self.duplicates = self.duplicates.take().map(|_| DuplicateWindow::new(frontier.size()));
        let start = Point { frontier, last: None };
        self.proven = Some(start.clone());
        self.told = Some(start);
        Ok(())
    }

    /// A block was told.
    pub(crate) fn block(&mut self, block: Block) -> Result<(), String> {
        let header = read_header(&block.header)?;
        let told = self.told.as_ref().ok_or("a block came before the start")?;
        if header.alliance != self.membership.alliance() {
            return Err("a block is from another alliance".to_owned());
        }
        if let Some((height, hash)) = told.last {
            if header.height.0 <= height {
                // A server that was behind sends what is known already.
                return Ok(());
            }
            if header.height.0 != height + 1 || header.parent != hash {
                return Err(format!("block {} does not follow block {height}", header.height));
            }
        }
        let block = self.check_content(header, block, told.frontier.clone())?;
        self.told = Some(block.end.clone());
        self.unproven_bytes += block.bytes;
        self.unproven.push_back(block);
        if self.unproven_bytes > UNPROVEN_BYTES_MAX && self.unproven.len() > 1 {
            return Err(format!("no proof came for {} bytes of blocks", self.unproven_bytes));
        }
        Ok(())
    }

    /// A proof was told. Returns the blocks that it proves.
    pub(crate) fn anchor(&mut self, anchor: &Anchor) -> Result<Vec<Decided>, String> {
        let certificate = self.check_certificate(&anchor.certificate)?;
        let height = certificate.checkpoint.height;
        let Some(last) = self.unproven.back() else { return Ok(Vec::new()) };
        if height >= last.header.height.0 {
            self.check_chain(last, &anchor.headers, &certificate)?;
            let all = self.unproven.len();
            return Ok(self.prove(all, &certificate));
        }
        let first = self.unproven.front().map_or(height, |block| block.header.height.0);
        let Some(place) = height.checked_sub(first) else {
            // It proves what is proven already.
            return Ok(Vec::new());
        };
        let place = place as usize;
        check_certified(&self.unproven[place].header, &certificate)?;
        Ok(self.prove(place + 1, &certificate))
    }

    /// The blocks that were told last, without proof. They are not kept for one.
    pub(crate) fn take_unproven(&mut self) -> Vec<Decided> {
        let all = self.unproven.len();
        self.take(all, None)
    }

    fn check_content(
        &self,
        header: BlockHeader,
        block: Block,
        mut frontier: Frontier,
    ) -> Result<Unproven, String> {
        let Block { first_index, entries, leaves, .. } = block;
        let height = header.height.0;
        if first_index != frontier.size() {
            return Err(format!(
                "block {height} begins at index {first_index}, not at {}",
                frontier.size()
            ));
        }
        if leaves.len() % 32 != 0 {
            return Err(format!("the leaf hashes of block {height} are cut short"));
        }
        let leaves: Vec<Hash> =
            leaves.chunks_exact(32).filter_map(|leaf| Some(Hash(leaf.try_into().ok()?))).collect();
        // Entries that are wanted must be there in full.
        if first_index + leaves.len() as u64 > self.from.max(first_index) {
            return Err(format!("entries of block {height} are missing"));
        }
        let bytes = ITEM_BYTES
            + leaves.len() * 32
            + entries.iter().map(|entry| entry.len() + ITEM_BYTES).sum::<usize>();
        frontier.append_many(leaves.iter().copied());
        frontier.append_many(entries.iter().map(|entry| leaf_hash(entry)));
        if frontier.size() != header.log_size || frontier.root().0 != header.log_root.0 {
            return Err(format!("the entries of block {height} are not those of its header"));
        }
        let entries = entries.into_iter().map(Entry::from_bytes).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|error| format!("block {height}: {error}"))?;
        let end = Point { frontier, last: Some((height, header.hash())) };
        Ok(Unproven { header, end, first_index, leaves, entries, bytes })
    }

    fn check_certificate(&self, bytes: &[u8]) -> Result<Certificate, String> {
        let certificate = Certificate::from_bytes(bytes).map_err(|error| error.to_string())?;
        if certificate.checkpoint.origin != *self.membership.origin() {
            return Err("a certificate is from another alliance".to_owned());
        }
        certificate.verify(&self.membership.verifier()).map_err(|error| error.to_string())?;
        Ok(certificate)
    }

    /// Follows `headers` from `last` up to the certified block.
    fn check_chain(
        &self,
        last: &Unproven,
        headers: &[Bytes],
        certificate: &Certificate,
    ) -> Result<(), String> {
        if headers.len() > ANCHOR_HEADERS_MAX {
            return Err(format!("a proof has {} headers", headers.len()));
        }
        let mut top = last.header.clone();
        for bytes in headers {
            let header = read_header(bytes)?;
            if header.parent != top.hash() || header.height != top.height.next() {
                return Err(format!("header {} of a proof does not follow", header.height));
            }
            top = header;
        }
        check_certified(&top, certificate)
    }

    fn prove(&mut self, count: usize, certificate: &Certificate) -> Vec<Decided> {
        self.take(count, Some(Arc::new(certificate.clone())))
    }

    fn take(&mut self, count: usize, certificate: Option<Arc<Certificate>>) -> Vec<Decided> {
        let blocks: Vec<Unproven> = self.unproven.drain(..count).collect();
        let Some(last) = blocks.last() else { return Vec::new() };
        self.proven = Some(last.end.clone());
        self.unproven_bytes -= blocks.iter().map(|block| block.bytes).sum::<usize>();
        blocks.into_iter().filter_map(|block| self.decided(block, certificate.clone())).collect()
    }

    /// What is handed out of a block; `None` if all of it is before what was asked for.
    fn decided(
        &mut self,
        block: Unproven,
        certificate: Option<Arc<Certificate>>,
    ) -> Option<Decided> {
        let Unproven { header, first_index, leaves, entries, .. } = block;
        for leaf in &leaves {
            self.mark(ProposalId(*leaf));
        }
        let is_empty = leaves.is_empty() && entries.is_empty();
        let first_entry = first_index + leaves.len() as u64;
        let mut commands = Vec::with_capacity(entries.len());
        for (index, entry) in (first_entry..).zip(entries) {
            let id = entry.id();
            let duplicate_of = self.mark(id);
            // A server may send more than was asked for. The application has had that.
            if index >= self.from {
                let (nonce, bytes) = (entry.nonce(), entry.command());
                commands.push(Command { index, id, nonce, bytes, duplicate_of });
            }
        }
        // A block without commands is news for those who wait for time, not for those who have not
        // come to their first entry.
        (!commands.is_empty() || header.log_size >= self.from && is_empty).then_some(Decided {
            height: header.height.0,
            epoch: header.epoch.0,
            timestamp_us: header.timestamp_us.0,
            next_index: header.log_size,
            commands,
            certificate,
        })
    }

    fn mark(&mut self, id: ProposalId) -> Option<u64> {
        self.duplicates.as_mut()?.observe(id)
    }
}

fn read_header(bytes: &[u8]) -> Result<BlockHeader, String> {
    BlockHeader::from_bytes(bytes).map_err(|error| format!("a header cannot be read: {error}"))
}

fn check_certified(header: &BlockHeader, certificate: &Certificate) -> Result<(), String> {
    let checkpoint = &certificate.checkpoint;
    let same = header.hash().0 == checkpoint.block.0
        && header.height.0 == checkpoint.height
        && header.epoch.0 == checkpoint.epoch
        && header.log_size == checkpoint.log_size
        && header.log_root.0 == checkpoint.log_root.0;
    same.then_some(()).ok_or_else(|| {
        format!("block {} is not the one that the alliance certified", header.height)
    })
}
