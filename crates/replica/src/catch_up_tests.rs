use super::*;
use crate::io::{Outgoing, Output};
use ally_consensus::{
    AllianceId, BlockHash, BlockHeader, Digest, Epoch, Height, View, payload_digest,
};
use std::sync::Arc;

const TIMEOUT: Micros = Micros(100);

fn base() -> BlockRef {
    BlockRef { height: Height(10), hash: BlockHash([9; 32]) }
}

/// `count` blocks on top of `parent`.
fn blocks(parent: BlockRef, count: usize) -> Vec<SyncedBlock> {
    let mut parent = parent;
    let block = |_| {
        let header = BlockHeader {
            alliance: AllianceId([0; 32]),
            epoch: Epoch(0),
            height: parent.height.next(),
            view: View(0),
            parent: parent.hash,
            payload_digest: payload_digest(&[]),
            log_size: 0,
            log_root: Digest([0; 32]),
            timestamp_us: Micros(0),
        };
        parent = header.block_ref();
        SyncedBlock { header, batches: [].into() }
    };
    (0..count).map(block).collect()
}

fn certificate(block: BlockRef) -> CheckpointCertificate {
    CheckpointCertificate { block, log_size: 0, log_root: Digest([0; 32]), signature: vec![] }
}

struct Fixture {
    catch_up: CatchUp,
    peers: Peers,
    out: Outbox,
}

/// A server that is behind and has asked its first peer.
fn behind(target: BlockRef) -> Fixture {
    let mut peers = Peers::new(ServerIndex(0), 4);
    (1..4).for_each(|server| peers.connect(ServerIndex(server)));
    let mut catch_up = CatchUp::new(ServerIndex(0), base(), TIMEOUT);
    let mut out = Outbox::default();
    catch_up.behind(base(), Arc::new(certificate(target)), Micros(0), &peers, &mut out);
    Fixture { catch_up, peers, out }
}

impl Fixture {
    /// Who was asked for the blocks after which height since the last call; the last question.
    fn asked(&mut self) -> Option<(ServerIndex, Height)> {
        let mut outputs = Vec::new();
        self.out.drain_into(&mut outputs);
        outputs.into_iter().rev().find_map(|output| match output {
            Output::Send {
                to: Recipients::One(peer), message: Outgoing::Ready(message), ..
            } => match *message {
                PeerMessage::SyncRequest(after) => Some((peer, after)),
                _ => None,
            },
            _ => None,
        })
    }

    fn answer(
        &mut self,
        from: ServerIndex,
        blocks: Vec<SyncedBlock>,
        certificate: Option<CheckpointCertificate>,
    ) -> Option<Range> {
        let answer = SyncBlocks { blocks, certificate };
        self.catch_up.answer(from, answer, Micros(1), &mut self.out)
    }
}

#[test]
fn a_range_is_believed_when_a_certificate_ends_it() {
    let all = blocks(base(), 5);
    let last = all[4].header.block_ref();
    let mut fixture = behind(last);
    let (peer, after) = fixture.asked().unwrap();
    assert_eq!(after, Height(10));
    assert_eq!(fixture.answer(peer, all[..3].to_vec(), None), None);
    assert_eq!(fixture.asked(), Some((peer, Height(13))));
    let range = fixture.answer(peer, all[3..].to_vec(), Some(certificate(last))).unwrap();
    assert_eq!(range.blocks, all);
    fixture.catch_up.go_on(peer, last, Micros(2), &mut fixture.out);
    assert!(!fixture.catch_up.is_active());
    assert_eq!((fixture.asked(), fixture.catch_up.deadline()), (None, None));
}

#[test]
fn only_the_peer_that_was_asked_is_heard() {
    let all = blocks(base(), 2);
    let last = all[1].header.block_ref();
    let mut fixture = behind(last);
    let (peer, _) = fixture.asked().unwrap();
    let other = ServerIndex(if peer.0 == 1 { 2 } else { 1 });
    assert_eq!(fixture.answer(other, all, Some(certificate(last))), None);
    assert!(fixture.catch_up.liars().is_empty());
}

#[test]
fn blocks_from_elsewhere_cost_the_peer_its_turn() {
    let elsewhere = BlockRef { height: Height(10), hash: BlockHash([1; 32]) };
    let mut fixture = behind(blocks(base(), 5)[4].header.block_ref());
    let (peer, _) = fixture.asked().unwrap();
    let blocks = blocks(elsewhere, 2);
    let last = blocks[1].header.block_ref();
    assert_eq!(fixture.answer(peer, blocks, Some(certificate(last))), None);
    assert!(fixture.catch_up.liars().contains(peer));
    fixture.catch_up.poll(base(), Micros(1), &fixture.peers, &mut fixture.out);
    let (next, after) = fixture.asked().unwrap();
    assert!(next != peer && after == Height(10));
}

#[test]
fn a_silent_peer_is_left_after_a_timeout_and_a_lost_one_at_once() {
    let mut fixture = behind(blocks(base(), 5)[4].header.block_ref());
    let (first, _) = fixture.asked().unwrap();
    fixture.catch_up.poll(base(), Micros(99), &fixture.peers, &mut fixture.out);
    assert_eq!(fixture.asked(), None);
    fixture.catch_up.poll(base(), Micros(100), &fixture.peers, &mut fixture.out);
    let (second, _) = fixture.asked().unwrap();
    assert_ne!(first, second);
    fixture.peers.disconnect(second);
    fixture.catch_up.links_changed(Micros(101), &fixture.peers);
    fixture.catch_up.poll(base(), Micros(101), &fixture.peers, &mut fixture.out);
    assert!(fixture.asked().is_some_and(|(third, _)| third != second));
}

#[test]
fn without_a_certificate_both_blocks_and_answers_are_bounded() {
    let all = blocks(base(), RANGE_BLOCKS_MAX + 1);
    let mut fixture = behind(all[RANGE_BLOCKS_MAX].header.block_ref());
    let (peer, _) = fixture.asked().unwrap();
    assert_eq!(fixture.answer(peer, all[..RANGE_BLOCKS_MAX].to_vec(), None), None);
    assert!(fixture.catch_up.liars().is_empty());
    assert_eq!(fixture.answer(peer, all[RANGE_BLOCKS_MAX..].to_vec(), None), None);
    assert!(fixture.catch_up.liars().contains(peer), "too many blocks");

    let mut fixture = behind(all[RANGE_BLOCKS_MAX].header.block_ref());
    let (peer, _) = fixture.asked().unwrap();
    for block in &all[..UNCERTIFIED_ANSWERS_MAX as usize] {
        assert_eq!(fixture.answer(peer, vec![block.clone()], None), None);
        assert!(fixture.catch_up.liars().is_empty());
    }
    let drip = all[UNCERTIFIED_ANSWERS_MAX as usize].clone();
    assert_eq!(fixture.answer(peer, vec![drip], None), None);
    assert!(fixture.catch_up.liars().contains(peer), "too many answers");
}
