//! What comes over a connection before it is a message: frames and hellos between servers, and requests
//! of clients.

use super::codec;
use crate::cursor::Cursor;
use crate::fixtures::fixtures;
use crate::memory;
use crate::samples;
use ally_consensus::{BlockHash, Bounds, Message, Signed};
use ally_keyring::PublicKeys;
use ally_node::fuzzing::{frames, hello, request};
use ally_policy::ServerIndex;
use ally_proto::v1::{ProposeRequest, Until};
use ally_replica::{CheckError, Checked, Checker, PeerMessage};
use bytes::Bytes;
use prost::Message as _;
use std::sync::OnceLock;

/// The longest frame here.
const FRAME_BYTES_MAX: usize = 4096;
/// What a server holds besides what it was sent.
const HELD_BESIDE: usize = 16 * 1024;

/// `kind (1) || bytes`.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    match cursor.byte() {
        0 => read_frames(cursor.rest()),
        1 => _ = codec::again(cursor.rest(), |bytes| hello(bytes).ok_or(())),
        2 => propose(cursor),
        3 => checked(cursor),
        _ => {}
    }
}

/// Frames of all kinds, a hello, requests, and messages signed and not.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let ping = [8, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0];
    let data = [&[3, 0, 0, 0, 0][..], b"abc"].concat();
    let claim = [0, 16, 0, 0, 0, 1, 2];
    let hello = [&b"ALLYLINK\x01\x00"[..], &[1; 72], &[4, 0, 5, 0, 1]].concat();
    let entry = |text: &'static [u8]| Bytes::from_static(text);
    let entries = vec![entry(b"sixteen bytes..xone"), entry(b"sixteen bytes..xtwo")];
    let request = ProposeRequest { first_tag: 5, entries, until: Until::Receipt.into() };
    let mut seeds = vec![
        [&[0][..], &ping, &data, &ping].concat(),
        [&[0][..], &claim].concat(),
        [&[1][..], &hello].concat(),
        [&[2, 5][..], &request.encode_to_vec()].concat(),
    ];
    let frames = samples::peer_messages().into_iter().chain([fetch(2)]);
    seeds.extend(frames.map(|message| [&[3, 2][..], &message.to_frame()].concat()));
    seeds
}

/// A question, which needs no signature but a sender.
fn fetch(from: u16) -> PeerMessage {
    let body = Message::Fetch(BlockHash([3; 32]));
    PeerMessage::Consensus(Signed { signer: ServerIndex(from), signature: [0; 64], body })
}

fn read_frames(bytes: &[u8]) {
    let limit = FRAME_BYTES_MAX + 4 * bytes.len() + HELD_BESIDE;
    let written = memory::within(limit, "reading frames", || frames(bytes, FRAME_BYTES_MAX));
    assert!(bytes.starts_with(&written), "frames are written as they were read");
}

/// `next tag (1) || request`.
fn propose(mut cursor: Cursor<'_>) {
    let next_tag = u64::from(cursor.byte());
    let Ok(message) = ProposeRequest::decode(cursor.rest()) else { return };
    let sent = message.entries.clone();
    if let Ok((first_tag, entries)) = request(message, next_tag) {
        assert!(first_tag >= next_tag && first_tag.checked_add(sent.len() as u64).is_some());
        assert!(entries.iter().map(|entry| entry.as_bytes()).eq(&sent), "every entry, in order");
        let known = |entry: &ally_proto::Entry| !entry.command().is_empty();
        assert!(entries.iter().all(known), "no command is empty");
    }
}

/// `sender (1) || frame`: nobody speaks in another's name, whatever is in a frame.
fn checked(mut cursor: Cursor<'_>) {
    let from = ServerIndex(u16::from(cursor.byte()) % 4);
    match checker().check_frame(from, Bytes::copy_from_slice(cursor.rest())) {
        Ok(Checked::Consensus(message)) => assert_eq!(message.sender(), from),
        Ok(Checked::CertifyShare(share)) => assert_eq!(share.signer, from),
        Ok(Checked::ShareProof(proof)) => assert_eq!(proof.signer, from),
        Ok(Checked::Certificate(certificate)) => panic!("nobody signed {certificate:?}"),
        Ok(Checked::Batch(batch)) => panic!("nobody signed {batch:?}"),
        Ok(_) => {}
        Err(error) => {
            assert_ne!(error.to_string(), "");
            assert!(!matches!(error, CheckError::Impersonation { signer, .. } if signer == from));
        }
    }
}

fn checker() -> &'static Checker<PublicKeys> {
    static CHECKER: OnceLock<Checker<PublicKeys>> = OnceLock::new();
    CHECKER.get_or_init(|| {
        let alliance = &fixtures().alliance;
        let keys = PublicKeys::of(alliance).expect("an origin");
        let bounds = Bounds::of(alliance.policy());
        let batch_bytes = alliance.parameters().batch_bytes() as usize;
        Checker::new(alliance.context(), alliance.rotation(), bounds, 1..=1000, batch_bytes, keys)
    })
}
