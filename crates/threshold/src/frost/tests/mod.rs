//! Tests of FROST keys, from the RFC's vector to copied processes.

mod ceremonies;
mod hostile;
mod nonces;
mod properties;
mod subsets;
mod vectors;

use super::commitment::Commitment;
use super::group::SecretScalar;
use super::nonces::NoncePair;
use super::record::{NonceClaim, NonceRecord, NonceStore};
use super::session::Session;
use super::signature_share::SignatureShare;
use super::{Dealt, NonceBatch, deal};
use ally_policy::{Formula, ServerIndex, ServerSet};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

const MESSAGE: &[u8] = b"example.org/clearing\n13\nroot\n";

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// `needed of` the servers 0..count.
fn threshold(needed: u16, count: u16) -> Formula {
    let leaves = (0..count).map(|index| Formula::Leaf(ServerIndex(index))).collect();
    Formula::gate(needed, leaves).expect("a threshold")
}

fn dealt(needed: u16, count: u16) -> Dealt {
    deal(&threshold(needed, count), 3, &mut rng(7)).expect("a plain threshold")
}

fn set(servers: &[u16]) -> ServerSet {
    servers.iter().copied().map(ServerIndex).collect()
}

/// All sets out of the servers 0..count.
fn subsets(count: u16) -> impl Iterator<Item = ServerSet> {
    (0..1_u32 << count)
        .map(move |bits| (0..count).filter(|at| bits >> at & 1 == 1).map(ServerIndex).collect())
}

/// What a disk does, by serial number, and how often it wrote.
#[derive(Default)]
struct Memory {
    kept: BTreeMap<u64, NonceRecord>,
    writes: usize,
}

impl NonceStore for Memory {
    type Error = &'static str;

    fn claim(&mut self, claim: &NonceClaim) -> Result<(), Self::Error> {
        let next = claim.apply(self.kept.get(&claim.serial())).ok_or("refused")?;
        self.kept.insert(claim.serial(), next);
        self.writes += 1;
        Ok(())
    }
}

/// All holders of a key, each with a batch of nonces and a store.
struct Holders {
    dealt: Dealt,
    batches: Vec<NonceBatch>,
    stores: Vec<Memory>,
}

impl Holders {
    fn new(dealt: Dealt, count: u16, seed: u64) -> Self {
        let mut rng = rng(seed);
        let mut stores = Vec::new();
        let open = |share| {
            let mut store = Memory::default();
            let batch = NonceBatch::open(&dealt.public, share, 0, count, &mut store, &mut rng);
            stores.push(store);
            batch.expect("a fresh store")
        };
        let batches = dealt.shares.iter().map(open).collect();
        Self { dealt, batches, stores }
    }

    /// The commitments of `signers`, each with its nonces of that index.
    fn commitments(&self, signers: &ServerSet, index: u16) -> Vec<(ServerIndex, Commitment)> {
        let batches = self.batches.iter().map(NonceBatch::commitments);
        let chosen = batches.filter(|batch| signers.contains(batch.server()));
        let one = |index| move |batch: &super::CommitmentBatch| batch.commitment(index);
        chosen.filter_map(one(index)).map(|given| (given.server(), given)).collect()
    }

    fn session(&self, message: &[u8], signers: &ServerSet, index: u16) -> Session {
        let commitments = self.commitments(signers, index);
        Session::new(&self.dealt.public, message, &commitments).expect("enough signers")
    }

    /// The shares of all signers, in ascending order.
    fn sign(&mut self, session: &Session) -> Vec<(ServerIndex, SignatureShare)> {
        let each = self.dealt.shares.iter().zip(&mut self.batches).zip(&mut self.stores);
        let signing = each.filter(|((share, _), _)| session.signers().contains(share.server()));
        signing
            .map(|((share, batch), store)| {
                let reserved = batch.reserve(std::slice::from_ref(session)).expect("fresh nonces");
                let durable = reserved.persist(store).expect("a newer record");
                let nonces = durable.into_iter().next().expect("one session");
                (share.server(), nonces.sign(share).expect("its own key"))
            })
            .collect()
    }
}

/// A share of another session with its nonces used again: what no type lets a server do.
fn sign_again(
    holders: &Holders,
    session: &Session,
    server: usize,
    pair: NoncePair,
) -> SignatureShare {
    session.sign(&holders.dealt.shares[server], pair).expect("its own key")
}

/// A pair of nonces that depends on nothing but `seed`.
fn fixed_pair(seed: u64) -> NoncePair {
    let mut rng = rng(seed);
    let hiding = SecretScalar::random(&mut rng);
    NoncePair { hiding, binding: SecretScalar::random(&mut rng) }
}
