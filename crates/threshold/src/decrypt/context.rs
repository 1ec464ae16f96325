//! What is bound to everything sealed.

use sha2::{Digest, Sha256};

use crate::VerifyingKey;

/// What something is sealed for. Whoever opens it has to name the same; it is not sent along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    purpose: &'a [u8],
    data: &'a [u8],
}

impl<'a> SealContext<'a> {
    /// `purpose` is what the key is for, the same for all that is sealed to it; `data` is what
    /// this one belongs to: the number of an auction, the name of a file. Both may be empty.
    pub const fn new(purpose: &'a [u8], data: &'a [u8]) -> Self {
        Self { purpose, data }
    }

    /// A hash over the key's fingerprint, the purpose and the data, with lengths.
    pub(super) fn digest(&self, key: &VerifyingKey) -> [u8; 32] {
        let length = |bytes: &[u8]| (bytes.len() as u64).to_le_bytes();
        let digest = Sha256::new()
            .chain_update(b"ally/v1/seal-context")
            .chain_update(key.fingerprint())
            .chain_update(length(self.purpose))
            .chain_update(self.purpose)
            .chain_update(length(self.data))
            .chain_update(self.data)
            .finalize();
        digest.into()
    }
}
