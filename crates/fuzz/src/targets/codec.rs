//! Every type with a canonical encoding: what is read is written again byte for byte, and reading
//! holds memory in proportion to the bytes, whatever lengths they claim.

use crate::{memory, samples};
use ally_codec::{Decode, DecodeError, Encode};
use ally_consensus::{
    BatchRef, BlockHeader, BlockRef, CheckpointCertificate, Message, Record, Signed, Testimony,
};
use ally_log::{Certificate, Checkpoint, ConsistencyProof, Frontier, InclusionProof, Receipt};
use ally_policy::Formula;
use ally_replica::{Batch, BatchId, ChainState, PeerMessage, SignedBatch};
use ally_threshold::{KeyShare, PublicKey, ShareProof, SignatureShare};
use bytes::Bytes;

/// Bytes of the heap for each byte of the input: values are wider in memory than on the wire, and a
/// list that grows is held twice.
const HELD_PER_BYTE: usize = 32;
/// What a small value may hold besides.
const HELD_BESIDE: usize = 4096;
/// What a share or proof may: it may have 1024 leaves, and in a scheme whose shares prove themselves
/// the proof of each is empty.
const LEAVES_BESIDE: usize = HELD_BESIDE + 1024 * size_of::<Vec<u8>>();

/// What the first byte of the input chooses. New ones go to the end, so that the corpus stays what it
/// is.
const KINDS: [fn(&[u8]) -> bool; 25] = [
    canonical::<Signed<Message>>,
    canonical::<Record>,
    canonical::<ally_consensus::Evidence>,
    canonical::<BlockHeader>,
    canonical::<BlockRef>,
    canonical::<BatchRef>,
    canonical::<CheckpointCertificate>,
    canonical::<ally_replica::Evidence>,
    canonical::<ChainState>,
    canonical::<BatchId>,
    canonical::<Frontier>,
    canonical::<InclusionProof>,
    canonical::<ConsistencyProof>,
    canonical::<Checkpoint>,
    canonical::<Certificate>,
    canonical::<Receipt>,
    shares::<SignatureShare>,
    shares::<ShareProof>,
    canonical::<PublicKey>,
    |bytes| again(bytes, |bytes| KeyShare::decode(bytes).map(|share| share.encode().to_vec())),
    |bytes| again(bytes, |bytes| Formula::from_bytes(bytes).map(|formula| formula.to_bytes())),
    |bytes| again(bytes, |bytes| frame(bytes).map(|message| message.to_frame().to_vec())),
    |bytes| again(bytes, |bytes| batch(bytes).map(|batch| batch.to_bytes())),
    |bytes| again(bytes, |bytes| content(bytes).map(|batch| batch.content().to_vec())),
    canonical::<Testimony>,
];

/// `kind (1) || encoding`.
pub(super) fn run(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    if let Some(check) = KINDS.get(usize::from(*kind)) {
        check(bytes);
    }
}

/// A value of each kind, most of them more than one.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = samples::encodings();
    // Lists that claim to be as long as a list may be, and options of every tag.
    seeds.extend(
        (0..KINDS.len() as u8).map(|kind| [&[kind][..], &[1, 4, 0, 0].repeat(60)].concat()),
    );
    seeds
}

fn canonical<T: Encode + Decode>(bytes: &[u8]) -> bool {
    again(bytes, |bytes| T::from_bytes(bytes).map(|value| value.to_bytes()))
}

fn shares<T: Encode + Decode>(bytes: &[u8]) -> bool {
    again_beside(LEAVES_BESIDE, bytes, |bytes| T::from_bytes(bytes).map(|value| value.to_bytes()))
}

fn frame(bytes: &[u8]) -> Result<PeerMessage, DecodeError> {
    PeerMessage::from_frame(Bytes::copy_from_slice(bytes))
}

fn batch(bytes: &[u8]) -> Result<SignedBatch, DecodeError> {
    SignedBatch::from_frame(Bytes::copy_from_slice(bytes))
}

fn content(bytes: &[u8]) -> Result<Batch, DecodeError> {
    let batch = Batch::from_content(Bytes::copy_from_slice(bytes))?;
    assert_eq!(batch.commands().count(), batch.count() as usize, "every command can be taken out");
    Ok(batch)
}

/// What is read is written as it was, within the memory that its length allows. Whether it was read.
pub(super) fn again<E>(bytes: &[u8], read_and_write: impl Fn(&[u8]) -> Result<Vec<u8>, E>) -> bool {
    again_beside(HELD_BESIDE, bytes, read_and_write)
}

fn again_beside<E>(
    beside: usize,
    bytes: &[u8],
    read_and_write: impl Fn(&[u8]) -> Result<Vec<u8>, E>,
) -> bool {
    let limit = beside + HELD_PER_BYTE * bytes.len();
    let written = memory::within(limit, "reading and writing", || read_and_write(bytes));
    let written = written.ok();
    assert!(written.as_deref().is_none_or(|written| written == bytes), "one value, one encoding");
    written.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_samples_and_all_are_read() {
        let samples = samples::encodings();
        for (kind, check) in KINDS.iter().enumerate() {
            let of_kind: Vec<_> =
                samples.iter().filter(|sample| usize::from(sample[0]) == kind).collect();
            assert!(!of_kind.is_empty(), "no sample of kind {kind}");
            assert!(of_kind.iter().all(|sample| check(&sample[1..])), "kind {kind}");
        }
    }

    #[test]
    #[should_panic(expected = "one value, one encoding")]
    fn a_reader_that_takes_two_spellings_is_noticed() {
        again(&[1, 2], |bytes| Ok::<_, ()>(bytes[..1].to_vec()));
    }

    #[test]
    #[should_panic(expected = "of the heap")]
    fn a_reader_that_believes_a_length_is_noticed() {
        again(&[255, 255], |bytes| {
            let claimed = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
            Ok::<_, ()>(std::hint::black_box(Vec::with_capacity(claimed)))
        });
    }
}
