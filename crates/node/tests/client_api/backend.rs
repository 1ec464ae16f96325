//! A log in memory that orders each submission at once as a block, and can misbehave.

use ally_alliance::keys::ClientPublic;
use ally_codec::Encode;
use ally_consensus::{
    AllianceId, BlockHash, BlockHeader, Digest, Epoch, Height, Micros, View, payload_digest,
};
use ally_log::{
    Certificate, CertificateVerifier, Checkpoint, Frontier, Hash, MemoryTiles, Origin, Prover,
    Receipt, leaf_hash,
};
use ally_node::api::{
    AnchorProof, Backend, Busy, DecidedBlock, EvidenceView, Progress, ReadError, StatusView,
    Submission, Tip, Undecided,
};
use ally_proto::{DuplicateWindow, Entry, ProposalId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

pub const ALLIANCE: AllianceId = AllianceId([7; 32]);

/// Signs statements with a hash over a secret: whoever does not know the secret cannot.
#[derive(Clone, Copy)]
pub struct Signature;

impl Signature {
    fn sign(statement: &[u8]) -> Vec<u8> {
        leaf_hash(&[b"the alliance's secret", statement].concat()).0.to_vec()
    }
}

impl CertificateVerifier for Signature {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        Self::sign(statement) == signature
    }
}

pub fn origin() -> Origin {
    Origin::new("example.org/test").expect("a valid origin")
}

/// How a server may misbehave.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Takes proposals and never orders them.
    Silent,
    /// Takes no proposals.
    Busy,
    /// Orders, but signs with a key of its own.
    ForgedSignature,
    /// Sends blocks whose entries are changed.
    ForgedEntries,
    /// Sends blocks and no proofs.
    NoProofs,
    /// Says that it keeps nothing.
    Forgetful,
}

/// The log that all servers of a test share.
#[derive(Default)]
pub struct Log {
    state: Mutex<State>,
    tip: watch::Sender<Tip>,
}

#[derive(Default)]
struct State {
    blocks: Vec<DecidedBlock>,
    tiles: MemoryTiles,
    frontier: Frontier,
    window: Option<DuplicateWindow>,
    certificates: BTreeMap<u64, Certificate>,
}

impl Log {
    /// Orders entries as one block; returns where each earlier copy stands.
    pub fn order(&self, entries: Vec<Bytes>) -> (u64, Height, Vec<Option<u64>>) {
        let mut state = self.lock();
        let state = &mut *state;
        let first_index = state.frontier.size();
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        state.frontier.append_many(leaves.iter().copied());
        state.tiles.append(leaves.iter().copied());
        let window = state.window.get_or_insert_with(|| DuplicateWindow::new(0));
        let earlier = leaves.iter().map(|leaf| window.observe(ProposalId(*leaf))).collect();
        let height = Height(state.blocks.len() as u64 + 1);
        let parent = state.blocks.last().map_or(BlockHash::default(), |block| block.header.hash());
        let header = BlockHeader {
            alliance: ALLIANCE,
            epoch: Epoch(0),
            height,
            view: View(0),
            parent,
            payload_digest: payload_digest(&[]),
            log_size: state.frontier.size(),
            log_root: Digest(state.frontier.root().0),
            timestamp_us: Micros(1_000_000 * height.0),
        };
        state.blocks.push(DecidedBlock { header, first_index, entries });
        let log_size = state.frontier.size();
        self.tip.send_modify(|tip| (tip.height, tip.log_size) = (height, log_size));
        (first_index, height, earlier)
    }

    /// Certifies the newest block.
    pub fn certify(&self) {
        let mut state = self.lock();
        let Some(block) = state.blocks.last() else { return };
        let header = &block.header;
        let checkpoint = Checkpoint {
            origin: origin(),
            log_size: header.log_size,
            log_root: Hash(header.log_root.0),
            epoch: 0,
            height: header.height.0,
            block: Hash(header.hash().0),
        };
        let signature = Signature::sign(checkpoint.statement().as_bytes());
        let (height, log_size) = (header.height, header.log_size);
        state.certificates.insert(height.0, Certificate { checkpoint, signature });
        self.tip.send_modify(|tip| {
            (tip.certified_height, tip.certified_log_size) = (height, log_size);
        });
    }

    pub fn size(&self) -> u64 {
        self.lock().frontier.size()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the log")
    }
}

/// One server before a shared log.
pub struct Server {
    pub name: String,
    pub log: Arc<Log>,
    pub fault: Mutex<Fault>,
    /// Whether each block is certified at once.
    pub certifies: bool,
    /// How often proposals were handed over.
    pub asked: AtomicUsize,
    /// What was taken and not ordered.
    pub held: Mutex<Vec<Submission>>,
}

impl Server {
    pub fn fault(&self) -> Fault {
        *self.fault.lock().expect("no test panics here")
    }

    pub fn set_fault(&self, fault: Fault) {
        *self.fault.lock().expect("no test panics here") = fault;
    }

    /// Orders what is held.
    pub fn release(&self) {
        let held = std::mem::take(&mut *self.held.lock().expect("no test panics here"));
        held.into_iter().for_each(|submission| self.order(submission));
    }

