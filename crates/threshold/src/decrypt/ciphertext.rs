//! Sealing to a threshold key.

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::payload::{OVERHEAD, PayloadKey, SEALED_BYTES_MAX, encrypt};
use super::{SealContext, SealError};
use crate::bls::{self, Ephemeral, G1_BYTES, Prepared, SharedSecret};
use crate::seed::SeedStream;
use crate::{Message, VerifyingKey};

/// The version of the encoding.
const VERSION: u8 = 1;

/// A key to seal to: the public key of a BLS threshold key. Cheap to clone.
///
/// ```
/// use ally_policy::{Formula, ServerIndex};
/// use ally_threshold::{EncryptionKey, Scheme, SealContext, combine_decryption, deal};
/// # use rand_chacha::rand_core::SeedableRng;
/// # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(7);
///
/// let leaves = (0..4).map(|index| Formula::Leaf(ServerIndex(index))).collect();
/// let dealt = deal(Scheme::Bls12381, &Formula::gate(3, leaves)?, 0, &mut rng, &())?;
///
/// let key = EncryptionKey::new(&dealt.public.verifying_key())?;
/// let context = SealContext::new(b"whistleblowing", b"report 7");
/// let ciphertext = key.seal(b"look into the third drawer", &context, &mut rng)?;
///
/// let mut shares = Vec::new();
/// for holder in &dealt.shares[1..] {
///     shares.push((holder.server(), holder.open_share(&dealt.public, &ciphertext, &context)?));
/// }
/// let message = combine_decryption(&dealt.public, &ciphertext, &context, &shares)?;
/// assert_eq!(&message[..], b"look into the third drawer");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    key: VerifyingKey,
    point: bls::VerifyingKey,
}

/// A message that only a set of servers that satisfies the key's formula can read, together.
///
/// Everybody can see how long the message is and, with [`Ciphertext::verify`], what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ciphertext {
    /// `U`, the public half of the ephemeral key.
    ephemeral: bls::VerifyingKey,
    /// The ephemeral key's signature on all the rest.
    seal: [u8; G1_BYTES],
    payload: Vec<u8>,
}

impl EncryptionKey {
    /// The key that verifies signatures also seals.
    ///
    /// # Errors
    /// [`SealError::Scheme`] for an RSA key.
    pub fn new(key: &VerifyingKey) -> Result<Self, SealError> {
        let point = key.as_bls().ok_or(SealError::Scheme(key.scheme()))?.clone();
        Ok(Self { key: key.clone(), point })
    }

    /// Seals `message` (up to [`SEALED_BYTES_MAX`] bytes) for `context`. Constant time but for the
    /// length.
    ///
    /// `rng` is mixed with the message, so that even a generator that repeats itself does not make
    /// two ciphertexts with one key.
    ///
    /// # Errors
    /// [`SealError::TooLong`].
    ///
    /// # Source
    /// Boneh & Franklin 2001 with the transformation of Canetti, Halevi & Katz 2004; the ephemeral
    /// key signs with BLS, so that it needs no key of its own for that.
    ///
    /// # Cost
    /// A pairing, a multiplication in G2 and two in G1; about 1.5 ms.
    pub fn seal(
        &self,
        message: &[u8],
        context: &SealContext<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Ciphertext, SealError> {
        if message.len() > SEALED_BYTES_MAX {
            return Err(SealError::TooLong { bytes: message.len() });
        }
        let context = context.digest(&self.key);
        let mut fresh = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *fresh);
        let parts: [&[u8]; 3] = [&*fresh, &context, message];
        let ephemeral =
            Ephemeral::from_stream(&mut SeedStream::from_parts(b"ally/v1/seal", &parts));
        let public = ephemeral.public_key();
        let shared = ephemeral.shared_secret(&self.point, &identity(&context, &public).prepare());
        let payload = encrypt(&payload_key(&context, &public, &shared), &context, message);
        let seal = ephemeral.sign(&Prepared::seal(&digest(&context, &public, &payload)));
        Ok(Ciphertext { ephemeral: public, seal, payload })
    }
}

/// What a ciphertext is sealed to: `context digest (32) || U (96)`.
pub(super) struct Identity(Vec<u8>);

impl Identity {
    pub(super) fn message(&self) -> Message<'_> {
        Message::opening(&self.0)
    }

    fn prepare(&self) -> Prepared {
        bls::VerifyingKey::prepare(&self.message()).expect("BLS keys have this encoding")
    }
}

fn identity(context: &[u8; 32], ephemeral: &bls::VerifyingKey) -> Identity {
    Identity([&context[..], &ephemeral.to_bytes()].concat())
}

