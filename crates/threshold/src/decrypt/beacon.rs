//! Randomness that nobody chooses: the unique signature on the number of a round.

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use sha2::{Digest, Sha256};

use super::SealError;
use crate::bls::G1_BYTES;
use crate::{Message, VerifyingKey};

/// The tag under which rounds are signed.
const TAG: &[u8] = b"beacon";

/// A source of public randomness: a BLS key and what it is for.
///
/// Nobody can tell a round's value before a set of servers that satisfies the key's formula has
/// signed its message; then everybody can, and there is only one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beacon {
    key: VerifyingKey,
    purpose: Vec<u8>,
}

/// What is signed in one round: `key fingerprint (32) || purpose (4, LE + bytes) || height (8, LE)`,
/// under the tag of beacons. Turns into a [`Message`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundMessage(Vec<u8>);

/// A round of some beacon, as it is published: the height and the signature. It is worth nothing
/// before [`BeaconRound::verify`] has said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeaconRound {
    height: u64,
    signature: [u8; G1_BYTES],
}

impl Beacon {
    /// The beacon of `key` for `purpose`. Rounds of other purposes have other values.
    ///
    /// # Errors
    /// [`SealError::Scheme`] for an RSA key.
    pub fn new(key: &VerifyingKey, purpose: &[u8]) -> Result<Self, SealError> {
        key.as_bls().ok_or(SealError::Scheme(key.scheme()))?;
        Ok(Self { key: key.clone(), purpose: purpose.to_vec() })
    }

    /// What the servers sign for the round at `height`. Something can be sealed to it beforehand, with
    /// [`seal_until`](super::seal_until()).
    pub fn round_message(&self, height: u64) -> RoundMessage {
        let mut writer = Writer::new();
        writer.raw(&self.key.fingerprint()).bytes(&self.purpose).u64(height);
        RoundMessage(writer.into_bytes())
    }
}

impl<'a> From<&'a RoundMessage> for Message<'a> {
    fn from(round: &'a RoundMessage) -> Self {
        Message::tagged(&round.0, TAG)
    }
}

impl BeaconRound {
    /// A round as somebody publishes it. `None` if the signature is not 48 bytes long.
    pub fn new(height: u64, signature: &[u8]) -> Option<Self> {
        Some(Self { height, signature: signature.try_into().ok()? })
    }

    /// Which round it is.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// The signature on the round's message, a compressed point (48 bytes).
    pub fn signature(&self) -> &[u8; G1_BYTES] {
        &self.signature
    }

    /// The round's value, uniform to everybody before it was signed: SHA-256 of the signature and of
    /// what was signed, under a tag. `None` if this is no round of `beacon`: then whoever published it
    /// is to blame.
    ///
    /// # Cost
    /// Two pairings.
    pub fn verify(&self, beacon: &Beacon) -> Option<[u8; 32]> {
        let message = beacon.round_message(self.height);
        if !beacon.key.verify(&message, &self.signature) {
            return None;
        }
        let value = Sha256::new()
            .chain_update(b"ally/v1/beacon-value")
            .chain_update((message.0.len() as u64).to_le_bytes())
            .chain_update(&message.0)
            .chain_update(self.signature)
            .finalize();
        Some(value.into())
    }
}

/// `height (8, LE) || signature (48)`.
impl Encode for BeaconRound {
    fn encode(&self, writer: &mut Writer) {
        writer.u64(self.height).raw(&self.signature);
    }
}

impl Decode for BeaconRound {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { height: reader.u64()?, signature: reader.array()? })
    }
}
