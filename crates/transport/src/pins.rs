//! Which keys the other end may have.

use ally_alliance::keys::{PublicKey, TlsRole};
use std::collections::HashSet;
use std::sync::Arc;

/// Which keys the other end of a connection may have. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pins(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Any,
    Listed(Arc<HashSet<[u8; 32]>>),
}

impl Pins {
    /// Only these keys. An empty list lets nobody in.
    pub fn of<R: TlsRole>(keys: impl IntoIterator<Item = PublicKey<R>>) -> Self {
        Self(Kind::Listed(Arc::new(keys.into_iter().map(|key| *key.as_bytes()).collect())))
    }

    /// Any Ed25519 key. The other end still proves that it holds the key it shows, so it can be told
    /// apart from others and recognised when it comes back.
    pub fn any() -> Self {
        Self(Kind::Any)
    }

    /// Whether the other end may have this key (32 bytes, RFC 8032).
    pub fn admits(&self, key: &[u8; 32]) -> bool {
        match &self.0 {
            Kind::Any => true,
            Kind::Listed(keys) => keys.contains(key),
        }
    }
}
