//! From messages to numbers below the modulus (RFC 8017, section 9), with SHA-256.

use sha2::{Digest, Sha256};

/// DER of `DigestInfo { sha256, NULL }` up to the digest.
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// Bytes of a SHA-256 digest, and of the salt in PSS.
const HASH_BYTES: usize = 32;

/// The narrowest modulus, in bytes, that PSS fits below.
pub(crate) const PSS_WIDTH_MIN: usize = 2 * HASH_BYTES + 2;

/// EMSA-PKCS1-v1_5, `width` bytes: `00 01 ff.. 00 DigestInfo digest`.
pub(crate) fn pkcs1(message: &[u8], width: usize) -> Vec<u8> {
    let tail = DIGEST_INFO.len() + HASH_BYTES;
    debug_assert!(width >= tail + 11, "room for eight bytes of padding");
    let mut encoded = vec![0, 1];
    encoded.resize(width.saturating_sub(tail + 1), 0xff);
    encoded.push(0);
    encoded.extend_from_slice(&DIGEST_INFO);
    encoded.extend_from_slice(&Sha256::digest(message));
    encoded
}

/// EMSA-PSS with MGF1 and a salt of hash length for a modulus of exactly `8 * width` bits.
///
/// # Source
/// RFC 8017, section 9.1.1. Ours: the salt is a hash of the key's fingerprint and the message
/// digest, because all servers must encode alike. With a salt that the message determines, PSS is
/// as strong as full-domain hashing (Coron 2002, with a salt of no bits).
pub(crate) fn pss(message: &[u8], width: usize, fingerprint: &[u8; 32]) -> Vec<u8> {
    let digest = Sha256::digest(message);
    let salt = Sha256::new()
        .chain_update(b"ally/v1/pss-salt")
        .chain_update(fingerprint)
        .chain_update(digest)
        .finalize();
    let hash: [u8; 32] = Sha256::new()
        .chain_update([0; 8])
        .chain_update(digest)
        .chain_update(salt)
        .finalize()
        .into();
    debug_assert!(width >= PSS_WIDTH_MIN, "room for hash, salt and two bytes");
    let mut encoded = vec![0; width.saturating_sub(PSS_WIDTH_MIN)];
    encoded.push(1);
    encoded.extend_from_slice(&salt);
    for (byte, mask) in encoded.iter_mut().zip(mgf1(hash)) {
        *byte ^= mask;
    }
    // The encoding has one bit less than the modulus, so that it is always below it.
    encoded[0] &= 0x7f;
    encoded.extend_from_slice(&hash);
    encoded.push(0xbc);
    encoded
}

/// MGF1 with SHA-256, without end.
fn mgf1(seed: [u8; HASH_BYTES]) -> impl Iterator<Item = u8> {
    (0u32..).flat_map(move |counter| {
        let hash = Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes());
        <[u8; HASH_BYTES]>::from(hash.finalize())
    })
}
