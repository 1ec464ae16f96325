//! Whether the time of what is done with secrets depends on them: the method of dudect.
//!
//! `cargo run --release -p ally-threshold --example sign_timing [seconds for each subject]`
//!
//! Each subject is measured with inputs of two classes, one fixed and one drawn at random, in
//! random order. Welch's t says how sure it is that the classes take different times on average;
//! it is computed over all measurements, over the fastest parts of them (interruptions are slow),
//! and over squared deviations (times that vary more, not longer). Where there is a dependency, |t|
//! grows without bound with the measurements; beyond 4.5 a subject is measured again, twice as
//! long, and if |t| is beyond 4.5 there as well, it leaks.
//!
//! The last subject is a control: an exponentiation in variable time, with an exponent that takes
//! five multiplications in a hundred less than others do. It has to be found.
//!
//! Exit code 0 if nothing leaks and the control was found, else 1.
//!
//! # Source
//! Reparaz, Balasch & Verbauwhede, "Dude, is my code constant time?" (DATE 2017).

use std::hint::black_box;
use std::time::{Duration, Instant};

use ally_policy::{Formula, ServerIndex};
use ally_threshold::{Dealt, KeyShare, Scheme, deal};
use crypto_bigint::{BoxedUint, Odd};
use expo::Modulus;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

// What keys are computed with is no part of the library's interface; it is compiled in once more.
#[allow(dead_code, unused_imports)]
#[path = "../src/expo/mod.rs"]
mod expo;

/// The bound on |t|, as in the paper.
const T_MAX: f64 = 4.5;

/// Parts of the measurements that are looked at, from all of them down to the fastest.
const CROPS: usize = 24;

/// Below so many measurements of each class a part says nothing.
const CLASS_MIN: usize = 100;

/// Measurements of one subject, at most.
const MEASUREMENTS_MAX: usize = 200_000;

/// The time of one call with an input of a class. Whatever has to be prepared is prepared before
/// the clock starts, in fresh memory, and by the same steps for both classes: a branch here would
/// leave traces in the processor that look like a leak.
type Subject<'a> = (&'static str, Box<dyn FnMut(Class, &mut ChaCha20Rng) -> Duration + 'a>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Fixed = 0,
    Random = 0xff,
}

impl Class {
    /// The bytes of this class.
    fn choose(self, fixed: &[u8], random: &[u8]) -> Vec<u8> {
        let mask = black_box(self as u8);
        fixed.iter().zip(random).map(|(fixed, random)| fixed & !mask | random & mask).collect()
    }
}

/// What the statistics say of one subject.
struct Verdict {
    measurements: usize,
    /// Median of each class, in microseconds.
    medians: [f64; 2],
    /// The greatest |t| of all parts and orders.
    t: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: u64 = std::env::args().nth(1).as_deref().unwrap_or("20").parse()?;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let leaves = (0..4).map(|index| Formula::Leaf(ServerIndex(index))).collect();
    let formula = Formula::gate(3, leaves)?;
    let rsa = deal(Scheme::Rsa2048, &formula, 0, &mut rng, &())?;
    let bls = deal(Scheme::Bls12381, &formula, 0, &mut rng, &())?;
    let modulus = odd(256, &mut rng);
    let context = Modulus::public(&modulus).ok_or("an odd modulus")?;
    let small = odd(32, &mut rng);

    println!("{:<52} {:>9} {:>11} {:>11} {:>7}", "", "measured", "fixed us", "random us", "|t|");
    let mut failed = false;
    for mut subject in [
        share_by_secret("RSA-2048 share: secret exponent", &rsa),
        share_by_message("RSA-2048 share: base", &rsa),
        proof_by_secret("RSA-2048 proof: secret under challenge and nonce", &rsa),
        share_by_secret("BLS share: secret scalar", &bls),
        share_by_message("BLS share: base", &bls),
        pair_by_exponent("a pair, 2048 bits: exponents", &context),
        comb_by_exponent("a comb, 2048 bits: exponent", &context),
        lanes_by_exponent("eight lanes, portable, 256 bits: exponents", &small),
        lanes_by_base("eight lanes, portable, 256 bits: bases", &small),
    ] {
        failed |= leaks(&mut subject, seconds, &mut rng);
    }
    if expo::lanes::available(2048) {
        failed |= leaks(&mut ifma_by_exponent(&modulus), seconds, &mut rng);
    } else {
        println!("eight lanes, AVX-512 IFMA: not measured, this processor has none");
    }
    let found = leaks(&mut control(&context), seconds, &mut rng);
    println!("{}", if found { "The control was found." } else { "THE CONTROL WAS NOT FOUND." });
    println!("{}", if failed { "SOMETHING LEAKS." } else { "No leak was found." });
    std::process::exit(i32::from(failed || !found));
}

