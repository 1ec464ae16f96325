//! What the client API reads and submits, over the store and the driver.

use crate::api::{
    AnchorProof, Backend, Busy, DecidedBlock, EvidenceView, PeerView, Progress, ReadError,
    StatusView, Submission, Tip,
};
use crate::driver::{Board, Event, Published, RETRY_AFTER, StatusBoard, StoredError, StoredLog};
use crate::evidence::kind_name;
use crate::net::Links;
use crate::store::EvidenceKey;
use ally_alliance::keys::ClientPublic;
use ally_consensus::{CheckpointCertificate, Digest, Height};
use ally_keyring::PublicKeys;
use ally_log::{Certificate, Frontier, Prover, Receipt};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy, explain};
use ally_proto::{DuplicateWindow, Entry, ProposalId};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Work without a decision for this many base timeouts is called stalled.
const STALLED_TIMEOUTS: u32 = 3;

/// A running server as its client API sees it.
pub(crate) struct NodeBackend {
    /// Where submissions go.
    pub(crate) driver: mpsc::Sender<Event>,
    /// How far readers may see.
    pub(crate) published: Arc<Published>,
    /// What is decided.
    pub(crate) log: StoredLog,
    /// Everybody's keys.
    pub(crate) keys: Arc<PublicKeys>,
    /// Who has to agree.
    pub(crate) policy: Arc<TrustPolicy>,
    /// Which entries are repetitions.
    pub(crate) duplicates: Arc<Mutex<DuplicateWindow>>,
    /// What the driver shows.
    pub(crate) board: Arc<StatusBoard>,
    /// The other servers.
    pub(crate) links: Links,
    /// This server.
    pub(crate) me: ServerIndex,
    /// The engine's base timeout.
    pub(crate) base_timeout: Duration,
    /// The alliance document.
    pub(crate) document: Arc<str>,
}

impl Backend for NodeBackend {
    fn submit(&self, _client: ClientPublic, submission: Submission) -> Result<(), Busy> {
        self.driver.try_send(Event::Submitted(submission)).map_err(|refused| {
            let (mpsc::error::TrySendError::Full(event) | mpsc::error::TrySendError::Closed(event)) =
                refused;
            let Event::Submitted(submission) = event else {
                unreachable!("what comes back is what was sent")
            };
            Busy { submission, retry_after: RETRY_AFTER }
        })
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.published.watch()
    }

    fn height_of(&self, index: u64) -> Result<Height, ReadError> {
        let tip = self.published.tip();
        if index >= tip.log_size {
            return Ok(tip.height.next());
        }
        let block = self.log.block_with(index)?;
        Ok(block.map_or_else(|| tip.height.next(), |block| block.header.height))
    }

    fn blocks(&self, from: Height, bytes_limit: usize) -> Result<Vec<DecidedBlock>, ReadError> {
        let tip = self.published.tip();
        let mut blocks = Vec::new();
        let mut bytes = 0;
        let mut height = from;
        while height <= tip.height && (blocks.is_empty() || bytes < bytes_limit) {
            let Some(record) = self.log.block(height)? else { break };
            let batches = self.log.batches(&record)?;
            let entries: Vec<_> =
                batches.iter().flat_map(|signed| signed.batch.commands()).collect();
            bytes += entries.iter().map(bytes::Bytes::len).sum::<usize>();
            let first_index = record.header.log_size.saturating_sub(entries.len() as u64);
            blocks.push(DecidedBlock { header: record.header, first_index, entries });
            height = height.next();
        }
        Ok(blocks)
    }

    fn frontier(&self, size: u64) -> Result<Frontier, ReadError> {
        let Some(last) = size.checked_sub(1) else { return Ok(Frontier::new()) };
        match self.log.block_with(last)? {
            Some(block) if block.header.log_size == size => Ok(block.state.frontier().clone()),
            _ => Err(ReadError::Store(format!("no block ends at log size {size}"))),
        }
    }

    fn anchor(&self, height: Height, headers_max: usize) -> Result<Option<AnchorProof>, ReadError> {
        if self.published.tip().certified_height < height {
            return Ok(None);
        }
        let mut headers = Vec::new();
        let size = match self.log.block(height)? {
            Some(block) => block.header.log_size,
            None if height == Height::ZERO => 0,
            None => return Ok(None),
        };
        let Some(certificate) = self.log.certificate_from(size, height)? else { return Ok(None) };
        let mut next = height.next();
        while next <= certificate.block.height {
            if headers.len() == headers_max {
                return Ok(None);
            }
            let Some(block) = self.log.block(next)? else { return Ok(None) };
            headers.push(block.header);
            next = next.next();
        }
        Ok(Some(AnchorProof { certificate: self.certificate(certificate), headers }))
    }

    fn receipt(&self, index: u64) -> Result<Option<(Receipt, Entry)>, ReadError> {
        let tip = self.published.tip();
        if index >= tip.certified_log_size {
            return Ok(None);
        }
        let Some(certificate) = self.log.certificate_from(index + 1, Height::ZERO)? else {
            return Ok(None);
        };
        let Some(entry) = self.entry(index)? else { return Ok(None) };
        let edge = self.published.edge();
        let mut prover = Prover::new(edge.with_edge(&self.log), certificate.log_size);
        let proof = prover.inclusion(index).map_err(|e| ReadError::Store(e.to_string()))?;
        let leaf = entry.id().0;
        let certificate = self.certificate(certificate);
        Ok(Some((Receipt { index, leaf, proof, certificate }, entry)))
    }

