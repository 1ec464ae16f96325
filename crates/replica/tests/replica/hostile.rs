//! What a Byzantine server can send.

use crate::world::{COMMAND_BYTES, World, signature_on, signed_batch};
use ally_codec::Encode;
use ally_consensus::{
    BlockHash, BlockRef, CheckpointCertificate, Digest, Height, Message, NewViewCertificate,
    Sequence, Signed, SyncedBlock, View, Vote,
};
use ally_policy::ServerIndex;
use ally_replica::{
    BatchId, CERTIFY_SHARE_KIND, CertifyShare, CheckError, Checker, Evidence, FETCH_BATCHES_MAX,
    Limits, PeerMessage, SHARE_PROOF_KIND, ShareProof, SyncBlocks,
};
use bytes::Bytes;
use std::ops::RangeInclusive;
use std::sync::Arc;

const LIAR: ServerIndex = ServerIndex(3);

/// The most batches of one origin that a server keeps without being asked for them.
const ORIGIN_BATCHES_MAX: usize = 1024;

fn checker(world: &World) -> Checker<crate::keys::Keys> {
    checker_of(world, COMMAND_BYTES)
}

fn checker_of(world: &World, command_bytes: RangeInclusive<usize>) -> Checker<crate::keys::Keys> {
    let organisations = world.policy.organisations().iter().map(|each| each.servers().to_vec());
    let rotation = ally_consensus::Rotation::new(world.context.epoch, organisations.collect());
    let bounds = ally_consensus::Bounds::of(world.policy.as_ref());
    let batch_bytes = world.limits.batch_bytes_max;
    Checker::new(world.context, rotation, bounds, command_bytes, batch_bytes, crate::keys::Keys)
}

fn block(height: u64) -> BlockRef {
    BlockRef { height: Height(height), hash: BlockHash([height as u8; 32]) }
}

fn certify_share(world: &World, signer: u16, height: u64, size: u64) -> PeerMessage {
    let body = CertifyShare {
        block: block(height),
        log_size: size,
        log_root: Digest([1; 32]),
        share: vec![9; 32],
    };
    let signature = signature_on(&world.context, signer, CERTIFY_SHARE_KIND, &body.to_bytes());
    PeerMessage::CertifyShare(Signed { signer: ServerIndex(signer), signature, body })
}

/// One message of each kind as the liar may make it up.
fn nonsense(world: &World, round: u64) -> Vec<PeerMessage> {
    let proof = ShareProof { block: block(round), proof: vec![1; 40] };
    let signature = signature_on(&world.context, 3, SHARE_PROOF_KIND, &proof.to_bytes());
    let id = |sequence| BatchId {
        origin: ServerIndex(sequence as u16 % 7),
        sequence: Sequence(sequence),
        digest: Digest([round as u8; 32]),
    };
    let mut messages = vec![
        certify_share(world, 3, round, round),
        certify_share(world, 3, u64::MAX - round, 5),
        PeerMessage::ShareProof(Signed { signer: LIAR, signature, body: proof }),
        PeerMessage::ProofRequest(block(round)),
        PeerMessage::FetchBatches((0..FETCH_BATCHES_MAX as u64).map(id).collect()),
        PeerMessage::SyncRequest(Height(round)),
        PeerMessage::SyncRequest(Height(u64::MAX)),
        PeerMessage::SyncBlocks(SyncBlocks { blocks: vec![], certificate: None }),
    ];
    // Far-off numbers, and two batches under each near one.
    for sequence in [round, u64::MAX - round, 1 << 40] {
        let batch = |text: &str| signed_batch(&world.context, 3, sequence, text);
        messages.push(PeerMessage::Batch(batch("one")));
        messages.push(PeerMessage::Batch(batch("two")));
    }
    messages
}

#[test]
fn made_up_messages_neither_stop_nor_mislead_anybody() {
    let mut world = World::new(Limits::default());
    let mut names = Vec::new();
    for round in 0..40 {
        for message in nonsense(&world, round) {
            (0..3).for_each(|to| world.post(LIAR, ServerIndex(to), &message));
        }
        let name = format!("c{round}");
        world.submit(round as u16 % 3, &[&name]);
        names.push(name);
        world.run_for(4_000);
    }
    world.run_until_idle();
    for server in 0..3 {
        let log = world.log(server);
        assert!(names.iter().all(|name| log.iter().any(|c| *c == name.as_bytes())));
    }
}