/// Measures, prints, and measures again what looks like a leak.
fn leaks(subject: &mut Subject<'_>, seconds: u64, rng: &mut ChaCha20Rng) -> bool {
    for seconds in [seconds, 2 * seconds] {
        let verdict = measure(subject, Duration::from_secs(seconds), rng);
        println!(
            "{:<52} {:>9} {:>11.2} {:>11.2} {:>7.2}",
            subject.0, verdict.measurements, verdict.medians[0], verdict.medians[1], verdict.t
        );
        if verdict.t < T_MAX {
            return false;
        }
    }
    true
}

/// Measures a subject until the time or the memory for it is used up.
fn measure(subject: &mut Subject<'_>, time: Duration, rng: &mut ChaCha20Rng) -> Verdict {
    // Caches, branch predictors and clocks settle first.
    for _ in 0..20 {
        (subject.1)(Class::Random, rng);
    }
    let started = Instant::now();
    let mut times: Vec<(f64, Class)> = Vec::new();
    while started.elapsed() < time && times.len() < MEASUREMENTS_MAX {
        let class = [Class::Fixed, Class::Random][(rng.next_u32() & 1) as usize];
        times.push(((subject.1)(class, rng).as_secs_f64() * 1e6, class));
    }
    verdict(times)
}

fn verdict(mut times: Vec<(f64, Class)>) -> Verdict {
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let medians = [Class::Fixed, Class::Random].map(|class| {
        let times: Vec<f64> =
            times.iter().filter(|time| time.1 == class).map(|time| time.0).collect();
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    });
    let mut t = 0.0f64;
    for crop in 0..CROPS {
        // All, then ever smaller parts: 1 - 2^-(10 k/CROPS), as dudect has them.
        let part =
            if crop == 0 { 1.0 } else { 1.0 - 0.5f64.powf(10.0 * crop as f64 / CROPS as f64) };
        let part = &times[..(times.len() as f64 * part) as usize];
        let mean = part.iter().map(|time| time.0).sum::<f64>() / part.len().max(1) as f64;
        t = t.max(welch(part, |time| time)).max(welch(part, |time| (time - mean).powi(2)));
    }
    Verdict { measurements: times.len(), medians, t }
}

