//! What a coalition has seen: proposals, which can be voted for and reported, and certificates.

use crate::random::Stream;
use ally_consensus::{BlockHash, BlockRef, NewViewCertificate, Proposal, Signed, View, ViewChange};
use ally_policy::ServerIndex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The most proposals a coalition remembers: the newest.
const REMEMBERED: usize = 256;
/// The most new-view certificates: the first, which are the most stale.
const CERTIFICATES: usize = 16;

/// Proposals by block.
#[derive(Default)]
pub(super) struct Memory {
    seen: BTreeMap<BlockHash, Signed<Proposal>>,
    order: VecDeque<BlockHash>,
    certificates: Vec<NewViewCertificate>,
    /// The first report of each server, which is the most stale.
    reports: BTreeMap<ServerIndex, Arc<Signed<ViewChange>>>,
    /// The last one.
    last_reports: BTreeMap<ServerIndex, Arc<Signed<ViewChange>>>,
}

impl Memory {
    pub(super) fn keep_certificate(&mut self, certificate: &NewViewCertificate) {
        if self.certificates.len() < CERTIFICATES && !self.certificates.contains(certificate) {
            self.certificates.push(certificate.clone());
        }
    }

    pub(super) fn certificate(&self, draw: &mut Stream) -> Option<NewViewCertificate> {
        draw.pick(&self.certificates).cloned()
    }

    /// Keeps the first report of each server, and the last.
    pub(super) fn keep_report(&mut self, report: &Signed<ViewChange>) {
        let report = Arc::new(report.clone());
        self.reports.entry(report.signer).or_insert_with(|| Arc::clone(&report));
        self.last_reports.insert(report.signer, report);
    }

    /// The last report of a server.
    pub(super) fn last_report(&self, of: ServerIndex) -> Option<&Arc<Signed<ViewChange>>> {
        self.last_reports.get(&of)
    }

    /// The first report of a server.
    pub(super) fn first_report(&self, of: ServerIndex) -> Option<&Arc<Signed<ViewChange>>> {
        self.reports.get(&of)
    }

    pub(super) fn keep(&mut self, proposal: Signed<Proposal>) {
        let hash = proposal.body.header.hash();
        if self.seen.insert(hash, proposal).is_none() {
            self.order.push_back(hash);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }

    pub(super) fn proposal(&self, block: &BlockHash) -> Option<&Signed<Proposal>> {
        self.seen.get(block)
    }

    pub(super) fn any(&self, draw: &mut Stream) -> Option<BlockHash> {
        let blocks: Vec<_> = self.seen.keys().copied().collect();
        draw.pick(&blocks).copied()
    }

    /// The newest view of a proposal that was seen.
    pub(super) fn newest_view(&self) -> View {
        let views = self.seen.values().map(|proposal| proposal.body.header.view);
        views.max().unwrap_or(View::ZERO)
    }

    pub(super) fn any_block(&self, draw: &mut Stream) -> Option<BlockRef> {
        let hash = self.any(draw)?;
        self.seen.get(&hash).map(|proposal| proposal.body.header.block_ref())
    }
}
