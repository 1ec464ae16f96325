//! What servers sign with a FROST key is accepted by verifiers that know nothing of Ally.

mod scratch;

use ally_policy::{Formula, ServerIndex};
use ally_threshold::frost::{
    Dealt, NonceBatch, NonceClaim, NonceRecord, NonceStore, SIGNATURE_BYTES, Session, deal,
};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use scratch::Scratch;
use std::process::Command;

const MESSAGE: &[u8] = b"example.org/clearing\n13\nroot\n";

/// The record of one batch.
#[derive(Default)]
struct Memory(Option<NonceRecord>);

impl NonceStore for Memory {
    type Error = &'static str;

    fn claim(&mut self, claim: &NonceClaim) -> Result<(), Self::Error> {
        self.0 = Some(claim.apply(self.0.as_ref()).ok_or("refused")?);
        Ok(())
    }
}

fn dealt(seed: u64) -> Dealt {
    let leaves = (0..4).map(|server| Formula::Leaf(ServerIndex(server))).collect();
    let formula = Formula::gate(3, leaves).expect("a threshold");
    deal(&formula, 0, &mut ChaCha20Rng::seed_from_u64(seed)).expect("a plain threshold")
}

/// The signature of the last three servers.
fn sign(dealt: &Dealt, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut signers = Vec::new();
    for share in &dealt.shares[1..] {
        let mut store = Memory::default();
        let batch = NonceBatch::open(&dealt.public, share, 0, 1, &mut store, &mut rng).unwrap();
        signers.push((share, batch, store));
    }
    let commitments = signers.iter().filter_map(|(_, batch, _)| batch.commitments().commitment(0));
    let commitments: Vec<_> = commitments.map(|given| (given.server(), given)).collect();
    let session = Session::new(&dealt.public, message, &commitments).unwrap();
    let mut shares = Vec::new();
    for (share, mut batch, mut store) in signers {
        let nonces = batch.reserve(std::slice::from_ref(&session)).unwrap();
        for nonces in nonces.persist(&mut store).unwrap() {
            shares.push((share.server(), nonces.sign(share).unwrap()));
        }
    }
    session.aggregate(&shares).unwrap()
}

/// What `openssl pkeyutl -verify` says.
fn openssl_accepts(scratch: &Scratch, pem: &str, message: &[u8], signature: &[u8]) -> bool {
    let output = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"])
        .arg(scratch.file("key.pem", pem.as_bytes()))
        .arg("-sigfile")
        .arg(scratch.file("signature", signature))
        .arg("-in")
        .arg(scratch.file("message", message))
        .output()
        .expect("this test needs the `openssl` program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.success(), said.contains("Verified Successfully"), "{output:?}");
    output.status.success()
}

#[test]
fn e2e_openssl_accepts_what_servers_sign_together() {
    let (dealt, scratch) = (dealt(1), Scratch::new());
    let pem = dealt.public.to_pem();
    let good = sign(&dealt, MESSAGE);
    assert!(openssl_accepts(&scratch, &pem, MESSAGE, &good));
    assert!(!openssl_accepts(&scratch, &pem, b"example.org/clearing\n14\nroot\n", &good));
    let mut bad = good;
    bad[40] ^= 4;
    assert!(!openssl_accepts(&scratch, &pem, MESSAGE, &bad));
}

#[test]
fn strict_verifiers_agree() {
    for seed in 0..16 {
        let dealt = dealt(seed);
        let message = vec![seed as u8; 1 << seed];
        let signature = sign(&dealt, &message);
        let key = dealt.public.verifying_key();
        let aws = UnparsedPublicKey::new(&ED25519, key);
        assert!(aws.verify(&message, &signature).is_ok());
        assert!(aws.verify(MESSAGE, &signature).is_err());
        let dalek = ed25519_dalek::VerifyingKey::from_bytes(&key).expect("a key");
        let signature = ed25519_dalek::Signature::from_bytes(&signature);
        assert!(dalek.verify_strict(&message, &signature).is_ok());
    }
}
