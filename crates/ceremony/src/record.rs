//! What participants publish, each of them at most once in each stage.

use ally_alliance::keys::{SigningKey, SigningPublic};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::ServerIndex;
use sha2::{Digest, Sha256};

use crate::proposal::CeremonyId;
use crate::sealing::{Knowledge, Opening, SealPoint};

/// The most bytes of a record: those of a dealing of 16 keys to 256 servers with 1,024 leaves fit.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// The most keys, readers or complaints in a record.
const COUNT_MAX: usize = 256;

/// The longest part of a record: what a dealer commits to for one key.
const PIECE_BYTES_MAX: usize = 2 << 20;

/// The longest reason for giving up.
const REASON_BYTES_MAX: usize = 500;

/// The stages of a ceremony, in their order. Each one begins when the one before is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Everybody shows a key that secrets are sealed to; dealers commit to what they will deal.
    Hello,
    /// Dealers deal.
    Dealing,
    /// Everybody says which dealers gave it rubbish.
    Verdict,
    /// Everybody signs with its new shares.
    Confirmation,
    /// Somebody gave up. Belongs to no place in the order.
    Abort,
}

/// SHA-256 of something that was published.
pub(crate) type RecordDigest = [u8; 32];

/// The first word of a participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    /// What secrets for it are sealed to.
    pub(crate) reader: SealPoint,
    /// A dealer's commitment to its contributions, before it sees those of others.
    pub(crate) commitment: Option<[u8; 32]>,
}

/// What a dealer gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DealingRecord {
    /// Of the stages before.
    pub(crate) before: RecordDigest,
    /// What its letters are sealed with.
    pub(crate) dealer: SealPoint,
    /// That it knows the secret of it.
    pub(crate) knowledge: Knowledge,
    /// One for each key that it deals, in the order of the keys.
    pub(crate) keys: Vec<DealtKey>,
}

/// What a dealer gives for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DealtKey {
    /// The public half.
    pub(crate) contribution: Vec<u8>,
    /// A letter to each server of the formula, ascending.
    pub(crate) letters: Vec<Vec<u8>>,
}

/// What a participant says of the dealers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Of the stages before.
    pub(crate) before: RecordDigest,
    /// Ascending by dealer.
    pub(crate) complaints: Vec<Complaint>,
}

/// A letter that holds rubbish, opened for all to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) dealer: ServerIndex,
    pub(crate) opening: Opening,
}

/// What shows that a participant's new shares are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// Of the stages before.
    pub(crate) before: RecordDigest,
    /// For each key that it holds a share of, in the order of the keys, one for each test message.
    pub(crate) shares: Vec<TestShare>,
}

/// A share of the signature that tests a key, and its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestShare {
    pub(crate) share: Vec<u8>,
    pub(crate) proof: Vec<u8>,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Hello(Hello),
    Dealing(DealingRecord),
    Verdict(Verdict),
    Confirmation(Confirmation),
    Abort(String),
}

/// One signed word of one participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(crate) ceremony: CeremonyId,
    pub(crate) author: ServerIndex,
    pub(crate) body: Body,
    signature: [u8; 64],
}

impl Record {
    pub(crate) fn signed(
        ceremony: CeremonyId,
        author: ServerIndex,
        body: Body,
        key: &SigningKey,
    ) -> Self {
        let mut record = Self { ceremony, author, body, signature: [0; 64] };
        record.signature = key.sign(&record.signed_bytes());
        record
    }

    /// Whatever these bytes say, signed: what a liar can do.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn sign_bytes(unsigned: &[u8], key: &SigningKey) -> Option<Self> {
        let mut record = Self::from_bytes(&[unsigned, &[0; 64]].concat()).ok()?;
        record.signature = key.sign(&record.signed_bytes());
        Some(record)
    }

    /// The ceremony that it belongs to.
    pub fn ceremony(&self) -> CeremonyId {
        self.ceremony
    }

    /// Whose it is.
    pub fn author(&self) -> ServerIndex {
        self.author
    }

    /// The stage that it belongs to.
    pub fn stage(&self) -> Stage {
        match &self.body {
            Body::Hello(_) => Stage::Hello,
            Body::Dealing(_) => Stage::Dealing,
            Body::Verdict(_) => Stage::Verdict,
            Body::Confirmation(_) => Stage::Confirmation,
            Body::Abort(_) => Stage::Abort,
        }
    }

    pub(crate) fn is_signed_by(&self, key: &SigningPublic) -> bool {
        key.verify(&self.signed_bytes(), &self.signature)
    }

    pub(crate) fn digest(&self) -> RecordDigest {
        Sha256::digest(self.signed_bytes()).into()
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.raw(b"ally/v1/ceremony-record");
        self.encode_unsigned(&mut writer);
        writer.into_bytes()
    }

    fn encode_unsigned(&self, writer: &mut Writer) {
        writer.raw(&self.ceremony.0).u16(self.author.0);
        match &self.body {
            Body::Hello(hello) => writer.u8(1).value(hello),
            Body::Dealing(dealing) => writer.u8(2).value(dealing),
            Body::Verdict(verdict) => writer.u8(3).value(verdict),
            Body::Confirmation(confirmation) => writer.u8(4).value(confirmation),
            Body::Abort(reason) => writer.u8(5).bytes(reason.as_bytes()),
        };
    }
}

