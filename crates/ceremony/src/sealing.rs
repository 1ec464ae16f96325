//! Secrets on a public board: encrypted to one reader, who can later show anybody what was inside.
//!
//! A dealer's letters to all readers hang where everybody sees them. A reader who finds rubbish in its
//! letter proves it by giving away the key of that one letter, with a proof that this is the key: then
//! everybody can open the letter and see who lied, the dealer or the reader. No dealer has to answer,
//! so none can delay.
//!
//! ```text
//!   dealer:  e, E = e G                  one for all letters of a dealing
//!   reader:  r, R = r G                  one for each ceremony
//!   shared:  S = e R = r E               key of the letter: a hash of everything above and where it hangs
//!   shown:   S, and that log_G R = log_E S
//! ```
//!
//! A dealer has to know its e, and shows that it does. Otherwise a liar could hang letters under a point
//! made from somebody else's E, full of rubbish on purpose: the complaint about them would open the
//! honest dealer's letters too.
//!
//! # Source
//! Diffie & Hellman in ristretto255 (RFC 9496) with ChaCha20-Poly1305 (RFC 8439); Chaum & Pedersen
//! 1992 and Schnorr 1991, made non-interactive by Fiat & Shamir 1986. To dispute by giving away the
//! shared point is from Schindler, Judmayer, Stifter & Weippl, "EthDKG" (2019).

use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{RistrettoPoint as Point, Scalar};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// A secret scalar of either side. Wiped when it goes.
pub(crate) struct SealSecret(Scalar);

/// The point that belongs to it. Never the neutral element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SealPoint {
    point: RistrettoPoint,
    bytes: [u8; 32],
}

/// Where a letter hangs: no two letters share it. Bound into its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The ceremony.
    pub(crate) ceremony: [u8; 32],
    /// Who wrote it.
    pub(crate) dealer: u16,
    /// Whom it is for.
    pub(crate) reader: u16,
    /// Which of the dealer's letters to this reader.
    pub(crate) letter: u16,
}

/// That a dealer knows the secret of its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knowledge {
    challenge: [u8; 32],
    response: [u8; 32],
}

/// What a reader gives away to have its letters from one dealer opened by everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    shared: SealPoint,
    challenge: [u8; 32],
    response: [u8; 32],
}

impl SealSecret {
    pub(crate) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 64]);
        rng.fill_bytes(&mut *bytes);
        Self(Scalar::from_bytes_mod_order_wide(&bytes))
    }

    /// Reads what [`SealSecret::encode`] wrote; `None` if it is no canonical scalar, or zero.
    pub(crate) fn decode(bytes: &[u8; 32]) -> Option<Self> {
        let scalar = Option::<Scalar>::from(Scalar::from_canonical_bytes(*bytes))?;
        (scalar != Scalar::ZERO).then_some(Self(scalar))
    }

    pub(crate) fn encode(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// R, or E.
    pub(crate) fn public(&self) -> SealPoint {
        SealPoint::from(&self.0 * RISTRETTO_BASEPOINT_TABLE)
    }

    /// As a dealer: that this secret is known to whoever writes `context`, which names the ceremony and
    /// the dealer. The nonce is a hash of the secret and the context.
    pub(crate) fn knowledge(&self, context: &[u8]) -> Knowledge {
        let point = self.public();
        let nonce = self.nonce(b"ally/v1/ceremony-knowledge-nonce", context);
        let commitment = (&nonce.0 * RISTRETTO_BASEPOINT_TABLE).compress();
        let challenge = knowledge_challenge(context, &point, &commitment);
        let response = (nonce.0 + challenge * self.0).to_bytes();
        Knowledge { challenge: challenge.to_bytes(), response }
    }

    /// As a dealer: the letter to `reader` at `place`. The same for the same arguments: the key serves
    /// for this text only.
    pub(crate) fn seal(&self, reader: &SealPoint, place: &Place, text: &[u8]) -> Vec<u8> {
        let key = letter_key(&self.public(), reader, &self.shared(reader), place);
        let cipher = ChaCha20Poly1305::new(&key_of(&key));
        cipher.encrypt(&Nonce::default(), text).expect("a letter is shorter than 256 GiB")
    }

    /// As a reader: what is in the letter; `None` if nothing is.
    pub(crate) fn open(
        &self,
        dealer: &SealPoint,
        place: &Place,
        letter: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        open_with(dealer, &self.public(), &self.shared(dealer), place, letter)
    }

    /// As a reader: what lets everybody open this reader's letters from `dealer`.
    pub(crate) fn opening(&self, dealer: &SealPoint) -> Opening {
        let shared = self.shared(dealer);
        let statement = statement(dealer, &self.public(), &shared);
        let nonce = self.nonce(b"ally/v1/ceremony-opening-nonce", &statement);
        let base = (&nonce.0 * RISTRETTO_BASEPOINT_TABLE).compress();
        let other = (nonce.0 * dealer.point).compress();
        let challenge = challenge(&statement, &base, &other);
        let response = (nonce.0 + challenge * self.0).to_bytes();
        Opening { shared, challenge: challenge.to_bytes(), response }
    }

    /// A nonce for one statement: a hash of the secret and the statement. It needs no randomness, and
    /// does not serve for another statement.
    fn nonce(&self, tag: &[u8], statement: &[u8]) -> Self {
        let hash = Sha512::new_with_prefix(tag).chain_update(*self.encode());
        let mut wide = Zeroizing::new([0; 64]);
        wide.copy_from_slice(&hash.chain_update(statement).finalize());
        Self(Scalar::from_bytes_mod_order_wide(&wide))
    }

    fn shared(&self, other: &SealPoint) -> SealPoint {
        SealPoint::from(self.0 * other.point)
    }
}

