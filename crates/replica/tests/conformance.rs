//! Frozen encodings: what is signed, stored or sent must read the same for ever. A change here is a
//! change of the protocol's version.
//!
//! The digests were computed from the documented layouts by other code, not copied from this one's
//! output.

use ally_codec::{Decode, Encode};
use ally_consensus::{
    BatchRef, BlockHash, BlockRef, CheckpointCertificate, Digest, Height, Sequence, Signed,
};
use ally_policy::ServerIndex;
use ally_replica::{
    Batch, BatchId, CertifyShare, ChainState, Evidence, PeerMessage, ShareProof, SignedBatch,
    SyncBlocks,
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

fn block() -> BlockRef {
    BlockRef { height: Height(5), hash: BlockHash([6; 32]) }
}

fn signed<T>(body: T) -> Signed<T> {
    Signed { signer: ServerIndex(2), signature: [3; 64], body }
}

fn share() -> Signed<CertifyShare> {
    signed(CertifyShare { block: block(), log_size: 7, log_root: Digest([8; 32]), share: vec![9] })
}

fn proof() -> Signed<ShareProof> {
    signed(ShareProof { block: block(), proof: vec![1, 2] })
}

fn batch() -> Batch {
    let commands = [Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    Batch::new(ServerIndex(1), Sequence(4), &commands).unwrap()
}

fn reference() -> BatchRef {
    batch().reference()
}

fn name(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn conformance_peer_messages() {
    let certificate = CheckpointCertificate {
        block: block(),
        log_size: 7,
        log_root: Digest([8; 32]),
        signature: vec![1, 2, 3],
    };
    let id = BatchId::from(&reference());
    let messages = [
        (
            PeerMessage::Batch(SignedBatch { signature: [3; 64], batch: batch() }),
            "d676f543e90c1f4b",
        ),
        (PeerMessage::FetchBatches(vec![id]), "5d292fc1bfe9472e"),
        (PeerMessage::CertifyShare(share()), "aa228ac25fb15c42"),
        (PeerMessage::ProofRequest(block()), "6d6586c3e297a1ec"),
        (PeerMessage::ShareProof(proof()), "e15011e9f37c3958"),
        (PeerMessage::Certificate(Arc::new(certificate.clone())), "d01be77729e02217"),
        (PeerMessage::SyncRequest(Height(9)), "fec11393a233210b"),
        (
            PeerMessage::SyncBlocks(SyncBlocks { blocks: vec![], certificate: Some(certificate) }),
            "2e029f4a09732eea",
        ),
    ];
    for (message, expected) in messages {
        let frame = message.to_frame();
        assert_eq!(name(&frame), expected, "{message:?}");
        assert_eq!(PeerMessage::from_frame(frame).unwrap(), message);
    }
}

#[test]
fn conformance_what_is_stored_and_shown() {
    let mut second = reference();
    second.digest.0[0] ^= 1;
    let evidence = [
        (
            Evidence::Batches { first: signed(reference()), second: signed(second) },
            "10a83fc16e28c6cc",
        ),
        (Evidence::Share { share: share(), proof: Some(proof()) }, "50affd3ac63e05f1"),
        (Evidence::Statements { first: share(), second: share() }, "fd8a8dec942be219"),
    ];
    for (evidence, expected) in evidence {
        assert_eq!(name(&evidence.to_bytes()), expected, "{evidence:?}");
        assert_eq!(Evidence::from_bytes(&evidence.to_bytes()).unwrap(), evidence);
        assert_eq!(evidence.culprit(), ServerIndex(2));
    }
    let state = ChainState::genesis(3);
    assert_eq!(name(&state.to_bytes()), "86c6732e63312eea");
    assert_eq!(ChainState::from_bytes(&state.to_bytes()).unwrap(), state);
    assert_eq!(name(&reference().digest.0), "111c964c0b1473aa");
}
