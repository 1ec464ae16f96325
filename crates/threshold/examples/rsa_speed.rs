//! Times of the RSA scheme beside AWS-LC's own exponentiation and verification, in microseconds
//! and as ratios; the ratios are what can be compared between machines.
//!
//! `cargo run --release -p ally-threshold --example rsa_speed [rsa2048|rsa3072|rsa4096]`

#![allow(unsafe_code)]

use std::hint::black_box;
use std::time::Instant;

use ally_policy::{Formula, ServerIndex};
use ally_threshold::{PublicKey, Scheme, combine, deal, verify_share};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use aws_lc_sys as sys;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const MESSAGE: &[u8] = b"example.org/clearing\n13\n";
const ROUNDS: usize = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scheme: Scheme = std::env::args().nth(1).as_deref().unwrap_or("rsa2048").parse()?;
    let mut rng = ChaCha20Rng::seed_from_u64(seed());
    let leaves = (0..4).map(|index| Formula::Leaf(ServerIndex(index))).collect();
    let started = Instant::now();
    let dealt = deal(scheme, &Formula::gate(3, leaves)?, 0, &mut rng, &())?;
    println!("{scheme}, 3 of 4 servers; dealt in {:.1} s", started.elapsed().as_secs_f64());

    let public = &dealt.public;
    let shares: Vec<_> = dealt.shares[..3]
        .iter()
        .map(|share| Ok((share.server(), share.sign(public, MESSAGE)?)))
        .collect::<Result<_, ally_threshold::SignError>>()?;
    let (server, share) = &shares[0];
    let proof = dealt.shares[0].prove(public, MESSAGE, share, &mut rng)?;
    let signature = combine(public, MESSAGE, &shares)?;

    let modulus = modulus(public);
    let raw = exponentiation_us(&modulus, &mut rng);
    let sign = fastest_us(|| dealt.shares[0].sign(public, MESSAGE));
    let prove = fastest_us(|| dealt.shares[0].prove(public, MESSAGE, share, &mut rng));
    let check = fastest_us(|| verify_share(public, MESSAGE, *server, share, Some(&proof)));
    println!("exponentiation (AWS-LC, constant time) {raw:8.1} us");
    println!("share                                  {sign:8.1} us  {:.2} of it", sign / raw);
    println!("proof                                  {prove:8.1} us  {:.2} shares", prove / sign);
    println!("check of a proof                       {check:8.1} us  {:.2} shares", check / sign);

    let key = public_key_der(public);
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key);
    let theirs = fastest_us(|| key.verify(MESSAGE, &signature));
    let verify = fastest_us(|| public.verify(MESSAGE, &signature));
    let combined = fastest_us(|| combine(public, MESSAGE, &shares));
    println!("verification (aws-lc-rs)               {theirs:8.1} us");
    println!(
        "verification                           {verify:8.1} us  {:.2} of it",
        verify / theirs
    );
    println!(
        "combination and verification           {combined:8.1} us  {:.2} of it",
        combined / theirs
    );
    Ok(())
}

/// A seed that differs from run to run.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// Microseconds of the fastest of many rounds: what the machine can do when nothing disturbs it.
fn fastest_us<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut fastest = f64::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        black_box(work());
        fastest = fastest.min(started.elapsed().as_secs_f64() * 1e6);
    }
    fastest
}

/// The key's SubjectPublicKeyInfo: the body of its PEM block.
fn public_key_der(public: &PublicKey) -> Vec<u8> {
    use base64::Engine as _;
    let pem = public.to_pem();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap_or_default()
}

/// The modulus stands before the exponent (5 bytes) at the end of the key.
fn modulus(public: &PublicKey) -> Vec<u8> {
    let key = public_key_der(public);
    let width = match public.scheme() {
        Scheme::Rsa3072 => 384,
        Scheme::Rsa4096 => 512,
        _ => 256,
    };
    key[key.len() - 5 - width..key.len() - 5].to_vec()
}

/// The time of `BN_mod_exp_mont_consttime` with base and exponent as wide as the modulus.
fn exponentiation_us(modulus: &[u8], rng: &mut impl Rng) -> f64 {
    let mut random = vec![0; modulus.len()];
    rng.fill_bytes(&mut random);
    random[0] &= 0x3f;
    // SAFETY: all objects are made here, live to the end of the block, and are freed once; slices
    // are passed with their lengths; base and exponent are below the odd modulus.
    unsafe {
        let number =
            |bytes: &[u8]| sys::BN_bin2bn(bytes.as_ptr(), bytes.len(), std::ptr::null_mut());
        let (n, base, result) = (number(modulus), number(&random), sys::BN_new());
        let scratch = sys::BN_CTX_new();
        let context = sys::BN_MONT_CTX_new_for_modulus(n, scratch);
        let us =
            fastest_us(|| sys::BN_mod_exp_mont_consttime(result, base, base, n, scratch, context));
        sys::BN_MONT_CTX_free(context);
        sys::BN_CTX_free(scratch);
        [n, base, result].into_iter().for_each(|number| sys::BN_free(number));
        us
    }
}
