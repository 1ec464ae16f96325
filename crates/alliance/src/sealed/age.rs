//! The `age` file format, as far as a passphrase goes.
//!
//! Only what we need of it: one recipient, a passphrase. The library that has all of it brings a
//! hundred crates along; this is two hash functions and a cipher of libraries.
//!
//! # Source
//! C2SP, "The age file encryption format", version 1: header, the scrypt recipient, STREAM payload.

use super::Passphrase;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

const VERSION: &str = "age-encryption.org/v1\n";
const SALT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const FILE_KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// Plaintext of one piece of the payload.
const PIECE_BYTES: usize = 64 * 1024;

/// What a guess costs: 2^18 rounds, 256 MiB, about a second. What `age` takes by itself.
#[cfg(not(test))]
const WORK: u8 = 18;
/// Tests guess often.
#[cfg(test)]
const WORK: u8 = 4;

/// The most that a file may ask for: 2^20, 1 GiB.
const WORK_MAX: u8 = 20;

/// What is wrong with a sealed file, or with the passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedFileError {
    /// Nobody said what it is sealed with.
    #[error(
        "it is sealed, and nobody said the passphrase: name a file that has it in ALLY_PASSPHRASE_FILE"
    )]
    NoPassphrase,
    /// It is sealed with another passphrase.
    #[error("it is sealed with another passphrase")]
    Passphrase,
    /// The passphrase is right, and yet: something was changed.
    #[error("it is damaged: restore it from a backup")]
    Damaged,
    /// It is for keys and not for a passphrase, or asks for more work than there may be.
    #[error("it is an age file of another kind: seal it with `ally key seal`")]
    Kind,
    /// It is sealed where it should not be.
    #[error("it is sealed already")]
    Already,
    /// It is not sealed where it should be.
    #[error("it is not sealed")]
    Not,
}

/// Whether a file is of this format.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(VERSION.as_bytes())
}

/// Seals `text`.
///
/// # Errors
/// None in practice: the parameters are right.
pub(crate) fn seal(
    text: &[u8],
    passphrase: &Passphrase,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealedFileError> {
    let mut salt = [0; SALT_BYTES];
    let mut nonce = [0; NONCE_BYTES];
    let mut file_key = Zeroizing::new([0; FILE_KEY_BYTES]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    rng.fill_bytes(&mut *file_key);
    let wrap_key = wrap_key(passphrase, &salt, WORK)?;
    let wrapped = cipher(&wrap_key)
        .encrypt(&Nonce::default(), &file_key[..])
        .map_err(|_| SealedFileError::Damaged)?;
    let (salt, wrapped) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(wrapped));
    let header = format!("{VERSION}-> scrypt {salt} {WORK}\n{wrapped}\n---");
    let mac =
        STANDARD_NO_PAD.encode(header_mac(&file_key, header.as_bytes()).finalize().into_bytes());
    let mut sealed = format!("{header} {mac}\n").into_bytes();
    sealed.extend_from_slice(&nonce);
    let cipher = cipher(&payload_key(&file_key, &nonce));
    let pieces = text.chunks(PIECE_BYTES).count().max(1);
    for number in 0..pieces {
        let from = number * PIECE_BYTES;
        let piece = &text[from..text.len().min(from + PIECE_BYTES)];
        let nonce = piece_nonce(number as u64, number + 1 == pieces);
        let payload = Payload { msg: piece, aad: &[] };
        let piece = cipher.encrypt(&nonce, payload).map_err(|_| SealedFileError::Damaged)?;
        sealed.extend_from_slice(&piece);
    }
    Ok(sealed)
}

/// Opens what [`seal`], or `age --passphrase`, sealed.
///
/// # Errors
/// [`SealedFileError`].
pub(crate) fn open(
    sealed: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, SealedFileError> {
    let header = Header::parse(sealed).ok_or(SealedFileError::Kind)?;
    let wrap_key = wrap_key(passphrase, &header.salt, header.work)?;
    let file_key = cipher(&wrap_key)
        .decrypt(&Nonce::default(), &header.wrapped[..])
        .map(Zeroizing::new)
        .map_err(|_| SealedFileError::Passphrase)?;
    let file_key: Zeroizing<[u8; FILE_KEY_BYTES]> =
        Zeroizing::new(file_key[..].try_into().map_err(|_| SealedFileError::Damaged)?);
    header_mac(&file_key, header.signed)
        .verify_slice(&header.mac)
        .map_err(|_| SealedFileError::Damaged)?;
    payload(header.payload, &file_key).ok_or(SealedFileError::Damaged)
}

/// The header of a file, and what follows it.
struct Header<'a> {
    salt: [u8; SALT_BYTES],
    work: u8,
    wrapped: [u8; FILE_KEY_BYTES + TAG_BYTES],
    /// From the beginning to the dashes.
    signed: &'a [u8],
    mac: [u8; 32],
    payload: &'a [u8],
}

impl<'a> Header<'a> {
    /// `None` unless it is the header of a file with a passphrase, in its only form.
    fn parse(sealed: &'a [u8]) -> Option<Self> {
        let mut rest = sealed.strip_prefix(VERSION.as_bytes())?;
        let recipient = std::str::from_utf8(line(&mut rest)?).ok()?;
        let (salt, work) = recipient.strip_prefix("-> scrypt ")?.split_once(' ')?;
        let plain = work.len() <= 2 && !work.starts_with('0') && !work.starts_with('+');
        let work: u8 = work.parse().ok().filter(|work| plain && *work <= WORK_MAX)?;
        let wrapped = decode(line(&mut rest)?)?;
        let last = line(&mut rest)?;
        let mac = decode(last.strip_prefix(b"--- ")?)?;
        // The last line without its MAC, the space before it and the end of the line.
        let signed = sealed.len() - rest.len() - 1 - (last.len() - 3);
        Some(Self {
            salt: decode(salt.as_bytes())?,
            work,
            wrapped,
            signed: &sealed[..signed],
            mac,
            payload: rest,
        })
    }
}

/// The next line, without its end.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().take(256).position(|byte| *byte == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line)
}

fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// What the passphrase makes of a salt.
fn wrap_key(
    passphrase: &Passphrase,
    salt: &[u8; SALT_BYTES],
    work: u8,
) -> Result<Zeroizing<[u8; 32]>, SealedFileError> {
    let salt = [SALT_LABEL, salt].concat();
    let params = scrypt::Params::new(work, 8, 1).map_err(|_| SealedFileError::Kind)?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.as_bytes(), &salt, &params, &mut *key)
        .map_err(|_| SealedFileError::Kind)?;
    Ok(key)
}

fn header_mac(file_key: &[u8; FILE_KEY_BYTES], header: &[u8]) -> Hmac<Sha256> {
    let key = derive(file_key, &[], b"header");
    let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&*key);
    mac.expect("HMAC takes keys of any length").chain_update(header)
}

fn payload_key(file_key: &[u8; FILE_KEY_BYTES], nonce: &[u8]) -> Zeroizing<[u8; 32]> {
    derive(file_key, nonce, b"payload")
}

fn derive(key: &[u8], salt: &[u8], label: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    let hkdf = Hkdf::<Sha256>::new(Some(salt), key);
    hkdf.expand(label, &mut *derived).expect("32 bytes are few");
    derived
}

fn payload(bytes: &[u8], file_key: &[u8; FILE_KEY_BYTES]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, pieces) = bytes.split_at_checked(NONCE_BYTES)?;
    let cipher = cipher(&payload_key(file_key, nonce));
    // Of the final size at once: a buffer that grows leaves copies of secrets behind.
    let mut text = Zeroizing::new(Vec::with_capacity(pieces.len()));
    let count = pieces.chunks(PIECE_BYTES + TAG_BYTES).count();
    for (number, piece) in pieces.chunks(PIECE_BYTES + TAG_BYTES).enumerate() {
        let nonce = piece_nonce(number as u64, number + 1 == count);
        let piece = Zeroizing::new(cipher.decrypt(&nonce, piece).ok()?);
        // An empty last piece behind others would be a second form of the same file.
        if piece.is_empty() && number > 0 {
            return None;
        }
        text.extend_from_slice(&piece);
    }
    (count > 0).then_some(text)
}

/// `number (11, big-endian) || whether it is the last (1)`.
fn piece_nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::from(nonce)
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(*key))
}
