//! One attempt to certify one block.

use crate::wire::{CertifyShare, ShareProof};
use ally_consensus::{BlockRef, Bug, Bugs, Digest, Height, Micros, Signed};
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the checkpoint statement of a block is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) block: BlockRef,
    pub(super) log_size: u64,
    pub(super) log_root: Digest,
}

impl Head {
    /// Whether a share is on this very statement.
    pub(super) fn matches(&self, share: &CertifyShare) -> bool {
        let CertifyShare { block, log_size, log_root, .. } = share;
        (self.block, self.log_size, self.log_root) == (*block, *log_size, *log_root)
    }
}

/// Where this server's own share is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnShare {
    /// Not asked for: others were to give theirs first.
    Withheld,
    /// Being computed.
    Underway,
    /// Given.
    Given(Vec<u8>),
}

/// What the round waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Shares.
    Gathering,
    /// The combination of these servers' shares.
    Combining(ServerSet),
    /// Proofs of shares that did not combine.
    Proving {
        /// Whose.
        awaited: ServerSet,
        /// Whether a wrong one was found.
        found: bool,
    },
}

/// The shares for one block.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) head: Head,
    /// What was certified when turns were taken last: names who gives a share at once.
    pub(super) above: Height,
    pub(super) started: Micros,
    /// When shares were asked for last: of those preferred at the start, of all when patience ran out.
    pub(super) asked: Micros,
    /// Whose turn it was.
    pub(super) preferred: ServerSet,
    /// How often patience ran out.
    pub(super) attempts: u32,
    /// When it runs out next.
    pub(super) due: Micros,
    pub(super) own: OwnShare,
    pub(super) phase: Phase,
    shares: BTreeMap<ServerIndex, Arc<Signed<CertifyShare>>>,
    proofs: BTreeMap<ServerIndex, Signed<ShareProof>>,
    /// Shares that were proved right.
    pub(super) proven: ServerSet,
    /// Servers whose shares are wrong, or were not proved in time.
    pub(super) excluded: ServerSet,
}

impl Round {
    pub(super) fn new(head: Head, above: Height, now: Micros, due: Micros) -> Self {
        Self {
            head,
            above,
            started: now,
            asked: now,
            preferred: ServerSet::EMPTY,
            attempts: 0,
            due,
            own: OwnShare::Withheld,
            phase: Phase::Gathering,
            shares: BTreeMap::new(),
            proofs: BTreeMap::new(),
            proven: ServerSet::EMPTY,
            excluded: ServerSet::EMPTY,
        }
    }

    /// Takes a share on this round's statement; the first of each server counts.
    pub(super) fn add(&mut self, share: Arc<Signed<CertifyShare>>, bugs: Bugs) {
        let matches = self.head.matches(&share.body)
            || bugs.has(Bug::OtherLogShared) && self.head.block == share.body.block;
        if matches && !self.excluded.contains(share.signer) {
            self.shares.entry(share.signer).or_insert(share);
        }
    }

    /// A server's share.
    pub(super) fn share(&self, server: ServerIndex) -> Option<&Signed<CertifyShare>> {
        self.shares.get(&server).map(Arc::as_ref)
    }

    /// Notes a proof; the first of each server counts. False if it was not waited for.
    pub(super) fn add_proof(&mut self, proof: &Signed<ShareProof>) -> bool {
        let Phase::Proving { awaited, .. } = &self.phase else { return false };
        let expected = proof.body.block == self.head.block
            && awaited.contains(proof.signer)
            && !self.proofs.contains_key(&proof.signer);
        if expected {
            self.proofs.insert(proof.signer, proof.clone());
        }
        expected
    }

    /// A server's proof.
    pub(super) fn proof(&self, server: ServerIndex) -> Option<&Signed<ShareProof>> {
        self.proofs.get(&server)
    }

    /// Leaves a server's share out from now on.
    pub(super) fn exclude(&mut self, server: ServerIndex) {
        self.excluded.insert(server);
        self.shares.remove(&server);
    }

    /// Whose shares could be combined, `me` among them once its own is there.
    pub(super) fn contributors(&self, me: ServerIndex) -> ServerSet {
        let mut set: ServerSet = self.shares.keys().copied().collect();
        if matches!(self.own, OwnShare::Given(_)) && !self.excluded.contains(me) {
            set.insert(me);
        }
        set
    }

    /// The shares, by ascending server.
    pub(super) fn shares(&self, me: ServerIndex) -> Vec<(ServerIndex, Vec<u8>)> {
        let others = self.shares.iter().map(|(server, share)| (*server, share.body.share.clone()));
        let mut shares: Vec<_> = others.collect();
        if let (OwnShare::Given(share), false) = (&self.own, self.excluded.contains(me)) {
            let place = shares.partition_point(|(server, _)| *server < me);
            shares.insert(place, (me, share.clone()));
        }
        shares
    }
}
