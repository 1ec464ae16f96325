//! Servers that begin with different blocks meet.

use super::*;
use crate::io::{Outgoing, Output};
use ally_consensus::BlockHash;
use ally_policy::FaultModel;

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
        let origin = Origin::new(ORIGIN).unwrap();
        let limits = Limits::default();
        let certifier = Certifier::new(ServerIndex(me), policy, origin, Epoch(0), &limits, None);
        Self { certifier, peers, out: Outbox::default(), now: Micros(1_000_000) }
    }

    fn deliver(&mut self, height: u64) {
        let Head { block, log_size, log_root } = head(height);
        self.certifier.delivered(block, log_size, log_root);
    }

    fn share(&mut self, from: u16, head: Head) {
        let body = certify_share(&head, vec![1]);
        let share = Signed { signer: ServerIndex(from), signature: [0; 64], body };
        self.certifier.share(share, &self.peers, &mut self.out);
    }

    /// What the certifier asks for next: the heights of shares to compute.
    fn asked(&mut self) -> Vec<u64> {
        self.certifier.poll(self.now, &self.peers, &mut self.out);
        let mut outputs = Vec::new();
        self.out.drain_into(&mut outputs);
        let asked = outputs.into_iter().filter_map(|output| match output {
            Output::Run(Job::CertifyShare(checkpoint)) => Some(checkpoint.height),
            _ => None,
        });
        asked.collect()
    }

    fn round(&self) -> Option<u64> {
        self.certifier.round.as_ref().map(|round| round.head.block.height.0)
    }
}

fn head(height: u64) -> Head {
    let block = BlockRef { height: Height(height), hash: BlockHash([height as u8; 32]) };
    Head { block, log_size: height, log_root: Digest([height as u8; 32]) }
}

/// A server that gives its share at once for both heights, and another one that does for the second.
fn preferred_for_both(first: u64, second: u64) -> (u16, u16) {
    let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
    let set = |height| target::preferred(&policy, Height(height), &policy.everybody()).0;
    let both = set(first).intersection(&set(second)).iter().next().expect("some server");
    let other = set(second).iter().find(|server| *server != both).expect("another server");
    (both.0, other.0)
}

/// A height pair that the rule names one after the other and that share a server.
const EARLY: u64 = 2;
const LATE: u64 = 4;

#[test]
fn a_share_on_what_the_rule_names_by_now_is_joined() {
    let (me, peer) = preferred_for_both(EARLY, LATE);
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
    let (me, peer) = preferred_for_both(EARLY, LATE);
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
    let (me, peer) = preferred_for_both(EARLY, LATE);
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
