//! Servers that begin with different blocks meet.

use super::*;
use crate::config::Limits;
use crate::io::{Outgoing, Output};
use ally_consensus::{
    AllianceId, BlockHash, Config as EngineConfig, Context, Epoch, PolicyDigest, Rotation,
};
use ally_policy::FaultModel;
use std::sync::Arc;

const ORIGIN: &str = "example.org/test";

struct Bench {
    certifier: Certifier,
    peers: Peers,
    out: Outbox,
    now: Micros,
}

impl Bench {
    /// The certifier of a server among four that are all connected; two shares make a certificate.
    fn new(me: u16) -> Self {
        let policy = Arc::new(TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap());
        let mut peers = Peers::new(ServerIndex(me), 4);
        (0..4).for_each(|server| peers.connect(ServerIndex(server)));
        let certifier = Certifier::new(&config(me, policy), None);
        Self { certifier, peers, out: Outbox::default(), now: Micros(1_000_000) }
    }

    fn deliver(&mut self, height: u64) {
        let Head { block, log_size, log_root } = head(height);
        self.certifier.delivered(block, log_size, log_root, self.now);
    }

    fn share(&mut self, from: u16, head: Head) {
        let body = certify_share(&head, vec![1]);
        let share = Signed { signer: ServerIndex(from), signature: [0; 64], body };
        self.certifier.share(Arc::new(share), &self.peers, &mut self.out);
    }

    /// What the certifier asks for next: the heights of shares to compute.
    fn asked(&mut self) -> Vec<u64> {
        self.certifier.poll(self.now, &self.peers, &mut self.out);
        let mut outputs = Vec::new();
        self.out.drain_into(&mut outputs);
        let asked = outputs.into_iter().filter_map(|output| match output {
            Output::Run(job) => match *job {
                Job::CertifyShare(checkpoint) => Some(checkpoint.height),
                _ => None,
            },
            _ => None,
        });
        asked.collect()
    }

    /// A block that the others deliver too, and its certificate, which comes at once or, if a server
    /// that gives nothing has the turn, when patience is over. Gives how long that took, µs.
    fn certify(&mut self, height: u64, mute: ServerIndex) -> u64 {
        self.deliver(height);
        self.asked();
        let round = self.certifier.round.as_ref().expect("nothing else is to be certified");
        let (started, due, waits) = (round.started, round.due, round.preferred.contains(mute));
        self.now = if waits { due } else { Micros(started.0 + QUICK) };
        self.asked();
        (0..4).filter(|from| ServerIndex(*from) != mute).for_each(|f| self.share(f, head(height)));
        let Head { block, log_size, log_root } = head(height);
        let signature = vec![9];
        let certificate = Arc::new(CheckpointCertificate { block, log_size, log_root, signature });
        assert!(self.certifier.certificate(&certificate, self.now, &mut self.out));
        let took = self.now.0 - started.0;
        // Nothing that was done costs the pause that certificates under load need.
        self.now.0 += 1_000_000;
        took
    }

    fn round(&self) -> Option<u64> {
        self.certifier.round.as_ref().map(|round| round.head.block.height.0)
    }
}

fn config(me: u16, policy: Arc<TrustPolicy>) -> Config {
    let context = Context {
        alliance: AllianceId([1; 32]),
        epoch: Epoch(0),
        policy: PolicyDigest(policy.digest()),
    };
    let servers = (0..4).map(|server| vec![ServerIndex(server)]).collect();
    let rotation = Rotation::new(Epoch(0), servers);
    let base_timeout = Micros(1_000_000);
    let quorums = Arc::clone(&policy) as _;
    let engine = EngineConfig::new(context, ServerIndex(me), quorums, rotation, base_timeout);
    Config { engine, policy, origin: Origin::new(ORIGIN).unwrap(), limits: Limits::default() }
}

fn head(height: u64) -> Head {
    let block = BlockRef { height: Height(height), hash: BlockHash([height as u8; 32]) };
    Head { block, log_size: height, log_root: Digest([height as u8; 32]) }
}

/// The two servers whose turn it is while nothing is certified.
fn whose_turn() -> (u16, u16) {
    let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
    let (set, _) = target::preferred(&policy, Height::ZERO, &policy.everybody());
    let servers: Vec<_> = set.iter().map(|server| server.0).collect();
    (servers[0], servers[1])
}

/// How long a certificate takes if all whose turn it is are there, µs.
const QUICK: u64 = 10_000;

/// A server that is connected and gives no share has a turn like others, half of all with four servers.
#[test]
fn who_lets_turns_pass_costs_few_waits_and_no_more_patience() {
    let mut bench = Bench::new(0);
    let took: Vec<_> = (1..=100).map(|height| bench.certify(height, ServerIndex(3))).collect();
    let waited: Vec<_> = took.iter().filter(|took| **took > QUICK).collect();
    assert!((1..10).contains(&waited.len()), "{waited:?}");
    assert!(waited.iter().rev().is_sorted(), "patience does not grow: {waited:?}");
}

/// Heights that the rule names one after the other.
const EARLY: u64 = 2;
const LATE: u64 = 4;

/// A certify set of servers gives shares, whoever has delivered how much. If the turn went by the block,
/// each could leave it to others.
#[test]
fn servers_that_begin_with_different_blocks_are_the_same_servers() {
    let (first, second) = whose_turn();
    for delivered in 1..=64 {
        for server in 0..4 {
            let mut bench = Bench::new(server);
            (1..=delivered).for_each(|height| bench.deliver(height));
            let gives = !bench.asked().is_empty();
            assert_eq!(gives, server == first || server == second, "{server}, {delivered} blocks");
        }
    }
}

