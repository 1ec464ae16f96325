//! DER of an RSA SubjectPublicKeyInfo (RFC 3279, section 2.3.1), for moduli whose top bit is the
//! top bit of a byte.

/// `SEQUENCE { rsaEncryption, NULL }`.
const ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// `INTEGER 65537`.
const EXPONENT: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

/// The encoding of the key with this modulus (big-endian, top bit set) and exponent 65537.
pub(crate) fn public_key_info(modulus: &[u8]) -> Vec<u8> {
    let integer = tagged(0x02, &[&[0], modulus]);
    let key = tagged(0x30, &[&integer, &EXPONENT]);
    tagged(0x30, &[&ALGORITHM, &tagged(0x03, &[&[0], &key])])
}

/// The modulus of `width` bytes in what [`public_key_info`] returned; `None` for anything else.
///
/// There is no parser to go wrong: the encoding has one shape for each width, so the modulus is
/// cut out of its place, and the rest has to be what we would write around it.
pub(crate) fn modulus(info: &[u8], width: usize) -> Option<&[u8]> {
    let end = info.len().checked_sub(EXPONENT.len())?;
    let modulus = info.get(end.checked_sub(width)?..end)?;
    (public_key_info(modulus) == info).then_some(modulus)
}

fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    match length {
        0..0x80 => bytes.push(length as u8),
        0x80..0x100 => bytes.extend_from_slice(&[0x81, length as u8]),
        _ => {
            debug_assert!(length <= 0xffff, "no key is that long");
            bytes.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]);
        }
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}