    fn order(&self, submission: Submission) {
        let mut undecided = Undecided::default();
        let entries = undecided.push(submission);
        let entries = entries.into_iter().map(Entry::into_bytes).collect();
        let (first_index, height, earlier) = self.log.order(entries);
        if self.certifies {
            self.log.certify();
        }
        undecided.ordered(first_index, height, &earlier);
    }

    fn certificate(&self, mut certificate: Certificate) -> Certificate {
        if self.fault() == Fault::ForgedSignature {
            certificate.signature[0] ^= 1;
        }
        certificate
    }
}

impl Backend for Server {
    fn submit(&self, _: ClientPublic, submission: Submission) -> Result<(), Busy> {
        self.asked.fetch_add(1, Relaxed);
        match self.fault() {
            Fault::Busy => Err(Busy { submission, retry_after: Duration::from_millis(400) }),
            Fault::Silent => {
                self.held.lock().expect("no test panics here").push(submission);
                Ok(())
            }
            _ => {
                self.order(submission);
                Ok(())
            }
        }
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.log.tip.subscribe()
    }

    fn height_of(&self, index: u64) -> Result<Height, ReadError> {
        let state = self.log.lock();
        let block = state.blocks.iter().find(|block| index < block.header.log_size);
        Ok(block.expect("the index is below the log size").header.height)
    }

    fn blocks(&self, from: Height, bytes_limit: usize) -> Result<Vec<DecidedBlock>, ReadError> {
        if self.fault() == Fault::Forgetful {
            return Err(ReadError::Pruned { first_kept: 7 });
        }
        let state = self.log.lock();
        let mut bytes = 0;
        let mut blocks = Vec::new();
        for block in state.blocks.iter().filter(|block| block.header.height >= from) {
            if bytes > bytes_limit {
                break;
            }
            bytes += block.entries.iter().map(Bytes::len).sum::<usize>();
            blocks.push(block.clone());
        }
        if self.fault() == Fault::ForgedEntries {
            for entry in blocks.iter_mut().flat_map(|block| &mut block.entries) {
                *entry = [b"0123456789abcdef".as_slice(), b"forged"].concat().into();
            }
        }
        Ok(blocks)
    }

    fn frontier(&self, size: u64) -> Result<Frontier, ReadError> {
        let state = self.log.lock();
        Ok(Prover::new(&state.tiles, size).frontier().expect("the tiles are in memory"))
    }

    fn anchor(&self, height: Height, headers_max: usize) -> Result<Option<AnchorProof>, ReadError> {
        let state = self.log.lock();
        let found = state.certificates.range(height.0..).next();
        let Some((certified, certificate)) = found.filter(|_| self.fault() != Fault::NoProofs)
        else {
            return Ok(None);
        };
        let headers: Vec<_> =
            (height.0..*certified).map(|at| state.blocks[at as usize].header.clone()).collect();
        let certificate = self.certificate(certificate.clone());
        Ok((headers.len() <= headers_max).then_some(AnchorProof { certificate, headers }))
    }

    fn receipt(&self, index: u64) -> Result<Option<(Receipt, Entry)>, ReadError> {
        let state = self.log.lock();
        let covers = |certificate: &&Certificate| certificate.checkpoint.log_size > index;
        let Some(certificate) = state.certificates.values().find(covers) else { return Ok(None) };
        let block = state.blocks.iter().find(|block| index < block.header.log_size);
        let block = block.expect("certified entries are ordered");
        let entry = block.entries[(index - block.first_index) as usize].clone();
        let mut prover = Prover::new(&state.tiles, certificate.checkpoint.log_size);
        let receipt = Receipt {
            index,
            leaf: leaf_hash(&entry),
            proof: prover.inclusion(index).expect("the tiles are in memory"),
            certificate: self.certificate(certificate.clone()),
        };
        assert!(!receipt.to_bytes().is_empty());
        Ok(Some((receipt, Entry::from_bytes(entry).expect("only entries are ordered"))))
    }

    fn find(&self, id: &ProposalId) -> Option<u64> {
        self.log.lock().window.as_ref()?.find(id)
    }

    fn all_evidence(&self) -> Result<Vec<EvidenceView>, ReadError> {
        Ok(Vec::new())
    }

    fn evidence(&self, _: Digest) -> Result<Option<Bytes>, ReadError> {
        Ok(None)
    }

    fn status(&self) -> StatusView {
        StatusView {
            alliance: ALLIANCE,
            origin: origin().to_string(),
            epoch: Epoch(0),
            server: self.name.clone(),
            organisation: format!("org-{}", self.name),
            progress: Progress::Stalled,
            progress_for: Duration::from_secs(3),
            view: View(4),
            leader: "a".to_owned(),
            tip: *self.log.tip.borrow(),
            two_step_decisions: 1,
            three_step_decisions: 0,
            view_changes: 4,
            undecided_commands: 0,
            peers: Vec::new(),
            missing_organisations: vec!["org-x".to_owned(), format!("org-y-of-{}", self.name)],
            margin: Some(1),
        }
    }

    fn document(&self) -> Arc<str> {
        "name = \"test\"\n".into()
    }
}