#[test]
fn two_batches_under_one_number_end_as_evidence_and_one_of_them_in_the_log() {
    let mut world = World::new(Limits::default());
    world.crash(LIAR);
    let batch = |text: &str| PeerMessage::Batch(signed_batch(&world.context, 3, 0, text));
    let (one, two) = (batch("one"), batch("two"));
    world.post(LIAR, ServerIndex(0), &one);
    world.post(LIAR, ServerIndex(1), &two);
    world.post(LIAR, ServerIndex(2), &two);
    world.run_until_idle();
    let log = world.log(0);
    assert_eq!(log.len(), 1);
    assert!((1..3).all(|server| world.log(server) == log));
    let evidence: Vec<_> = world.servers.iter().flat_map(|server| &server.disk.evidence).collect();
    let accuses = |evidence: &&&Evidence| {
        matches!(evidence, Evidence::Batches { first, second } if first.signer == LIAR
            && first.body.sequence == second.body.sequence && first.body.digest != second.body.digest)
    };
    assert_eq!(evidence.iter().filter(accuses).count(), evidence.len());
    assert!(!evidence.is_empty());
}

/// A liar that signs nonsense is convicted by each who hears it, once between two starts, however much
/// of it there is; what it does not sign, or another did, convicts nobody.
#[test]
fn signed_nonsense_is_kept_once_for_each_server() {
    let mut world = World::new(Limits::default());
    world.crash(LIAR);
    let vote = |view, share| Message::Vote(Vote { view: View(view), block: block(1), share });
    let context = world.context;
    let signed = |body: Message| {
        let kind = body.signed_kind().expect("it is signed");
        let signature = signature_on(&context, 3, kind, &body.signed_content());
        PeerMessage::Consensus(Signed { signer: LIAR, signature, body })
    };
    // Four servers have no slow path, so no vote has a share.
    let nonsense = (0..5).map(|view| signed(vote(view, Some(vec![1]))));
    let forged = Signed { signer: LIAR, signature: [1; 64], body: vote(0, Some(vec![1])) };
    let enter = NewViewCertificate { view: View(1), tip: block(1), signature: vec![1] };
    let unsigned = Signed { signer: LIAR, signature: [0; 64], body: Message::EnterView(enter) };
    let right = signed(vote(0, None));
    let innocent = [PeerMessage::Consensus(forged), PeerMessage::Consensus(unsigned), right];
    let kept = |world: &World, server: u16| world.server(server).disk.evidence.clone();
    for message in innocent {
        world.post(LIAR, ServerIndex(0), &message);
    }
    world.run_until_idle();
    assert_eq!(kept(&world, 0), vec![]);
    for message in nonsense {
        world.post(LIAR, ServerIndex(0), &message);
        world.post(LIAR, ServerIndex(1), &message);
    }
    world.run_until_idle();
    for server in 0..2 {
        let kept = kept(&world, server);
        let [Evidence::Consensus(ally_consensus::Evidence::Misstated(proof))] = &kept[..] else {
            panic!("{kept:?}")
        };
        assert_eq!(proof.signer, LIAR);
    }
    assert_eq!(kept(&world, 2), vec![], "it has heard nothing");
}

/// The liar fills the leader's room for its batches, and gives the first ones to others only: they
/// wait for what the leader has no room for.
#[test]
fn an_origin_that_crowds_the_leader_out_does_not_have_it_deposed() {
    for others in [0, 200] {
        let mut world = World::new(Limits::default());
        world.crash(LIAR);
        let count = ORIGIN_BATCHES_MAX as u64 + 2;
        for sequence in 0..count {
            let batch = signed_batch(&world.context, 3, sequence, &format!("liar-{sequence}"));
            let ahead = sequence >= 2;
            for to in if ahead { 0..1 } else { 1..3 } {
                world.post(LIAR, ServerIndex(to), &PeerMessage::Batch(batch.clone()));
            }
        }
        for index in 0..others {
            world.submit(1, &[&format!("other-{index}")]);
            world.run_for(5_000);
        }
        world.run_until_idle();
        for server in 0..3 {
            assert_eq!(world.log(server).len() as u64, count + others);
            let views = &world.server(server).views;
            assert!(views.iter().all(|(view, _)| *view == View(0)), "{views:?}");
        }
    }
}

/// A batch that fits no block could be ordered by nobody, and would depose every leader.
#[test]
fn a_batch_longer_than_the_alliance_allows_is_nobodys_work() {
    let (batch_bytes_max, block_bytes_max) = (1024, 2048);
    let limits = Limits { batch_bytes_max, block_bytes_max, ..Limits::default() };
    let mut world = World::new(limits);
    world.crash(LIAR);
    let long = signed_batch(&world.context, 3, 0, &"x".repeat(3000));
    let (from, bytes) = (ServerIndex(2), long.batch.content().len());
    assert_eq!(
        checker(&world).check(from, PeerMessage::Batch(long.clone())).unwrap_err(),
        CheckError::BatchLength { from, origin: LIAR, bytes, max: batch_bytes_max }
    );
    (0..3).for_each(|to| world.post(LIAR, ServerIndex(to), &PeerMessage::Batch(long.clone())));
    world.submit(0, &["honest"]);
    world.run_until_idle();
    for server in 0..3 {
        assert_eq!(world.log(server), [Bytes::from_static(b"honest")]);
        let views = &world.server(server).views;
        assert!(views.iter().all(|(view, _)| *view == View(0)), "{views:?}");
    }
}

