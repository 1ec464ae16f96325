//! Sealing to a signature to come: when the alliance has signed, everybody can read.

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::payload::{OVERHEAD, PayloadKey, SEALED_BYTES_MAX, decrypt, encrypt};
use super::{OpenError, SealContext, SealError};
use crate::bls::{self, Ephemeral, Prepared, SharedSecret};
use crate::seed::SeedStream;
use crate::{Message, VerifyingKey};

/// The version of the encoding.
const VERSION: u8 = 1;

/// A secret number of which all else in a sealed message follows. Wiped when dropped.
type Sigma = Zeroizing<[u8; 32]>;

/// A message that can be read by whoever has the alliance's signature on another one, the message of
/// a round: from the height on at which the alliance signs that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeSealed {
    /// `U`, the public half of the ephemeral key.
    ephemeral: bls::VerifyingKey,
    /// Sigma, hidden by what the signature opens.
    masked: [u8; 32],
    payload: Vec<u8>,
}

/// Seals `message` (up to [`SEALED_BYTES_MAX`] bytes) until `key` has signed `round`, for `context`.
///
/// `round` is exactly what will be signed, with its tag: for a beacon
/// [`Beacon::round_message`](super::Beacon::round_message). Nothing in the result tells the round;
/// keep it beside it.
///
/// `rng` is mixed with the message, so that even a generator that repeats itself does not encrypt
/// twice with one key.
///
/// # Errors
/// [`SealError`]: an RSA key, a round that such a key does not sign, or a message that is too long.
///
/// ```
/// use ally_policy::{Formula, ServerIndex};
/// use ally_threshold::{Beacon, Scheme, SealContext, combine, deal, open_with, seal_until};
/// # use rand_chacha::rand_core::SeedableRng;
/// # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(7);
///
/// let leaves = (0..3).map(|index| Formula::Leaf(ServerIndex(index))).collect();
/// let dealt = deal(Scheme::Bls12381, &Formula::gate(2, leaves)?, 0, &mut rng, &())?;
/// let key = dealt.public.verifying_key();
/// let beacon = Beacon::new(&key, b"example.org")?;
///
/// let round = beacon.round_message(1000);
/// let context = SealContext::new(b"auction", b"lot 5");
/// let bid = seal_until(&key, &round, b"12,500", &context, &mut rng)?;
///
/// // Once block 1000 is there, the servers sign its round, whoever sealed something or not.
/// let mut shares = Vec::new();
/// for holder in &dealt.shares[1..] {
///     shares.push((holder.server(), holder.sign(&dealt.public, &round)?));
/// }
/// let signature = combine(&dealt.public, &round, &shares)?;
/// let opened = open_with(&key, &round, &signature, &bid, &context)?;
/// assert_eq!(&opened[..], b"12,500");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Source
/// Boneh & Franklin 2001, section 4.2 (`FullIdent`), as in Gailly, Melissaris & Romailler, "tlock:
/// practical timelock encryption from threshold BLS" (2023). Ours: the cipher's key is derived from
/// the ephemeral key as well, and everything is bound to the context.
///
/// # Cost
/// A pairing, and a multiplication in each group; about 1 ms.
pub fn seal_until<'m>(
    key: &VerifyingKey,
    round: impl Into<Message<'m>>,
    message: &[u8],
    context: &SealContext<'_>,
    rng: &mut impl CryptoRng,
) -> Result<TimeSealed, SealError> {
    if message.len() > SEALED_BYTES_MAX {
        return Err(SealError::TooLong { bytes: message.len() });
    }
    let point = key.as_bls().ok_or(SealError::Scheme(key.scheme()))?;
    let round = bls::VerifyingKey::prepare(&round.into())?;
    let bound = Bound::new(key, &round, context);
    let mut sigma = Sigma::new([0; 32]);
    rng.fill_bytes(&mut *sigma);
    Ok(TimeSealed::seal(point, &round, &bound, &sigma, message))
}