/// Welch's |t| between the classes; 0 where there are too few of one.
fn welch(times: &[(f64, Class)], value: impl Fn(f64) -> f64) -> f64 {
    let [(n, mean, error), (m, other_mean, other_error)] =
        [Class::Fixed, Class::Random].map(|class| {
            let of_class = times.iter().filter(|time| time.1 == class).map(|time| value(time.0));
            let values: Vec<f64> = of_class.collect();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance =
                values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
            (values.len(), mean, variance / count)
        });
    if n < CLASS_MIN || m < CLASS_MIN || error + other_error == 0.0 {
        return 0.0;
    }
    ((mean - other_mean) / (error + other_error).sqrt()).abs()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

fn message(class: Class, rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut message = [0; 32];
    rng.fill_bytes(&mut message);
    class.choose(&[7; 32], &message)
}

/// A key share like `share`, with 1 or a random number for a secret.
fn with_secret(share: &KeyShare, class: Class, rng: &mut ChaCha20Rng) -> KeyShare {
    let mut bytes = share.encode();
    let width = if bytes.len() > 256 { 256 } else { 32 };
    let start = bytes.len() - width;
    let (mut secret, mut one) = (vec![0; width], vec![0; width]);
    rng.fill_bytes(&mut secret);
    // Below the modulus or the order, whichever byte order the scheme has.
    let (top, low) = if width == 32 { (width - 1, 0) } else { (0, width - 1) };
    secret[top] &= 0x3f;
    secret[low] |= 1;
    one[low] = 1;
    let secret = class.choose(&one, &secret);
    bytes[start..].copy_from_slice(&secret);
    KeyShare::decode(&bytes).expect("a key share with another secret")
}

fn share_by_secret<'a>(name: &'static str, dealt: &'a Dealt) -> Subject<'a> {
    let work = move |class, rng: &mut ChaCha20Rng| {
        let share = with_secret(&dealt.shares[0], class, rng);
        let message = message(Class::Random, rng);
        timed(|| share.sign(&dealt.public, &message))
    };
    (name, Box::new(work))
}

fn share_by_message<'a>(name: &'static str, dealt: &'a Dealt) -> Subject<'a> {
    let work = move |class, rng: &mut ChaCha20Rng| {
        let message = message(class, rng);
        timed(|| dealt.shares[0].sign(&dealt.public, &message))
    };
    (name, Box::new(work))
}

fn proof_by_secret<'a>(name: &'static str, dealt: &'a Dealt) -> Subject<'a> {
    // The prover does not ask whether the share is right, so one share serves for all secrets.
    let signed = [7; 32];
    let share_of_signature = dealt.shares[0].sign(&dealt.public, &signed).expect("its own key");
    let work = move |class, rng: &mut ChaCha20Rng| {
        let share = with_secret(&dealt.shares[0], class, rng);
        let mut nonces = ChaCha20Rng::seed_from_u64(rng.next_u64());
        timed(|| share.prove(&dealt.public, &signed, &share_of_signature, &mut nonces))
    };
    (name, Box::new(work))
}

/// A random odd number of so many bytes with its top bit set.
fn odd(bytes: usize, rng: &mut ChaCha20Rng) -> Odd<BoxedUint> {
    let mut number = vec![0; bytes];
    rng.fill_bytes(&mut number);
    number[0] |= 0x80;
    number[bytes - 1] |= 1;
    BoxedUint::from_be_slice_vartime(&number).to_odd().expect("odd")
}

/// A number of so many bytes: random, or 1.
fn number(bytes: usize, class: Class, rng: &mut ChaCha20Rng) -> BoxedUint {
    let (mut random, mut one) = (vec![0; bytes], vec![0; bytes]);
    rng.fill_bytes(&mut random);
    one[bytes - 1] = 1;
    BoxedUint::from_be_slice_truncated(&class.choose(&one, &random), 8 * bytes as u32)
}

fn pair_by_exponent<'a>(name: &'static str, modulus: &'a Modulus) -> Subject<'a> {
    let work = move |class, rng: &mut ChaCha20Rng| {
        let base = number(256, Class::Random, rng);
        let exponents = [number(256, class, rng), number(256, class, rng)];
        timed(|| {
            let [first, second] = &exponents;
            Modulus::pow_secret_pair((modulus, &base, first), (modulus, &base, second))
        })
    };
    (name, Box::new(work))
}

/// One time of the kernel of eight lanes, with the double in place of the vector.
fn comb_by_exponent<'a>(name: &'static str, modulus: &'a Modulus) -> Subject<'a> {
    let comb = modulus.comb(&BoxedUint::from(3u32), 2496);
    let time = move |class, rng: &mut ChaCha20Rng| {
        let exponent = number(312, class, rng);
        timed(|| modulus.pow_comb_secret(&comb, &exponent))
    };
    (name, Box::new(time))
}

fn lanes_plain(modulus: &Odd<BoxedUint>, classes: [Class; 2], rng: &mut ChaCha20Rng) -> Duration {
    let operands: Vec<(BoxedUint, BoxedUint)> =
        (0..8).map(|_| (number(32, classes[0], rng), number(32, classes[1], rng))).collect();
    let lanes: Vec<_> = operands.iter().map(|(base, power)| (modulus, base, power)).collect();
    timed(|| expo::lanes::pow_plain::<5>(&lanes))
}

fn lanes_by_exponent<'a>(name: &'static str, modulus: &'a Odd<BoxedUint>) -> Subject<'a> {
    (name, Box::new(|class, rng| lanes_plain(modulus, [Class::Random, class], rng)))
}

fn lanes_by_base<'a>(name: &'static str, modulus: &'a Odd<BoxedUint>) -> Subject<'a> {
    (name, Box::new(|class, rng| lanes_plain(modulus, [class, Class::Random], rng)))
}

fn ifma_by_exponent(modulus: &Odd<BoxedUint>) -> Subject<'_> {
    let work = move |class, rng: &mut ChaCha20Rng| {
        let operands: Vec<_> =
            (0..8).map(|_| (number(256, Class::Random, rng), number(256, class, rng))).collect();
        let lanes: Vec<_> = operands.iter().map(|(base, power)| (modulus, base, power)).collect();
        timed(|| expo::lanes::pow(&lanes))
    };
    ("eight lanes, AVX-512 IFMA, 2048 bits: exponents", Box::new(work))
}

/// Sliding windows over 64 bits of exponent: eleven in the fixed one, some sixteen on average.
fn control(modulus: &Modulus) -> Subject<'_> {
    let work = move |class: Class, rng: &mut ChaCha20Rng| {
        let base = number(256, Class::Random, rng);
        let random = (rng.next_u64() | 1 << 63).to_be_bytes();
        let fixed = ((1u64 << 63) | ((1 << 28) - 1)).to_be_bytes();
        let exponent = BoxedUint::from_be_slice_truncated(&class.choose(&fixed, &random), 64);
        timed(|| modulus.pow_product(&[(&base, &exponent)]))
    };
    ("control, variable time: exponent", Box::new(work))
}
