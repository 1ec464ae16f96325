//! What the fuzz targets need besides.

use crate::record::Record;
use ally_alliance::keys::SigningKey;

/// A record that says what these bytes say (its encoding without the signature), signed with `key`;
/// `None` if they are the encoding of nothing.
pub fn sign(unsigned: &[u8], key: &SigningKey) -> Option<Record> {
    Record::sign_bytes(unsigned, key)
}
