//! Times of the BLS scheme beside those of blst itself, in microseconds and as ratios.
//!
//! `cargo run --release -p ally-threshold --example bls_speed`

#![allow(unsafe_code)]

use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex};
use ally_threshold::{PublicKey, Scheme, SignatureShare, combine, deal, verify_share};
use blst::{BLST_ERROR, blst_core_verify_pk_in_g2, blst_p1_affine, blst_p2_affine, min_sig};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::hint::black_box;
use std::ptr;
use std::time::Instant;

const TAG: &[u8] = b"ALLY-SPEED-BLS12381G1_XMD:SHA-256_SSWU_RO_";
const MESSAGE: &[u8] = b"example.org/clearing\n13\n";
const ROUNDS: usize = 100;

/// Microseconds of the fastest of many rounds: what the machine can do when nothing disturbs it.
fn fastest_us<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut fastest = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(work());
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e6);
    }
    fastest
}

/// One verification on one thread. (The safe interface of blst uses two, and would win on a machine
/// that has nothing else to do.)
fn verify_with_blst(key: &min_sig::PublicKey, signature: &min_sig::Signature) {
    let (key, signature): (&blst_p2_affine, &blst_p1_affine) = (key.into(), signature.into());
    // SAFETY: both points are initialised; both slices are passed with their own lengths; there is
    // no augmentation.
    let verdict = unsafe {
        blst_core_verify_pk_in_g2(
            key,
            signature,
            true,
            MESSAGE.as_ptr(),
            MESSAGE.len(),
            TAG.as_ptr(),
            TAG.len(),
            ptr::null(),
            0,
        )
    };
    assert_eq!(verdict, BLST_ERROR::BLST_SUCCESS);
}

fn main() {
    let leaves = (0..4).map(|server| Formula::Leaf(ServerIndex(server))).collect();
    let formula = Formula::gate(3, leaves).expect("3 of 4");
    let fresh = || {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        deal(Scheme::Bls12381, &formula, 0, &mut rng, &()).expect("nobody cancels")
    };
    let dealt = fresh();
    let public = &dealt.public;
    let share_of = |at: usize| dealt.shares[at].sign(public, MESSAGE).expect("its own key");
    let shares: Vec<(ServerIndex, SignatureShare)> =
        (0..3).map(|at| (dealt.shares[at].server(), share_of(at))).collect();
    let signature = combine(public, MESSAGE, &shares).expect("a qualified set");

    let secret = min_sig::SecretKey::key_gen(&[7; 32], &[]).expect("32 bytes of key material");
    let plain_key = secret.sk_to_pk();
    let plain = secret.sign(MESSAGE, TAG, &[]);

    let blst_sign = fastest_us(|| secret.sign(MESSAGE, TAG, &[]));
    let blst_verify = fastest_us(|| verify_with_blst(&plain_key, &plain));
    let sign = fastest_us(|| share_of(0));
    let verify = fastest_us(|| assert!(public.verify(MESSAGE, &signature)));
    let one_share = fastest_us(|| verify_share(public, MESSAGE, shares[0].0, &shares[0].1, None));
    let combined = fastest_us(|| combine(public, MESSAGE, &shares));
    let dealing = fastest_us(fresh);

    println!("blst: sign {blst_sign:.0} us, verify {blst_verify:.0} us");
    println!("share {sign:.0} us: {:.2} x blst", sign / blst_sign);
    println!("verify {verify:.0} us: {:.2} x blst", verify / blst_verify);
    println!("verify one share {one_share:.0} us: {:.2} x blst", one_share / blst_verify);
    println!(
        "combine 3 of 4 {combined:.0} us: {:.0} us above the final verification",
        combined - verify
    );
    println!("deal 3 of 4 {dealing:.0} us");

    let leaves = (0..50).map(|server| Formula::Leaf(ServerIndex(server))).collect();
    let large = Formula::gate(34, leaves).expect("34 of 50");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let large = deal(Scheme::Bls12381, &large, 0, &mut rng, &()).expect("nobody cancels");
    let bytes = large.public.to_bytes();
    let reading = fastest_us(|| PublicKey::from_bytes(&bytes));
    println!("read a public key for 34 of 50 {:.1} ms", reading / 1e3);
}