fn payload_key(
    context: &[u8; 32],
    ephemeral: &bls::VerifyingKey,
    shared: &SharedSecret,
) -> PayloadKey {
    let parts: [&[u8]; 3] = [&**shared, context, &ephemeral.to_bytes()];
    let mut key = Zeroizing::new([0; 32]);
    SeedStream::from_parts(b"ally/v1/seal-key", &parts).fill(&mut *key);
    key
}

fn digest(context: &[u8; 32], ephemeral: &bls::VerifyingKey, payload: &[u8]) -> [u8; 32] {
    let digest = Sha256::new()
        .chain_update(b"ally/v1/ciphertext")
        .chain_update(context)
        .chain_update(ephemeral.to_bytes())
        .chain_update(payload)
        .finalize();
    digest.into()
}

impl Ciphertext {
    /// Whether this was sealed to `key` for `context`, and is as it was then. Only such ciphertexts
    /// are opened. That a message is inside, nobody can know before.
    ///
    /// # Cost
    /// Two pairings.
    ///
    /// # Variable time: public data only
    pub fn verify(&self, key: &EncryptionKey, context: &SealContext<'_>) -> bool {
        self.check(&context.digest(&key.key)).is_some()
    }

    /// What a signature has to be on to open it; `None` if it is not valid in this context.
    pub(super) fn check(&self, context: &[u8; 32]) -> Option<Identity> {
        let digest = digest(context, &self.ephemeral, &self.payload);
        let valid = self.ephemeral.verify_prepared(&Prepared::seal(&digest), &self.seal);
        valid.then(|| identity(context, &self.ephemeral))
    }

    /// The message, with the signature on what [`Ciphertext::check`] returned. `None` if the payload
    /// is not what a correct sealer makes.
    pub(super) fn open(&self, context: &[u8; 32], signature: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let shared = bls::unlock(&self.ephemeral, signature)?;
        super::payload::decrypt(
            &payload_key(context, &self.ephemeral, &shared),
            context,
            &self.payload,
        )
    }
}

/// `version (1) || U (96) || seal (48) || payload (4, LE + bytes)`; the payload is as long as the
/// message and 16 bytes.
impl Encode for Ciphertext {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(VERSION).raw(&self.ephemeral.to_bytes()).raw(&self.seal).bytes(&self.payload);
    }
}

impl Decode for Ciphertext {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION {
            return Err(DecodeError::Invalid("version of a ciphertext"));
        }
        let ephemeral = bls::VerifyingKey::from_bytes(&reader.array::<{ bls::G2_BYTES }>()?)
            .ok_or(DecodeError::Invalid("ciphertext: not a point of the group"))?;
        let seal = reader.array()?;
        let payload = reader.bytes(SEALED_BYTES_MAX + OVERHEAD)?.to_vec();
        Ok(Self { ephemeral, seal, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenError, Scheme, combine_decryption, deal};
    use ally_policy::{Formula, ServerIndex};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// A sealer that encrypts with another key makes a valid ciphertext that nobody can read, and
    /// all readers say so.
    #[test]
    fn a_ciphertext_without_a_message_is_the_sealers_fault() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let either = Formula::gate(1, (0..2).map(|at| Formula::Leaf(ServerIndex(at))).collect());
        let dealt = deal(Scheme::Bls12381, &either.unwrap(), 0, &mut rng, &()).unwrap();
        let context = SealContext::new(b"test", b"");
        let key = EncryptionKey::new(&dealt.public.verifying_key()).unwrap();
        let digest_of_context = context.digest(&key.key);

        let stream = &mut SeedStream::from_parts(b"test", &[]);
        let ephemeral = Ephemeral::from_stream(stream);
        let public = ephemeral.public_key();
        for payload in [encrypt(&Zeroizing::new([7; 32]), &digest_of_context, b"?"), vec![1; 15]] {
            let digest = digest(&digest_of_context, &public, &payload);
            let seal = ephemeral.sign(&Prepared::seal(&digest));
            let ciphertext = Ciphertext { ephemeral: public.clone(), seal, payload };
            assert!(ciphertext.verify(&key, &context));
            for holder in &dealt.shares {
                let share = holder.open_share(&dealt.public, &ciphertext, &context).unwrap();
                let shares = [(holder.server(), share)];
                let opened = combine_decryption(&dealt.public, &ciphertext, &context, &shares);
                assert_eq!(opened, Err(OpenError::Unreadable));
            }
        }
    }
}