/// `ceremony (32) || author (2) || stage (1) || body || signature (64)`.
impl Encode for Record {
    fn encode(&self, writer: &mut Writer) {
        self.encode_unsigned(writer);
        writer.raw(&self.signature);
    }
}

impl Decode for Record {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ceremony = CeremonyId(reader.array()?);
        let author = ServerIndex(reader.u16()?);
        let body = match reader.u8()? {
            1 => Body::Hello(reader.value()?),
            2 => Body::Dealing(reader.value()?),
            3 => Body::Verdict(reader.value()?),
            4 => Body::Confirmation(reader.value()?),
            5 => {
                let reason = std::str::from_utf8(reader.bytes(REASON_BYTES_MAX)?);
                Body::Abort(reason.map_err(|_| DecodeError::Invalid("reason: no text"))?.into())
            }
            _ => return Err(DecodeError::Invalid("stage of a ceremony")),
        };
        Ok(Self { ceremony, author, body, signature: reader.array()? })
    }
}

impl Encode for Hello {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.reader).option(self.commitment.map(Hash).as_ref());
    }
}

impl Decode for Hello {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let point = reader.value()?;
        let commitment = reader.option::<Hash>()?.map(|hash| hash.0);
        Ok(Self { reader: point, commitment })
    }
}

/// 32 bytes of a hash.
struct Hash([u8; 32]);

impl Encode for Hash {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.0);
    }
}

impl Decode for Hash {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().map(Self)
    }
}

impl Encode for DealingRecord {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.before).value(&self.dealer).value(&self.knowledge).list(&self.keys);
    }
}

impl Decode for DealingRecord {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = reader.array()?;
        let (dealer, knowledge) = (reader.value()?, reader.value()?);
        Ok(Self { before, dealer, knowledge, keys: reader.list(COUNT_MAX)? })
    }
}

impl Encode for DealtKey {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.contribution);
        write_pieces(&self.letters, writer);
    }
}

impl Decode for DealtKey {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let contribution = reader.bytes(PIECE_BYTES_MAX)?.to_vec();
        Ok(Self { contribution, letters: read_pieces(reader)? })
    }
}

impl Encode for Verdict {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.before).list(&self.complaints);
    }
}

impl Decode for Verdict {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = reader.array()?;
        let complaints: Vec<Complaint> = reader.list(COUNT_MAX)?;
        if !complaints.is_sorted_by(|one, next| one.dealer < next.dealer) {
            return Err(DecodeError::Invalid("complaints: not in order"));
        }
        Ok(Self { before, complaints })
    }
}

impl Encode for Complaint {
    fn encode(&self, writer: &mut Writer) {
        writer.u16(self.dealer.0).value(&self.opening);
    }
}

impl Decode for Complaint {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { dealer: ServerIndex(reader.u16()?), opening: reader.value()? })
    }
}

impl Encode for Confirmation {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.before).list(&self.shares);
    }
}

impl Decode for Confirmation {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { before: reader.array()?, shares: reader.list(COUNT_MAX)? })
    }
}

impl Encode for TestShare {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.share).bytes(&self.proof);
    }
}

impl Decode for TestShare {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let share = reader.bytes(PIECE_BYTES_MAX)?.to_vec();
        Ok(Self { share, proof: reader.bytes(PIECE_BYTES_MAX)?.to_vec() })
    }
}

fn write_pieces(pieces: &[Vec<u8>], writer: &mut Writer) {
    writer.u32(pieces.len() as u32);
    pieces.iter().for_each(|piece| _ = writer.bytes(piece));
}

fn read_pieces(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, DecodeError> {
    let claimed = reader.u32()? as usize;
    if claimed > COUNT_MAX {
        return Err(DecodeError::TooLong { claimed, limit: COUNT_MAX });
    }
    (0..claimed).map(|_| reader.bytes(PIECE_BYTES_MAX).map(<[u8]>::to_vec)).collect()
}
