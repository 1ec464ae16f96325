//! Times of the BLS scheme beside those of blst itself, in microseconds and as ratios.
//!
//! `cargo run --release -p ally-threshold --example bls_speed`

use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex};
use ally_threshold::bls::{Prepared, SignatureShare, combine, deal};
use blst::{BLST_ERROR, min_sig};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::hint::black_box;
use std::time::Instant;

const TAG: &[u8] = b"ALLY-SPEED-BLS12381G1_XMD:SHA-256_SSWU_RO_";
const MESSAGE: &[u8] = b"example.org/clearing\n13\n";
const ROUNDS: usize = 200;

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

fn main() {
    let leaves = (0..4).map(|server| Formula::Leaf(ServerIndex(server))).collect();
    let formula = Formula::gate(3, leaves).expect("3 of 4");
    let dealt = deal(&formula, &mut ChaCha20Rng::seed_from_u64(1));
    let message = Prepared::new(MESSAGE, TAG);
    let shares: Vec<(ServerIndex, SignatureShare)> =
        dealt.shares.iter().map(|share| (share.server(), share.sign(&message))).collect();
    let signature = combine(&dealt.public, &message, &shares[..3]).expect("a qualified set");

    let secret = min_sig::SecretKey::key_gen(&[7; 32], &[]).expect("32 bytes of key material");
    let public = secret.sk_to_pk();
    let plain = secret.sign(MESSAGE, TAG, &[]);

    let blst_sign = fastest_us(|| secret.sign(MESSAGE, TAG, &[]));
    let blst_verify = fastest_us(|| {
        assert_eq!(plain.verify(true, MESSAGE, TAG, &[], &public, false), BLST_ERROR::BLST_SUCCESS);
    });
    let hash = fastest_us(|| Prepared::new(MESSAGE, TAG));
    let sign = fastest_us(|| dealt.shares[0].sign(&Prepared::new(MESSAGE, TAG)));
    let verify = fastest_us(|| dealt.public.verify(&Prepared::new(MESSAGE, TAG), &signature));
    let combined = fastest_us(|| combine(&dealt.public, &message, &shares[..3]));
    let bytes = shares[0].1.to_bytes();
    let decode = fastest_us(|| SignatureShare::from_bytes(&bytes));
    let deal_time = fastest_us(|| deal(&formula, &mut ChaCha20Rng::seed_from_u64(1)));

    println!("blst: sign {blst_sign:.0} us, verify {blst_verify:.0} us");
    println!(
        "hash to curve {hash:.0} us, decode a share {decode:.0} us, deal 3 of 4 {deal_time:.0} us"
    );
    println!("share {sign:.0} us: {:.2} x blst", sign / blst_sign);
    println!("verify {verify:.0} us: {:.2} x blst", verify / blst_verify);
    println!(
        "combine 3 of 4 with final verification {combined:.0} us, without {:.0} us",
        combined - (verify - hash)
    );
}