    fn find(&self, id: &ProposalId) -> Option<u64> {
        self.duplicates.lock().unwrap_or_else(PoisonError::into_inner).find(id)
    }

    fn all_evidence(&self) -> Result<Vec<EvidenceView>, ReadError> {
        let kept = self.log.all_evidence()?.into_iter();
        Ok(kept
            .map(|(EvidenceKey { culprit, kind, digest }, size)| EvidenceView {
                digest,
                server: self.server_name(culprit),
                organisation: self.organisation_name(culprit),
                kind: kind_name(kind),
                size,
            })
            .collect())
    }

    fn evidence(&self, digest: Digest) -> Result<Option<Bytes>, ReadError> {
        Ok(self.log.evidence(digest)?)
    }

    fn status(&self) -> StatusView {
        let board = self.board.read();
        let (view, leader) = match &board.replica {
            Some(replica) => (replica.agreement.view, self.server_name(replica.agreement.leader)),
            None => (ally_consensus::View::ZERO, String::new()),
        };
        let (peers, connected) = self.peers();
        let (progress, progress_for) = self.progress(&board);
        let reached = match (&board.replica, progress) {
            // A connection says little: a server that is stuck keeps it open. What counts is who
            // has nothing to say to work that waits.
            (Some(replica), Progress::Stalled) => connected.difference(&replica.agreement.missing),
            _ => connected,
        };
        let explanation = explain(&self.policy, &self.policy.everybody().difference(&reached));
        StatusView {
            alliance: self.keys.context.alliance,
            origin: self.keys.origin.as_str().to_owned(),
            epoch: self.keys.context.epoch,
            server: self.server_name(self.me),
            organisation: self.organisation_name(self.me),
            progress,
            progress_for,
            view,
            leader,
            tip: self.published.tip(),
            two_step_decisions: board.decisions[0],
            three_step_decisions: board.decisions[1],
            view_changes: board.view_changes,
            undecided_commands: board.undecided_commands,
            peers,
            missing_organisations: explanation.missing_organisations().to_vec(),
            margin: explanation.more_may_fail().map(|count| count as u32),
        }
    }

    fn document(&self) -> Arc<str> {
        Arc::clone(&self.document)
    }
}

impl NodeBackend {
    fn certificate(&self, certificate: CheckpointCertificate) -> Certificate {
        let checkpoint = self.keys.checkpoint(&certificate);
        Certificate { checkpoint, signature: certificate.signature }
    }

    fn entry(&self, index: u64) -> Result<Option<Entry>, ReadError> {
        let Some(block) = self.log.block_with(index)? else { return Ok(None) };
        let commands: u64 = block.batches.iter().map(|batch| u64::from(batch.commands)).sum();
        let mut first = block.header.log_size.saturating_sub(commands);
        for reference in block.batches.iter() {
            let count = u64::from(reference.commands);
            if index < first + count {
                let batch = self.log.batch(&reference.into())?;
                let offset = (index - first) as usize;
                let bytes = batch.and_then(|signed| signed.batch.commands().nth(offset));
                let entry = bytes.map(Entry::from_bytes).transpose();
                return entry.map_err(|e| ReadError::Store(format!("entry {index}: {e}")));
            }
            first += count;
        }
        Ok(None)
    }

    fn peers(&self) -> (Vec<PeerView>, ServerSet) {
        let mut reached: ServerSet = [self.me].into_iter().collect();
        let status = self.links.status();
        let peers = status.peers.iter().map(|peer| {
            let connected = peer.connected_for.is_some();
            if connected {
                reached.insert(peer.server);
            }
            let failed_for = peer.last_error.as_ref().map(|(_, ago)| *ago);
            PeerView {
                server: self.server_name(peer.server),
                organisation: self.organisation_name(peer.server),
                connected,
                since: peer.connected_for.or(failed_for).unwrap_or_default(),
                rtt: peer.round_trip,
                last_error: peer.last_error.as_ref().map(|(reason, _)| reason.clone()),
            }
        });
        let peers = peers.collect();
        (peers, reached)
    }

    fn progress(&self, board: &Board) -> (Progress, Duration) {
        let age = |since: Option<Instant>| since.map_or(Duration::ZERO, |at| at.elapsed());
        let Some(busy) = board.busy_since else { return (Progress::Idle, age(board.progressed)) };
        if board.replica.as_ref().is_some_and(|replica| replica.catching_up) {
            return (Progress::CatchingUp, busy.elapsed());
        }
        let quiet = age(Some(board.progressed.map_or(busy, |at| at.max(busy))));
        match quiet > self.base_timeout * STALLED_TIMEOUTS {
            true => (Progress::Stalled, quiet),
            false => (Progress::Committing, busy.elapsed()),
        }
    }

    fn server_name(&self, server: ServerIndex) -> String {
        self.policy.servers().get(server.index()).cloned().unwrap_or_default()
    }

    fn organisation_name(&self, server: ServerIndex) -> String {
        let organisation = self.policy.organisation_of(server);
        organisation.map_or_else(String::new, |organisation| organisation.name().to_owned())
    }
}

impl From<StoredError> for ReadError {
    fn from(error: StoredError) -> Self {
        Self::Store(error.to_string())
    }
}
