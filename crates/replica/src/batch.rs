//! Batches: what an origin's clients submitted, signed once and ordered as one thing.

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_consensus::{BatchRef, Context, Digest, Sequence, Signed, signing_bytes};
use ally_log::{Hash, leaf_hash};
use ally_policy::ServerIndex;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// The most bytes of one batch's content, whatever an alliance configures.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// The most commands of one batch.
pub const BATCH_COMMANDS_MAX: usize = 1 << 16;

/// Bytes of a batch's content besides its commands: origin, sequence, count.
pub const BATCH_OVERHEAD: usize = 2 + 8 + 4;

/// Bytes that each command takes besides its own: its length.
pub const COMMAND_OVERHEAD: usize = 4;

/// What a batch with so many bytes of content takes of its origin's
/// [`undecided_bytes_max`](crate::Limits::undecided_bytes_max): its commands, as they were charged
/// before anybody knew in which batches they would go.
pub(crate) fn charged(content_bytes: usize) -> usize {
    content_bytes.saturating_sub(BATCH_OVERHEAD)
}

const DIGEST_TAG: &[u8] = b"ally/v1/batch-digest";

/// Which batch: origins may lie, so the digest is part of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// The server that signed it.
    pub origin: ServerIndex,
    /// Its number among the origin's batches.
    pub sequence: Sequence,
    /// Digest of its content.
    pub digest: Digest,
}

impl From<&BatchRef> for BatchId {
    fn from(reference: &BatchRef) -> Self {
        let BatchRef { origin, sequence, digest, .. } = *reference;
        Self { origin, sequence, digest }
    }
}

impl Encode for BatchId {
    fn encode(&self, writer: &mut Writer) {
        writer.u16(self.origin.0).value(&self.sequence).value(&self.digest);
    }
}

impl Decode for BatchId {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let origin = ServerIndex(reader.u16()?);
        Ok(Self { origin, sequence: reader.value()?, digest: reader.value()? })
    }
}

/// Commands of one origin, in order. Keeps the canonical bytes as they came: commands are read out
/// of them without copies, and cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    origin: ServerIndex,
    sequence: Sequence,
    commands: u32,
    content: Bytes,
}

impl Batch {
    /// A batch of `commands`, each opaque.
    ///
    /// # Errors
    /// [`DecodeError`] if there is no command, or more or longer ones than a batch may hold.
    pub fn new(
        origin: ServerIndex,
        sequence: Sequence,
        commands: &[Bytes],
    ) -> Result<Self, DecodeError> {
        let size: usize = commands.iter().map(|command| COMMAND_OVERHEAD + command.len()).sum();
        check_limits(commands.len(), BATCH_OVERHEAD + size)?;
        let mut writer = Writer::with_room(BATCH_OVERHEAD + size);
        writer.u16(origin.0).value(&sequence).u32(commands.len() as u32);
        for command in commands {
            writer.bytes(command);
        }
        let content = writer.into_bytes().into();
        Ok(Self { origin, sequence, commands: commands.len() as u32, content })
    }

    /// Reads the canonical content
    /// `origin (2, LE) || sequence (8, LE) || count (4, LE) || count * (length (4, LE) || command)`.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not that, or beyond the limits; the sender is to blame.
    ///
    /// # Cost
    /// Walks over the commands once, without an allocation.
    pub fn from_content(content: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&content);
        let (origin, sequence) = (ServerIndex(reader.u16()?), reader.value()?);
        let commands = reader.u32()?;
        check_limits(commands as usize, content.len())?;
        for _ in 0..commands {
            reader.bytes(BATCH_BYTES_MAX)?;
        }
        reader.finish()?;
        Ok(Self { origin, sequence, commands, content })
    }

    /// The server whose clients submitted the commands.
    pub fn origin(&self) -> ServerIndex {
        self.origin
    }

    /// Its number among the origin's batches.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// How many commands it holds; at least one.
    pub fn count(&self) -> u32 {
        self.commands
    }

    /// The canonical bytes.
    pub fn content(&self) -> &Bytes {
        &self.content
    }

    /// The commands in order, as slices of the content.
    pub fn commands(&self) -> impl Iterator<Item = Bytes> + '_ {
        let mut at = BATCH_OVERHEAD;
        (0..self.commands).map_while(move |_| {
            let start = at + COMMAND_OVERHEAD;
            let length = self.content.get(at..start)?.try_into().ok().map(u32::from_le_bytes)?;
            at = start + length as usize;
            (at <= self.content.len()).then(|| self.content.slice(start..at))
        })
    }

    /// How a block refers to this batch.
    ///
    /// # Cost
    /// Hashes the content.
    pub fn reference(&self) -> BatchRef {
        let digest = Sha256::new().chain_update(DIGEST_TAG).chain_update(&self.content).finalize();
        BatchRef {
            origin: self.origin,
            sequence: self.sequence,
            digest: Digest(digest.into()),
            commands: self.commands,
            bytes: self.content.len() as u32,
        }
    }
}

/// What an origin signs: the reference, which covers the content by its digest, so that two of them
/// prove a conflict without the commands.
pub fn batch_signing_bytes(context: &Context, reference: &BatchRef) -> Vec<u8> {
    signing_bytes(context, "batch", &reference.to_bytes())
}