impl Drop for SealSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl SealPoint {
    /// Reads an encoded point; `None` unless it is one, in its only encoding, and not the neutral
    /// element.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let point = CompressedRistretto(*bytes).decompress()?;
        (!point.is_identity()).then_some(Self { point, bytes: *bytes })
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl From<Point> for SealPoint {
    fn from(point: Point) -> Self {
        Self { bytes: point.compress().to_bytes(), point }
    }
}

impl Knowledge {
    /// Whether it shows that whoever wrote `context` knows the secret of `point`.
    pub(crate) fn holds(&self, context: &[u8], point: &SealPoint) -> bool {
        let Some((claimed, response)) = scalars(&self.challenge, &self.response) else {
            return false;
        };
        let commitment =
            Point::vartime_double_scalar_mul_basepoint(&-claimed, &point.point, &response);
        knowledge_challenge(context, point, &commitment.compress()) == claimed
    }
}

impl Opening {
    /// Whether it belongs to `reader`'s letters from `dealer`.
    ///
    /// # Cost
    /// Two double multiplications, some 200 us.
    pub(crate) fn holds(&self, dealer: &SealPoint, reader: &SealPoint) -> bool {
        let Some((claimed, response)) = scalars(&self.challenge, &self.response) else {
            return false;
        };
        let minus = -claimed;
        let base =
            Point::vartime_double_scalar_mul_basepoint(&minus, &reader.point, &response).compress();
        let other = (response * dealer.point + minus * self.shared.point).compress();
        challenge(&statement(dealer, reader, &self.shared), &base, &other) == claimed
    }

    /// What is in the letter; `None` if nothing is. To be believed only if the opening
    /// [holds](Opening::holds).
    pub(crate) fn open(
        &self,
        dealer: &SealPoint,
        reader: &SealPoint,
        place: &Place,
        letter: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        open_with(dealer, reader, &self.shared, place, letter)
    }
}

/// `shared point (32) || challenge (32) || response (32)`.
impl Encode for Opening {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(self.shared.as_bytes()).raw(&self.challenge).raw(&self.response);
    }
}

impl Decode for Opening {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let shared = reader.value()?;
        Ok(Self { shared, challenge: reader.array()?, response: reader.array()? })
    }
}

/// `challenge (32) || response (32)`.
impl Encode for Knowledge {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.challenge).raw(&self.response);
    }
}

impl Decode for Knowledge {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { challenge: reader.array()?, response: reader.array()? })
    }
}

/// 32 bytes.
impl Encode for SealPoint {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.bytes);
    }
}

impl Decode for SealPoint {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_bytes(&reader.array()?).ok_or(DecodeError::Invalid("point of ristretto255"))
    }
}

fn open_with(
    dealer: &SealPoint,
    reader: &SealPoint,
    shared: &SealPoint,
    place: &Place,
    letter: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let key = letter_key(dealer, reader, shared, place);
    let cipher = ChaCha20Poly1305::new(&key_of(&key));
    cipher.decrypt(&Nonce::default(), letter).ok().map(Zeroizing::new)
}

/// The key of one letter. The shared point fixes it, so a letter has one content: nobody can show
/// another one.
fn letter_key(
    dealer: &SealPoint,
    reader: &SealPoint,
    shared: &SealPoint,
    place: &Place,
) -> Zeroizing<[u8; 32]> {
    let hash = Sha256::new_with_prefix(b"ally/v1/ceremony-letter")
        .chain_update(place.ceremony)
        .chain_update(place.dealer.to_le_bytes())
        .chain_update(place.reader.to_le_bytes())
        .chain_update(place.letter.to_le_bytes())
        .chain_update(dealer.as_bytes())
        .chain_update(reader.as_bytes())
        .chain_update(shared.as_bytes());
    Zeroizing::new(hash.finalize().into())
}

fn key_of(bytes: &[u8; 32]) -> Key {
    Key::from(*bytes)
}

fn statement(dealer: &SealPoint, reader: &SealPoint, shared: &SealPoint) -> [u8; 32] {
    let hash = Sha256::new_with_prefix(b"ally/v1/ceremony-opening")
        .chain_update(dealer.as_bytes())
        .chain_update(reader.as_bytes())
        .chain_update(shared.as_bytes());
    hash.finalize().into()
}