/// Opens what was sealed until `key` signed `round`, with that signature.
///
/// # Errors
/// [`OpenError::Signature`]: whoever gave in the signature is to blame; [`OpenError::Unreadable`]:
/// it was sealed for another round or context, wrongly, or changed since; [`OpenError::Scheme`] and
/// [`OpenError::Encoding`]: the caller is to blame.
///
/// # Cost
/// Three pairings and a multiplication in G2.
pub fn open_with<'m>(
    key: &VerifyingKey,
    round: impl Into<Message<'m>>,
    signature: &[u8],
    sealed: &TimeSealed,
    context: &SealContext<'_>,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let point = key.as_bls().ok_or(OpenError::Scheme(key.scheme()))?;
    let round = bls::VerifyingKey::prepare(&round.into())?;
    if !point.verify_prepared(&round, signature) {
        return Err(OpenError::Signature);
    }
    let shared = bls::unlock(&sealed.ephemeral, signature).ok_or(OpenError::Signature)?;
    let bound = Bound::new(key, &round, context);
    sealed.read(&bound, &shared).ok_or(OpenError::Unreadable)
}

impl TimeSealed {
    fn seal(
        key: &bls::VerifyingKey,
        round: &Prepared,
        bound: &Bound,
        sigma: &Sigma,
        message: &[u8],
    ) -> Self {
        let ephemeral = bound.ephemeral(sigma, message);
        let public = ephemeral.public_key();
        let mask = bound.mask(&public, &ephemeral.shared_secret(key, round));
        let payload = encrypt(&bound.payload_key(&public, sigma), &bound.0, message);
        Self { ephemeral: public, masked: xor(sigma, &mask), payload }
    }

    /// `None` unless all of it is just what a correct sealer makes of the message inside.
    fn read(&self, bound: &Bound, shared: &SharedSecret) -> Option<Zeroizing<Vec<u8>>> {
        let sigma = Sigma::new(xor(&self.masked, &bound.mask(&self.ephemeral, shared)));
        let key = bound.payload_key(&self.ephemeral, &sigma);
        let message = decrypt(&key, &bound.0, &self.payload)?;
        let expected = bound.ephemeral(&sigma, &message).public_key();
        (expected == self.ephemeral).then_some(message)
    }
}

/// A hash over the context and the point that is signed: what everything is derived under.
struct Bound([u8; 32]);

impl Bound {
    fn new(key: &VerifyingKey, round: &Prepared, context: &SealContext<'_>) -> Self {
        let parts: [&[u8]; 2] = [&context.digest(key), &round.to_bytes()];
        let mut bound = [0; 32];
        SeedStream::from_parts(b"ally/v1/time-lock", &parts).fill(&mut bound);
        Self(bound)
    }

    /// `r`, which follows from sigma and the message: the transformation of Fujisaki & Okamoto.
    fn ephemeral(&self, sigma: &Sigma, message: &[u8]) -> Ephemeral {
        let parts: [&[u8]; 3] = [&self.0, &**sigma, message];
        Ephemeral::from_stream(&mut SeedStream::from_parts(b"ally/v1/time-lock-ephemeral", &parts))
    }

    /// What hides sigma.
    fn mask(&self, ephemeral: &bls::VerifyingKey, shared: &SharedSecret) -> Zeroizing<[u8; 32]> {
        self.derive(b"ally/v1/time-lock-mask", ephemeral, &**shared)
    }

    /// What encrypts the message.
    fn payload_key(&self, ephemeral: &bls::VerifyingKey, sigma: &Sigma) -> PayloadKey {
        self.derive(b"ally/v1/time-lock-key", ephemeral, &**sigma)
    }

    fn derive(
        &self,
        tag: &[u8],
        ephemeral: &bls::VerifyingKey,
        secret: &[u8],
    ) -> Zeroizing<[u8; 32]> {
        let parts: [&[u8]; 3] = [&self.0, &ephemeral.to_bytes(), secret];
        let mut derived = Zeroizing::new([0; 32]);
        SeedStream::from_parts(tag, &parts).fill(&mut *derived);
        derived
    }
}

fn xor(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    std::array::from_fn(|at| a[at] ^ b[at])
}

/// `version (1) || U (96) || hidden sigma (32) || payload (4, LE + bytes)`; the payload is as long as
/// the message and 16 bytes.
impl Encode for TimeSealed {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(VERSION).raw(&self.ephemeral.to_bytes()).raw(&self.masked).bytes(&self.payload);
    }
}

