//! How much evidence is kept.

use crate::store::EvidenceKey;
use ally_policy::ServerIndex;
use std::collections::BTreeMap;

/// The most proofs that are kept of one server breaking one rule. One convicts; the second shows
/// that it was no single event. A liar could produce them without end.
pub(super) const PROOFS_PER_KIND_MAX: usize = 2;

/// The most bytes of proofs that are kept against one server, beyond the first of each kind.
pub(super) const PROOF_BYTES_MAX: usize = 64 << 20;

/// What the store holds against whom, so that liars cannot fill the disk: not in one run, and not
/// over many.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    kinds: BTreeMap<(ServerIndex, u8), Vec<EvidenceKey>>,
    bytes: BTreeMap<ServerIndex, usize>,
}

impl Shelf {
    /// A shelf with what was kept in earlier runs.
    pub(super) fn with(kept: impl IntoIterator<Item = (EvidenceKey, usize)>) -> Self {
        let mut shelf = Self::default();
        for (key, bytes) in kept {
            shelf.add(key, bytes);
        }
        shelf
    }

    /// Whether a proof is worth keeping; counts it if so.
    pub(super) fn admit(&mut self, key: EvidenceKey, bytes: usize) -> bool {
        let known = self.kinds.get(&(key.culprit, key.kind)).map_or(&[][..], Vec::as_slice);
        let held = self.bytes.get(&key.culprit).copied().unwrap_or(0);
        let fits = held.saturating_add(bytes) <= PROOF_BYTES_MAX;
        let news = known.is_empty()
            || (known.len() < PROOFS_PER_KIND_MAX && fits && !known.contains(&key));
        if news {
            self.add(key, bytes);
        }
        news
    }

    fn add(&mut self, key: EvidenceKey, bytes: usize) {
        self.kinds.entry((key.culprit, key.kind)).or_default().push(key);
        *self.bytes.entry(key.culprit).or_default() += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::Digest;

    fn key(culprit: u16, kind: u8, digest: u8) -> EvidenceKey {
        EvidenceKey { culprit: ServerIndex(culprit), kind, digest: Digest([digest; 32]) }
    }

    #[test]
    fn a_liar_does_not_choose_how_much_is_kept_about_its_lies() {
        let mut shelf = Shelf::default();
        let kept = |shelf: &mut Shelf| {
            let proofs = (0..4).flat_map(|kind| (0..100).map(move |digest| key(1, kind, digest)));
            proofs.filter(|key| shelf.admit(*key, 1000)).count()
        };
        assert_eq!(kept(&mut shelf), 4 * PROOFS_PER_KIND_MAX);
        assert!(shelf.admit(key(2, 0, 0), 1000), "others are no worse off");
        assert_eq!(kept(&mut shelf), 0);
    }

    #[test]
    fn what_was_kept_before_a_restart_counts() {
        let mut shelf = Shelf::with([(key(1, 0, 0), 10), (key(1, 0, 1), 10), (key(1, 1, 0), 10)]);
        assert!(!shelf.admit(key(1, 0, 2), 10));
        assert!(!shelf.admit(key(1, 1, 0), 10), "it is there already");
        assert!(shelf.admit(key(1, 1, 1), 10));
    }

    #[test]
    fn the_first_proof_of_a_kind_is_kept_however_long() {
        let mut shelf = Shelf::default();
        assert!(shelf.admit(key(1, 0, 0), PROOF_BYTES_MAX));
        assert!(!shelf.admit(key(1, 0, 1), 1), "a second one has to fit");
        assert!(shelf.admit(key(1, 1, 0), PROOF_BYTES_MAX));
    }
}