/// A lower certificate that others made passes the turn on, also in the middle of a round.
#[test]
fn the_turn_passes_on_with_each_certificate() {
    let mut givers = Vec::new();
    for server in 0..4 {
        let mut bench = Bench::new(server);
        (1..=LATE).for_each(|height| bench.deliver(height));
        let mut asked = bench.asked();
        let Head { block, log_size, log_root } = head(3);
        let signature = vec![9];
        let lower = Arc::new(CheckpointCertificate { block, log_size, log_root, signature });
        assert!(bench.certifier.certificate(&lower, bench.now, &mut bench.out));
        asked.extend(bench.asked());
        assert_eq!(bench.round(), Some(LATE));
        if !asked.is_empty() {
            assert_eq!(asked, [LATE], "once");
            givers.push(server);
        }
    }
    let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
    let turn = |certified| target::preferred(&policy, Height(certified), &policy.everybody()).0;
    let both: Vec<_> = turn(0).union(&turn(3)).iter().map(|server| server.0).collect();
    assert_ne!(turn(0), turn(3), "or this shows nothing");
    assert_eq!(givers, both);
}

#[test]
fn a_share_on_what_the_rule_names_by_now_is_joined() {
    let (me, peer) = whose_turn();
    let mut bench = Bench::new(me);
    (1..=3).for_each(|height| bench.deliver(height));
    assert_eq!(bench.asked(), [EARLY]);
    // A peer delivered one block more before it began.
    bench.share(peer, head(LATE));
    assert_eq!((bench.asked(), bench.round()), (vec![], Some(EARLY)), "not delivered here yet");
    bench.deliver(LATE);
    assert_eq!((bench.asked(), bench.round()), (vec![LATE], Some(LATE)));
}

#[test]
fn shares_on_anything_else_move_nobody() {
    let (me, peer) = whose_turn();
    let mut bench = Bench::new(me);
    (1..=3).for_each(|height| bench.deliver(height));
    assert_eq!(bench.asked(), [EARLY]);
    for height in [1, 3] {
        bench.share(peer, head(height));
        assert_eq!((bench.asked(), bench.round()), (vec![], Some(EARLY)));
    }
    bench.deliver(LATE);
    let wrong = Head { log_size: 9, ..head(LATE) };
    bench.share(peer, wrong);
    assert_eq!((bench.asked(), bench.round()), (vec![], Some(EARLY)), "of another log");
}

#[test]
fn a_share_for_the_block_left_behind_is_not_sent() {
    let (me, peer) = whose_turn();
    let mut bench = Bench::new(me);
    (1..=4).for_each(|height| bench.deliver(height));
    bench.certifier.delivered.pop_back();
    assert_eq!(bench.asked(), [EARLY]);
    bench.deliver(LATE);
    bench.share(peer, head(LATE));
    assert_eq!(bench.asked(), [LATE]);
    bench.certifier.own_share(head(EARLY).block, vec![2], &bench.peers, &mut bench.out);
    bench.certifier.own_share(head(LATE).block, vec![3], &bench.peers, &mut bench.out);
    let mut outputs = Vec::new();
    bench.out.drain_into(&mut outputs);
    let sent = outputs.into_iter().filter_map(|output| match output {
        Output::Send { message: Outgoing::ToSign(Unsigned::CertifyShare(share)), .. } => {
            Some(share.block.height.0)
        }
        _ => None,
    });
    assert_eq!(sent.collect::<Vec<_>>(), [LATE]);
}

#[test]
fn shares_on_two_logs_of_one_height_are_proof_once_and_used_no_more() {
    let (me, peer) = whose_turn();
    let mut bench = Bench::new(me);
    (1..=2).for_each(|height| bench.deliver(height));
    assert_eq!(bench.asked(), [EARLY]);
    bench.share(peer, head(EARLY));
    bench.share(peer, Head { log_root: Digest([9; 32]), ..head(EARLY) });
    bench.share(peer, head(EARLY));
    let mut outputs = Vec::new();
    bench.out.drain_into(&mut outputs);
    let proofs = outputs.iter().filter_map(|output| match output {
        Output::Write { op: StoreOp::Evidence(evidence), .. } => Some(evidence.culprit()),
        _ => None,
    });
    assert_eq!(proofs.collect::<Vec<_>>(), [ServerIndex(peer)]);
    let round = bench.certifier.round.as_ref().expect("under way");
    assert!(round.share(ServerIndex(peer)).is_none(), "neither can be believed");
}

/// Whether a round is under way so many µs after the last block, although the budget is used up for
/// long.
fn begun_after(wait: u64) -> bool {
    let mut bench = Bench::new(0);
    bench.certify(1, ServerIndex(3));
    let dear = Micros(10_000_000);
    let done = Done::CheckShare { block: head(1).block, server: ServerIndex(3), valid: true };
    bench.certifier.spent(&done, dear);
    bench.certify(2, ServerIndex(3));
    bench.deliver(3);
    assert!(bench.certifier.pace.next() > Micros(bench.now.0 + dear.0), "it is used up");
    let due = bench.certifier.deadline().expect("something is to be certified");
    bench.now.0 += wait;
    let begun = !bench.asked().is_empty() || bench.round().is_some();
    assert_eq!(begun, bench.now >= due, "it begins when it said it would");
    begun
}

#[test]
fn a_budget_that_is_used_up_delays_nothing_for_long_where_it_is_quiet() {
    assert!(!begun_after(1_000));
    assert!(begun_after(2_000_000));
}
