//! When shares do not combine: proofs, and who did not give a right one.

use super::{Certifier, OwnShare, Phase};
use crate::io::{Recipients, Unsigned, When};
use crate::job::Job;
use crate::outbox::Outbox;
use crate::peers::Peers;
use crate::wire::{PeerMessage, ShareProof};
use ally_consensus::{BlockRef, Bug, Signed};
use ally_log::Checkpoint;
use ally_policy::{ServerIndex, ServerSet};
use std::collections::VecDeque;

/// The most shares given by this server whose proof can still be asked for.
const RELEASED_MAX: usize = 8;

/// The shares that this server gave last, each with its proof once somebody asked.
#[derive(Debug, Default)]
pub(super) struct Released {
    shares: VecDeque<ReleasedShare>,
}

#[derive(Debug)]
struct ReleasedShare {
    checkpoint: Checkpoint,
    block: BlockRef,
    share: Vec<u8>,
    proof: Proof,
}

/// A proof is computed once, whoever asks how often.
#[derive(Debug)]
enum Proof {
    Unasked,
    Underway(ServerSet),
    Done(Vec<u8>),
}

impl Released {
    /// Remembers a share.
    pub(super) fn add(&mut self, checkpoint: Checkpoint, block: BlockRef, share: Vec<u8>) {
        if self.share(&block).is_some() {
            return;
        }
        if self.shares.len() == RELEASED_MAX {
            self.shares.pop_front();
        }
        self.shares.push_back(ReleasedShare { checkpoint, block, share, proof: Proof::Unasked });
    }

    /// The share given on a block, if it is remembered.
    pub(super) fn share(&self, block: &BlockRef) -> Option<&[u8]> {
        self.shares.iter().find(|given| given.block == *block).map(|given| &*given.share)
    }
}

impl Certifier {
    /// A peer wants to see that this server's share on a block is right.
    pub(crate) fn proof_request(&mut self, from: ServerIndex, block: BlockRef, out: &mut Outbox) {
        let given = self.released.shares.iter_mut().find(|given| given.block == block);
        let Some(given) = given else { return };
        match &mut given.proof {
            Proof::Unasked => {
                given.proof = Proof::Underway([from].into_iter().collect());
                let (checkpoint, share) = (given.checkpoint.clone(), given.share.clone());
                out.run(Job::ProveShare { checkpoint, share });
            }
            Proof::Underway(asking) => {
                asking.insert(from);
            }
            Proof::Done(proof) => send_proof(block, proof, from, out),
        }
    }

    /// This server's own proof is there: whoever asked gets it.
    pub(crate) fn own_proof(&mut self, block: BlockRef, proof: Vec<u8>, out: &mut Outbox) {
        let given = self.released.shares.iter_mut().find(|given| given.block == block);
        let Some(given) = given else { return };
        if let Proof::Underway(asking) = &given.proof {
            asking.iter().for_each(|server| send_proof(block, &proof, server, out));
            given.proof = Proof::Done(proof);
        }
    }

    /// Asks everybody else who contributed to a wrong signature for a proof.
    pub(super) fn ask_proofs(&mut self, contributors: ServerSet, out: &mut Outbox) {
        let Some(round) = &mut self.round else { return };
        let mut awaited = contributors.difference(&round.proven);
        awaited.remove(self.me);
        round.phase = Phase::Proving { awaited, found: false };
        for server in awaited.iter() {
            let question = PeerMessage::ProofRequest(round.head.block);
            out.send(When::AtOnce, Recipients::One(server), question);
        }
    }

    /// A peer's proof: to be checked.
    pub(crate) fn proof(&mut self, proof: Signed<ShareProof>, out: &mut Outbox) {
        let Some(round) = &mut self.round else { return };
        let server = proof.signer;
        if !round.add_proof(&proof) {
            return;
        }
        let Some(share) = round.share(server) else { return };
        out.run(Job::CheckShare {
            checkpoint: super::checkpoint(&self.origin, self.epoch, &round.head),
            server,
            share: share.body.share.clone(),
            proof: proof.body.proof,
        });
    }

    /// A proof was checked. When all are, those that are right are combined again.
    pub(crate) fn share_checked(
        &mut self,
        block: BlockRef,
        server: ServerIndex,
        valid: bool,
        peers: &Peers,
        out: &mut Outbox,
    ) {
        let Some(round) = self.round.as_mut().filter(|round| round.head.block == block) else {
            return;
        };
        let Phase::Proving { awaited, found } = &mut round.phase else { return };
        if !awaited.remove(server) {
            return;
        }
        let valid = valid || self.bugs.has(Bug::ProofsUnchecked);
        *found |= !valid;
        let (complete, found) = (awaited.is_empty(), *found);
        if valid {
            round.proven.insert(server);
        } else {
            self.blame(server, out);
        }
        if complete {
            self.end_proving(found);
            self.combine_if_ready(peers, out);
        }
    }

    /// Those that did not prove their shares in time are left out for now. Silence proves nothing, so
    /// nobody is blamed.
    pub(super) fn give_up_on_proofs(&mut self) {
        let Some(round) = &mut self.round else { return };
        if let Phase::Proving { awaited, .. } = round.phase {
            self.doubted = self.doubted.union(&awaited);
            awaited.iter().for_each(|server| round.exclude(server));
            self.end_proving(true);
        }
    }

    /// `found` says whether somebody is left out now.
    fn end_proving(&mut self, found: bool) {
        let Some(round) = &mut self.round else { return };
        round.phase = Phase::Gathering;
        // Then it is this server's own share, which nobody checks: it is computed again, in case
        // memory failed, and left to the others meanwhile.
        if !found {
            round.own = OwnShare::Withheld;
        }
        self.lose_patience_now();
    }
}

fn send_proof(block: BlockRef, proof: &[u8], to: ServerIndex, out: &mut Outbox) {
    let proof = ShareProof { block, proof: proof.to_vec() };
    out.send_unsigned(When::AtOnce, Recipients::One(to), Unsigned::ShareProof(proof));
}
