//! Tests of the BLS scheme: published vectors, all subsets of small policies, hostile input; with
//! keys of one dealer, and with keys that never had one.

mod dealers;
mod handovers;
mod hostile;
mod subsets;
mod vectors;

use crate::{
    Contribution, Dealing, Dealt, Handover, KeyShare, Plan, PublicKey, Scheme, SecretPart,
    SignatureShare, deal,
};
use ally_codec::Encode;
use ally_policy::{Formula, ServerIndex, ServerSet};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use zeroize::Zeroizing;

const MESSAGE: &[u8] = b"example.org/clearing\n13\n";

fn leaf(server: u16) -> Formula {
    Formula::Leaf(ServerIndex(server))
}

fn gate<const M: usize>(threshold: u16, children: [Formula; M]) -> Formula {
    Formula::gate(threshold, children.to_vec()).expect("a sound gate")
}

fn threshold(k: u16, n: u16) -> Formula {
    Formula::gate(k, (0..n).map(leaf).collect()).expect("a sound gate")
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn dealt(formula: &Formula) -> Dealt {
    dealt_from(formula, 7)
}

fn dealt_from(formula: &Formula, seed: u64) -> Dealt {
    deal(Scheme::Bls12381, formula, 0, &mut rng(seed), &()).expect("nobody cancels")
}

/// The shares of the servers in `set`.
fn sign(dealt: &Dealt, message: &[u8], set: &ServerSet) -> Vec<(ServerIndex, SignatureShare)> {
    let signers = dealt.shares.iter().filter(|share| set.contains(share.server()));
    signers
        .map(|share| {
            let signed = share.sign(&dealt.public, message).expect("its own key");
            (share.server(), signed)
        })
        .collect()
}

/// A key with the shares of all its holders, however it was made.
struct Held {
    public: PublicKey,
    shares: Vec<KeyShare>,
}

impl Held {
    /// A key that `dealers` make together.
    fn generated(formula: &Formula, dealers: u64) -> Self {
        let plan = Plan::new(Scheme::Bls12381, 1, formula, 1).expect("a sound plan");
        let deal = |seed| plan.deal(&mut rng(seed), &()).expect("nobody cancels");
        let dealt: Vec<Dealing> = (0..dealers).map(|dealer| deal(100 + dealer)).collect();
        let given: Vec<Contribution> =
            dealt.iter().map(|(given, _)| plan.contribution(&given.to_bytes()).unwrap()).collect();
        let public = plan.public_key(&given.iter().collect::<Vec<_>>()).unwrap();
        let share = |server: ServerIndex| {
            let part = |(given, (_, parts)): (&Contribution, &Dealing)| {
                plan.part(given, server, &part_of(parts, server)).unwrap()
            };
            let parts: Vec<SecretPart> = given.iter().zip(&dealt).map(part).collect();
            plan.key_share(&public, &parts).unwrap()
        };
        let shares = formula.servers().iter().map(share).collect();
        Self { public, shares }
    }

    /// The same key after a handover by `dealers`, with everything sent as bytes.
    fn handed_over(&self, handover: &Handover, dealers: &ServerSet) -> Self {
        let holders = self.shares.iter().filter(|share| dealers.contains(share.server()));
        let deal = |(seed, own): (u64, &KeyShare)| {
            (own.server(), handover.deal(own, &mut rng(200 + seed)).expect("its own key"))
        };
        let dealt: Vec<(ServerIndex, Dealing)> = (0..).zip(holders).map(deal).collect();
        let read = |(dealer, (given, _)): &(ServerIndex, Dealing)| {
            (*dealer, handover.contribution(*dealer, &given.to_bytes()).unwrap())
        };
        let given: Vec<(ServerIndex, Contribution)> = dealt.iter().map(read).collect();
        let by_dealer: Vec<_> = given.iter().map(|(dealer, given)| (*dealer, given)).collect();
        let public = handover.public_key(&by_dealer).unwrap();
        let share = |server: ServerIndex| {
            let part = |((dealer, given), (_, (_, parts))): (&(ServerIndex, _), &(_, Dealing))| {
                (*dealer, handover.part(given, server, &part_of(parts, server)).unwrap())
            };
            let parts: Vec<_> = given.iter().zip(&dealt).map(part).collect();
            let own = self.shares.iter().find(|own| own.server() == server);
            handover.key_share(&public, own, &parts).unwrap()
        };
        let shares = handover.formula().servers().iter().map(share).collect();
        Self { public, shares }
    }

    fn refreshed(&self) -> Self {
        let handover = Handover::refresh(&self.public, self.public.epoch() + 1).unwrap();
        self.handed_over(&handover, &self.public.formula().servers())
    }

    fn reshared(&self, formula: &Formula, dealers: &ServerSet) -> Self {
        let handover = Handover::reshare(&self.public, formula, self.public.epoch() + 1).unwrap();
        self.handed_over(&handover, dealers)
    }

    /// The shares of the servers in `set`.
    fn sign(&self, message: &[u8], set: &ServerSet) -> Vec<(ServerIndex, SignatureShare)> {
        let signers = self.shares.iter().filter(|share| set.contains(share.server()));
        signers
            .map(|share| (share.server(), share.sign(&self.public, message).expect("its own key")))
            .collect()
    }
}

fn part_of(parts: &[SecretPart], server: ServerIndex) -> Zeroizing<Vec<u8>> {
    parts.iter().find(|part| part.server() == server).expect("a part for each server").encode()
}

/// All sets out of `servers`.
fn subsets(servers: &ServerSet) -> Vec<ServerSet> {
    let servers: Vec<ServerIndex> = servers.iter().collect();
    let set = |bits: u32| {
        let members = servers.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
        members.map(|(_, server)| *server).collect()
    };
    (0..1 << servers.len()).map(set).collect()
}
