//! Stretching a short seed into many bytes.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// SHA-256 in counter mode over a 32-byte seed: block i is `SHA-256(tag || seed || i (8, LE))`.
/// For one seed, one use. Wiped when it goes.
pub(crate) struct SeedStream {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl SeedStream {
    /// The stream of a seed that is uniform and used nowhere else.
    pub(crate) fn new(seed: Zeroizing<[u8; 32]>) -> Self {
        Self { seed, counter: 0 }
    }

    /// The stream of a hash over all `parts`, each with its length in front.
    pub(crate) fn from_parts(tag: &[u8], parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new_with_prefix(tag);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self::new(Zeroizing::new(hash.finalize().into()))
    }

    /// Fills `bytes` with the next part of the stream, from a fresh block.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let hash = Sha256::new()
                .chain_update(b"ally/v1/seed-stream")
                .chain_update(*self.seed)
                .chain_update(self.counter.to_le_bytes());
            let block = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.counter += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_does_not_repeat_and_its_parts_do_not_run_together() {
        let mut stream = SeedStream::new(Zeroizing::new([7; 32]));
        let (mut first, mut second) = ([0; 70], [0; 70]);
        stream.fill(&mut first);
        stream.fill(&mut second);
        assert_ne!(first, second);
        assert_ne!(first[..32], first[32..64]);
        let mut again = [0; 70];
        SeedStream::new(Zeroizing::new([7; 32])).fill(&mut again);
        assert_eq!(first, again);
        SeedStream::from_parts(b"t", &[b"ab", b"c"]).fill(&mut first);
        SeedStream::from_parts(b"t", &[b"a", b"bc"]).fill(&mut second);
        assert_ne!(first, second);
    }
}