/// Both in their only encoding.
fn scalars(challenge: &[u8; 32], response: &[u8; 32]) -> Option<(Scalar, Scalar)> {
    let scalar = |bytes: &[u8; 32]| Option::from(Scalar::from_canonical_bytes(*bytes));
    Some((scalar(challenge)?, scalar(response)?))
}

fn knowledge_challenge(
    context: &[u8],
    point: &SealPoint,
    commitment: &CompressedRistretto,
) -> Scalar {
    let hash = Sha512::new_with_prefix(b"ally/v1/ceremony-knowledge")
        .chain_update(point.as_bytes())
        .chain_update(commitment.as_bytes())
        .chain_update(context);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn challenge(
    statement: &[u8; 32],
    base: &CompressedRistretto,
    other: &CompressedRistretto,
) -> Scalar {
    let hash = Sha512::new_with_prefix(b"ally/v1/ceremony-opening-challenge")
        .chain_update(statement)
        .chain_update(base.as_bytes())
        .chain_update(other.as_bytes());
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    const PLACE: Place = Place { ceremony: [1; 32], dealer: 2, reader: 3, letter: 0 };

    fn secrets() -> [SealSecret; 3] {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        [(); 3].map(|()| SealSecret::random(&mut rng))
    }

    #[test]
    fn a_letter_is_read_by_its_reader_where_it_hangs_and_nowhere_else() {
        let [dealer, reader, other] = secrets();
        let letter = dealer.seal(&reader.public(), &PLACE, b"share");
        assert_eq!(letter.len(), 5 + 16);
        let text = reader.open(&dealer.public(), &PLACE, &letter);
        assert_eq!(text.unwrap().as_slice(), b"share");
        assert_eq!(other.open(&dealer.public(), &PLACE, &letter), None);
        assert_eq!(reader.open(&other.public(), &PLACE, &letter), None);
        let elsewhere = [
            Place { ceremony: [2; 32], ..PLACE },
            Place { dealer: 3, ..PLACE },
            Place { reader: 2, ..PLACE },
            Place { letter: 1, ..PLACE },
        ];
        assert!(elsewhere.iter().all(|at| reader.open(&dealer.public(), at, &letter).is_none()));
        for at in 0..letter.len() {
            let mut changed = letter.clone();
            changed[at] ^= 1;
            assert_eq!(reader.open(&dealer.public(), &PLACE, &changed), None, "byte {at}");
        }
    }

    #[test]
    fn an_opening_shows_everybody_the_letter_and_cannot_be_made_up() {
        let [dealer, reader, other] = secrets();
        let letter = dealer.seal(&reader.public(), &PLACE, b"share");
        let opening = reader.opening(&dealer.public());
        let (from, to) = (dealer.public(), reader.public());
        assert!(opening.holds(&from, &to));
        assert_eq!(opening.open(&from, &to, &PLACE, &letter).unwrap().as_slice(), b"share");
        assert_eq!(Opening::from_bytes(&opening.to_bytes()), Ok(opening.clone()));

        // The opening of other letters, or of this one by somebody else.
        assert!(!opening.holds(&other.public(), &to) && !opening.holds(&from, &other.public()));
        assert!(!other.opening(&from).holds(&from, &to));
        // A shared point that is not theirs, so that the letter would read as rubbish.
        let swapped = Opening { shared: other.public(), ..opening.clone() };
        assert!(!swapped.holds(&from, &to));
        for at in 0..96 {
            let mut bytes = opening.to_bytes();
            bytes[at] ^= 1;
            let holds = Opening::from_bytes(&bytes).is_ok_and(|changed| changed.holds(&from, &to));
            assert!(!holds, "byte {at}");
        }
    }

    #[test]
    fn only_who_knows_the_secret_of_a_point_deals_under_it() {
        let [secret, other, _] = secrets();
        let knowledge = secret.knowledge(b"round 1, dealer 2");
        assert!(knowledge.holds(b"round 1, dealer 2", &secret.public()));
        assert!(!knowledge.holds(b"round 1, dealer 3", &secret.public()), "somebody else's");
        assert!(!knowledge.holds(b"round 1, dealer 2", &other.public()));
        for at in 0..64 {
            let mut bytes = knowledge.to_bytes();
            bytes[at] ^= 1;
            let changed = Knowledge::from_bytes(&bytes).expect("any bytes");
            assert!(!changed.holds(b"round 1, dealer 2", &secret.public()), "byte {at}");
        }
    }

    #[test]
    fn secrets_and_points_are_read_back_and_nothing_else_is() {
        let [secret, ..] = secrets();
        let again = SealSecret::decode(&secret.encode()).unwrap();
        assert_eq!(again.public(), secret.public());
        assert!(
            SealSecret::decode(&[0; 32]).is_none() && SealSecret::decode(&[0xff; 32]).is_none()
        );
        let bytes = secret.public().to_bytes();
        assert_eq!(SealPoint::from_bytes(&bytes.try_into().unwrap()), Some(secret.public()));
        assert_eq!(SealPoint::from_bytes(&[0; 32]), None, "the neutral element");
        assert_eq!(SealPoint::from_bytes(&[0xff; 32]), None);
    }
}