#[test]
fn signatures_senders_and_links_are_checked() {
    let world = World::new(Limits::default());
    let checker = checker(&world);
    let refused = |from, message: PeerMessage| {
        checker.check_frame(from, message.to_frame()).expect_err("is refused")
    };
    let share = certify_share(&world, 3, 1, 1);
    assert!(checker.check(LIAR, share.clone()).is_ok());
    assert_eq!(
        refused(ServerIndex(2), share),
        CheckError::Impersonation { from: ServerIndex(2), signer: LIAR }
    );
    let mut batch = signed_batch(&world.context, 1, 0, "a");
    batch.signature[0] ^= 1;
    let what = "a batch";
    assert_eq!(
        refused(LIAR, PeerMessage::Batch(batch)),
        CheckError::Signature { from: LIAR, what }
    );
    let certificate = CheckpointCertificate {
        block: block(1),
        log_size: 1,
        log_root: Digest([0; 32]),
        signature: vec![0; 32],
    };
    let what = "a certificate";
    assert_eq!(
        refused(LIAR, PeerMessage::Certificate(Arc::new(certificate.clone()))),
        CheckError::Signature { from: LIAR, what }
    );
    let empty = SyncBlocks { blocks: vec![], certificate: Some(certificate) };
    assert_eq!(refused(LIAR, PeerMessage::SyncBlocks(empty)), CheckError::Unlinked { from: LIAR });
}

#[test]
fn batches_with_commands_that_are_none_are_refused_though_their_origin_signed_them() {
    let world = World::new(Limits::default());
    let checker = checker_of(&world, 3..=5);
    let check = |command: &str| {
        let batch = signed_batch(&world.context, 3, 0, command);
        checker.check_frame(ServerIndex(2), PeerMessage::Batch(batch).to_frame())
    };
    assert!(check("abc").is_ok() && check("abcde").is_ok());
    for command in ["", "ab", "abcdef"] {
        let (from, bytes) = (ServerIndex(2), command.len());
        let expected = CheckError::Command { from, origin: LIAR, bytes, min: 3, max: 5 };
        assert_eq!(check(command).unwrap_err(), expected);
    }
}

#[test]
fn blocks_that_do_not_link_are_refused() {
    let mut world = World::new(Limits::default());
    for name in ["a", "b", "c"] {
        world.submit(0, &[name]);
        world.run_for(20_000);
    }
    world.run_until_idle();
    let checker = checker(&world);
    let answer = world.server(0).disk.blocks_after(Height(0)).unwrap();
    let check = |answer: SyncBlocks| checker.check(LIAR, PeerMessage::SyncBlocks(answer));
    assert!(answer.blocks.len() == 3 && answer.certificate.is_some());
    assert!(check(answer.clone()).is_ok());
    let broken: [fn(&mut Vec<SyncedBlock>); 5] = [
        |blocks| drop(blocks.remove(1)),
        |blocks| drop(blocks.pop()),
        |blocks| blocks.swap(0, 1),
        |blocks| blocks[1].batches = blocks[0].batches.clone(),
        |blocks| blocks[2].header.view = View(9),
    ];
    for (index, change) in broken.iter().enumerate() {
        let mut answer = answer.clone();
        change(&mut answer.blocks);
        let unlinked = matches!(check(answer), Err(CheckError::Unlinked { from: LIAR }));
        assert!(unlinked, "change {index}");
    }
}

#[test]
fn damaged_frames_are_refused_without_a_panic() {
    let mut world = World::new(Limits::default());
    world.submit(0, &["a"]);
    world.run_until_idle();
    let checker = checker(&world);
    let mut frames: Vec<Bytes> = nonsense(&world, 3).iter().map(PeerMessage::to_frame).collect();
    let blocks = world.server(0).disk.blocks_after(Height(0)).unwrap();
    frames.push(PeerMessage::SyncBlocks(blocks).to_frame());
    for frame in frames {
        let again = PeerMessage::from_frame(frame.clone()).unwrap();
        assert_eq!(again.to_frame(), frame, "one message, one encoding");
        for at in 0..frame.len() {
            let cut = frame.slice(..at);
            assert!(checker.check_frame(LIAR, cut).is_err(), "cut at {at}");
            let mut flipped = frame.to_vec();
            flipped[at] ^= 0x80;
            // Questions are not signed: another question may come out, nothing else.
            let _ = checker.check_frame(LIAR, flipped.into());
        }
        let mut longer = frame.to_vec();
        longer.push(0);
        assert!(checker.check_frame(LIAR, longer.into()).is_err(), "a byte too many");
    }
}
