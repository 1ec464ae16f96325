//! Certificates that were verified already.

use ally_log::CertificateVerifier;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many certificates are remembered. Receipts of one moment come under the newest few.
const CERTIFICATES_MAX: usize = 16;

/// A verifier that does not verify a certificate again which it has just verified.
///
/// Ours: one certificate covers thousands of commands, and their receipts all hold it. A pairing or
/// an exponentiation for each would be most of what a receipt costs a client.
///
/// Safety: what is remembered is the statement with its signature, byte for byte, and only where the
/// verifier said yes; so the answer is always the verifier's.
pub(crate) struct Remembered<V> {
    verifier: V,
    /// Statements and signatures that hold, the oldest first.
    good: Mutex<VecDeque<(Vec<u8>, Vec<u8>)>>,
}

impl<V> Remembered<V> {
    pub(crate) fn new(verifier: V) -> Self {
        Self { verifier, good: Mutex::default() }
    }
}

impl<V: CertificateVerifier> CertificateVerifier for Remembered<V> {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        // The queue is whole after every statement, so a panic elsewhere does not spoil it.
        let good = || self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |own: &(Vec<u8>, Vec<u8>)| own.0 == statement && own.1 == signature;
        if good().iter().rev().any(is_it) {
            return true;
        }
        // Not under the lock: others may verify something else meanwhile.
        if !self.verifier.verify(statement, signature) {
            return false;
        }
        let mut good = good();
        if good.len() == CERTIFICATES_MAX {
            good.pop_front();
        }
        good.push_back((statement.to_vec(), signature.to_vec()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Takes a statement as its own signature, and counts how often it was asked.
    #[derive(Default)]
    struct Equal(AtomicUsize);

    impl CertificateVerifier for Equal {
        fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed);
            statement == signature
        }
    }

    #[test]
    fn the_same_certificate_is_verified_once() {
        let remembered = Remembered::new(Equal::default());
        assert!((0..100).all(|_| remembered.verify(b"one", b"one")));
        assert_eq!(remembered.verifier.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_differs_in_a_byte_is_verified_for_itself() {
        let remembered = Remembered::new(Equal::default());
        assert!(remembered.verify(b"one", b"one"));
        assert!(!remembered.verify(b"one", b"onf"), "another signature");
        assert!(!remembered.verify(b"onf", b"one"), "another statement");
        assert!(!remembered.verify(b"onf", b"one"), "what was refused stays refused");
        assert_eq!(remembered.verifier.0.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let remembered = Remembered::new(Equal::default());
        for at in 0..1000_u16 {
            let bytes = at.to_le_bytes();
            assert!(remembered.verify(&bytes, &bytes));
        }
        assert_eq!(remembered.good.lock().unwrap().len(), CERTIFICATES_MAX);
        assert!(remembered.verify(&[0, 0], &[0, 0]), "the first is forgotten, and verified again");
        assert_eq!(remembered.verifier.0.load(Ordering::Relaxed), 1001);
    }
}