impl Decode for TimeSealed {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8()? != VERSION {
            return Err(DecodeError::Invalid("version of a time-sealed message"));
        }
        let ephemeral = bls::VerifyingKey::from_bytes(&reader.array::<{ bls::G2_BYTES }>()?)
            .ok_or(DecodeError::Invalid("time-sealed message: not a point of the group"))?;
        let masked = reader.array()?;
        let payload = reader.bytes(SEALED_BYTES_MAX + OVERHEAD)?.to_vec();
        Ok(Self { ephemeral, masked, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyShare, PublicKey, Scheme, combine, deal};
    use ally_policy::{Formula, ServerIndex};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    use sha2::{Digest, Sha256};

    fn key() -> (PublicKey, Vec<KeyShare>) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let alone = Formula::Leaf(ServerIndex(0));
        let dealt = deal(Scheme::Bls12381, &alone, 0, &mut rng, &()).unwrap();
        (dealt.public, dealt.shares)
    }

    /// The script `tests/kat/bls.py` seals to a message point of RFC 9380.
    #[test]
    fn vec_python_sealed() {
        let text = include_str!("../../tests/kat/bls.txt");
        let (_, text) = text.split_once("sealed\n").unwrap();
        let lines: Vec<(&str, Vec<u8>)> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, value)| (name, hex::decode(value).unwrap()))
            .collect();
        let names = ["key", "sigma", "signature", "shared", "bytes"];
        assert_eq!(lines.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
        let [point, sigma, signature, shared, bytes] = &lines[..] else { unreachable!() };

        let point = bls::VerifyingKey::from_bytes(&point.1).unwrap();
        let key = VerifyingKey::from(point.clone());
        let tag = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
        let round = Prepared::hashed(b"abc", tag);
        assert!(point.verify_prepared(&round, &signature.1));
        let bound = Bound::new(&key, &round, &SealContext::new(b"auction", b"lot 5"));
        let sigma = Sigma::new(sigma.1.as_slice().try_into().unwrap());
        let message =
            b"twelve thousand five hundred, and some more to fill a block and begin another";
        let sealed = TimeSealed::seal(&point, &round, &bound, &sigma, message);
        assert_eq!(hex::encode(sealed.to_bytes()), hex::encode(&bytes.1));
        let unlocked = bls::unlock(&sealed.ephemeral, &signature.1).unwrap();
        assert_eq!(Sha256::digest(*unlocked).as_slice(), shared.1);
        assert_eq!(sealed.read(&bound, &unlocked).unwrap().as_slice(), message);
    }

    /// Everything decrypts, but the ephemeral key does not follow from the message: a sealer that
    /// deviates like this could make ciphertexts that belong together.
    #[test]
    fn only_what_a_correct_sealer_makes_is_read() {
        let (public, shares) = key();
        let (key, context) = (public.verifying_key(), SealContext::new(b"test", b""));
        let round = bls::VerifyingKey::prepare(&Message::new(b"7")).unwrap();
        let share = (ServerIndex(0), shares[0].sign(&public, b"7").unwrap());
        let signature = combine(&public, b"7", &[share]).unwrap();

        let bound = Bound::new(&key, &round, &context);
        let sigma = Sigma::new([1; 32]);
        let seal = |ephemeral: Ephemeral| {
            let public = ephemeral.public_key();
            let shared = ephemeral.shared_secret(key.as_bls().unwrap(), &round);
            let masked = xor(&sigma, &bound.mask(&public, &shared));
            let payload = encrypt(&bound.payload_key(&public, &sigma), &bound.0, b"bid");
            TimeSealed { ephemeral: public, masked, payload }
        };
        let correct = seal(bound.ephemeral(&sigma, b"bid"));
        let opened = open_with(&key, b"7", &signature, &correct, &context);
        assert_eq!(opened.unwrap().as_slice(), b"bid");
        let deviating = seal(bound.ephemeral(&sigma, b"other"));
        let refused = open_with(&key, b"7", &signature, &deviating, &context);
        assert_eq!(refused, Err(OpenError::Unreadable));
    }
}
