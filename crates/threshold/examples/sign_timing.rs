//! Whether the time of a signature share depends on the secret: Welch's t-test between two
//! secrets, one of them with very few bits set, measured in random order (the method of dudect).
//!
//! `cargo run --release -p ally-threshold --example sign_timing [rounds]`
//!
//! |t| grows without bound with the rounds if there is a dependency, and stays small if there is
//! none; beyond 4.5 something is wrong. Run it on a quiet machine.
//!
//! # Source
//! Reparaz, Balasch & Verbauwhede, "Dude, is my code constant time?" (2017).

use std::hint::black_box;
use std::time::Instant;

use ally_policy::{Formula, ServerIndex};
use ally_threshold::{KeyShare, Scheme, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Running mean and variance (Welford).
#[derive(Default)]
struct Sample {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Sample {
    fn push(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    /// The square of the mean's standard error.
    fn error(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: usize = std::env::args().nth(1).as_deref().unwrap_or("2000").parse()?;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for scheme in [Scheme::Rsa2048, Scheme::Bls12381] {
        let leaves = (0..4).map(|index| Formula::Leaf(ServerIndex(index))).collect();
        let dealt = deal(scheme, &Formula::gate(3, leaves)?, 0, &mut rng, &())?;
        let ordinary = &dealt.shares[0];
        let sparse = sparse(ordinary)?;
        // Long times are interruptions: only what lies below this counts, for both alike.
        let mut calibration: Vec<f64> = Vec::new();
        for _ in 0..100 {
            calibration.push(time_us(|| ordinary.sign(&dealt.public, b"calibration")));
        }
        calibration.sort_by(f64::total_cmp);
        let limit = calibration[75] * 1.05;

        let mut samples = [Sample::default(), Sample::default()];
        for _ in 0..rounds {
            let class = (rng.next_u32() & 1) as usize;
            let share = [ordinary, &sparse][class];
            let mut message = [0; 32];
            rng.fill_bytes(&mut message);
            let time = time_us(|| share.sign(&dealt.public, &message));
            if time < limit {
                samples[class].push(time);
            }
        }
        let [first, second] = &samples;
        let t = (first.mean - second.mean) / (first.error() + second.error()).sqrt();
        println!(
            "{scheme}: {:.2} us with an ordinary secret, {:.2} us with a sparse one; t = {t:.2} \
             over {} measurements",
            first.mean,
            second.mean,
            first.count + second.count
        );
    }
    Ok(())
}

/// The share with a secret of one set bit: the lowest, in either byte order a valid secret.
fn sparse(share: &KeyShare) -> Result<KeyShare, Box<dyn std::error::Error>> {
    let mut bytes = share.encode();
    let width = usize::from(u16::from_le_bytes([bytes[37], bytes[38]]));
    let start = bytes.len() - width;
    bytes[start..].fill(0);
    let one = if width == 32 { start } else { bytes.len() - 1 };
    bytes[one] = 1;
    Ok(KeyShare::decode(&bytes)?)
}

fn time_us<T>(work: impl FnOnce() -> T) -> f64 {
    let started = Instant::now();
    black_box(work());
    started.elapsed().as_secs_f64() * 1e6
}
