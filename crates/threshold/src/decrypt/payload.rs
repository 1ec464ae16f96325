//! The message itself, under a key that is used once.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

/// The longest message that can be sealed, in bytes. Longer ones: seal a key.
pub const SEALED_BYTES_MAX: usize = 1 << 20;

/// Bytes by which a sealed message is longer.
pub(super) const OVERHEAD: usize = 16;

/// A key for one message. Wiped when dropped.
pub(super) type PayloadKey = Zeroizing<[u8; 32]>;

/// Encrypts `message`; `bound` has to be the same when it is read. The result is `OVERHEAD` longer.
///
/// The nonce is 0: no key serves twice.
///
/// # Source
/// RFC 8439, section 2.8.
pub(super) fn encrypt(key: &PayloadKey, bound: &[u8], message: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(message.len() + OVERHEAD);
    sealed.extend_from_slice(message);
    let cipher = ChaCha20Poly1305::new(&Key::from(**key));
    let tag = cipher.encrypt_inout_detached(
        &Nonce::default(),
        bound,
        InOutBuf::from(sealed.as_mut_slice()),
    );
    let tag = tag.expect("far below the cipher's limit of 256 GiB");
    sealed.extend_from_slice(&tag);
    sealed
}

/// The message, or `None` if it was not encrypted so.
pub(super) fn decrypt(key: &PayloadKey, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(OVERHEAD)?)?;
    let tag: [u8; OVERHEAD] = tag.try_into().ok()?;
    let mut message = Zeroizing::new(body.to_vec());
    let cipher = ChaCha20Poly1305::new(&Key::from(**key));
    let buffer = InOutBuf::from(message.as_mut_slice());
    cipher.decrypt_inout_detached(&Nonce::default(), bound, buffer, &Tag::from(tag)).ok()?;
    Some(message)
}