fn check_limits(commands: usize, bytes: usize) -> Result<(), DecodeError> {
    if commands == 0 {
        return Err(DecodeError::Invalid("batch: no commands"));
    }
    if commands > BATCH_COMMANDS_MAX {
        return Err(DecodeError::TooLong { claimed: commands, limit: BATCH_COMMANDS_MAX });
    }
    if bytes > BATCH_BYTES_MAX {
        return Err(DecodeError::TooLong { claimed: bytes, limit: BATCH_BYTES_MAX });
    }
    Ok(())
}

/// A batch with its origin's signature, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBatch {
    /// The origin's signature on [`batch_signing_bytes`].
    pub signature: [u8; 64],
    /// What was signed.
    pub batch: Batch,
}

impl SignedBatch {
    /// Reads `signature (64) || content` without copying the content.
    ///
    /// # Errors
    /// [`DecodeError`]; the sender (or the disk) is to blame.
    pub fn from_frame(mut bytes: Bytes) -> Result<Self, DecodeError> {
        let signature = Reader::new(&bytes).array()?;
        let content = bytes.split_off(64);
        Ok(Self { signature, batch: Batch::from_content(content)? })
    }
}

/// `signature (64) || content`; the content takes all the rest.
impl Encode for SignedBatch {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.signature).raw(self.batch.content());
    }
}

/// A batch that this server may vote for: its signature was checked, its digest and leaf hashes are
/// known. Cheap to move and to clone.
#[derive(Debug, Clone)]
pub struct HeldBatch(Arc<Held>);

#[derive(Debug)]
struct Held {
    signed: SignedBatch,
    reference: BatchRef,
    leaves: Arc<[Hash]>,
}

impl HeldBatch {
    /// Takes a batch if `verify(signing bytes, signature)` says that its origin signed it; `None`
    /// otherwise: the sender relayed a forgery.
    ///
    /// # Cost
    /// Hashes the content twice (digest and leaves) and checks one signature.
    pub fn check(
        signed: SignedBatch,
        context: &Context,
        verify: impl FnOnce(&[u8], &[u8; 64]) -> bool,
    ) -> Option<Self> {
        let reference = signed.batch.reference();
        let bytes = batch_signing_bytes(context, &reference);
        verify(&bytes, &signed.signature).then(|| Self::with_leaves(signed, reference))
    }

    /// Takes a batch that needs no check: this server has just signed it, or reads it back from its
    /// own store.
    pub fn trusted(signed: SignedBatch) -> Self {
        let reference = signed.batch.reference();
        Self::with_leaves(signed, reference)
    }

    fn with_leaves(signed: SignedBatch, reference: BatchRef) -> Self {
        let leaves = signed.batch.commands().map(|command| leaf_hash(&command)).collect();
        Self(Arc::new(Held { signed, reference, leaves }))
    }

    /// The batch with its signature, to store or to send.
    pub fn signed(&self) -> &SignedBatch {
        &self.0.signed
    }

    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.0.signed.batch
    }

    /// How blocks refer to it.
    pub fn reference(&self) -> &BatchRef {
        &self.0.reference
    }

    /// Its name.
    pub fn id(&self) -> BatchId {
        BatchId::from(&self.0.reference)
    }

    /// The log's leaf hash of each command, in order.
    pub fn leaves(&self) -> &Arc<[Hash]> {
        &self.0.leaves
    }

    /// The reference with the origin's signature: half of a proof that the origin signed two batches
    /// under one number.
    pub fn signed_reference(&self) -> Signed<BatchRef> {
        Signed {
            signer: self.0.reference.origin,
            signature: self.0.signed.signature,
            body: self.0.reference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(commands: &[&'static [u8]]) -> Batch {
        let commands: Vec<_> = commands.iter().copied().map(Bytes::from_static).collect();
        Batch::new(ServerIndex(3), Sequence(7), &commands).unwrap()
    }

    #[test]
    fn commands_come_back_as_slices_of_the_content() {
        let batch = batch(&[b"one", b"", b"three"]);
        let again = Batch::from_content(batch.content().clone()).unwrap();
        assert_eq!(again, batch);
        let commands: Vec<_> = again.commands().collect();
        assert_eq!(commands, [&b"one"[..], b"", b"three"]);
        assert_eq!(again.reference().commands, 3);
        assert_eq!(again.reference().bytes as usize, batch.content().len());
    }

    #[test]
    fn a_held_batch_hashes_each_command_as_a_leaf() {
        let signed = SignedBatch { signature: [1; 64], batch: batch(&[b"one", b"two"]) };
        let held = HeldBatch::trusted(signed);
        assert_eq!(**held.leaves(), [leaf_hash(b"one"), leaf_hash(b"two")]);
    }

    #[test]
    fn empty_long_and_crowded_batches_are_refused() {
        let of = |commands: &[Bytes]| Batch::new(ServerIndex(0), Sequence(0), commands);
        assert_eq!(of(&[]), Err(DecodeError::Invalid("batch: no commands")));
        let long = Bytes::from(vec![0; BATCH_BYTES_MAX]);
        assert!(matches!(of(&[long]), Err(DecodeError::TooLong { .. })));
        let crowd = vec![Bytes::new(); BATCH_COMMANDS_MAX + 1];
        assert!(matches!(of(&crowd), Err(DecodeError::TooLong { .. })));
    }

    #[test]
    fn a_changed_length_or_byte_changes_or_breaks_the_batch() {
        let batch = batch(&[b"one", b"two"]);
        for at in 0..batch.content().len() {
            let mut bytes = batch.content().to_vec();
            bytes[at] ^= 1;
            if let Ok(other) = Batch::from_content(bytes.into()) {
                assert_ne!(other.reference(), batch.reference(), "byte {at}");
            }
        }
    }
}
