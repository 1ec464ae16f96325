//! What threshold keys cost beside the limits set for it: each figure as a ratio to what the same
//! work costs elsewhere, both measured in turns in the same run. Ratios compare between machines,
//! times do not.
//!
//! `cargo run --release -p ally-threshold --example threshold_speed -- [--json] [--seconds N]
//! [rsa2048|rsa3072|rsa4096]`
//!
//! A line's ratio is the median over all rounds of one round's ratio, with its quartiles; a round
//! does both things once, one after the other. `--seconds` is for each line (default 3). Times are
//! those of the processor, so that a busy machine shows as little as possible.

#![allow(unsafe_code)]

use std::hint::black_box;
use std::ptr;
use std::time::{Duration, Instant};

use ally_codec::{Decode, Encode};
use ally_policy::{Definition, FaultModel, Formula, ServerIndex, TrustPolicy};
use ally_threshold::{
    Dealing, Dealt, Message, Plan, PublicKey, Scheme, SignatureShare, combine, deal, verify_share,
};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use aws_lc_sys as sys;
use blst::{BLST_ERROR, blst_core_verify_pk_in_g2, blst_p1_affine, blst_p2_affine, min_sig};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const MESSAGE: &[u8] = b"example.org/clearing\n13\n";
const TAG: &[u8] = b"ALLY-SPEED-BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// Rounds of a line, at least: quartiles of fewer say nothing.
const ROUNDS_MIN: usize = 15;

/// Rounds of a line, at most.
const ROUNDS_MAX: usize = 20_000;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The lines of the table, and how long each is measured.
struct Bench {
    time: Duration,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    /// Medians in microseconds: of the work, and of what it is held against.
    us: f64,
    against: Option<(&'static str, f64)>,
    /// Lower quartile, median and upper quartile of the ratio; microseconds where there is none.
    figure: [f64; 3],
    limit: Option<f64>,
    rounds: usize,
}

fn main() -> Outcome {
    let (mut json, mut seconds, mut scheme) = (false, 3.0, Scheme::Rsa2048);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--seconds" => seconds = arguments.next().ok_or("--seconds wants a number")?.parse()?,
            name => scheme = name.parse()?,
        }
    }
    let mut bench = Bench { time: Duration::from_secs_f64(seconds), lines: Vec::new() };
    let mut rng = ChaCha20Rng::seed_from_u64(seed());
    rsa(&mut bench, scheme, &mut rng)?;
    two_dealers(&mut bench, &mut rng)?;
    bls(&mut bench, &mut rng)?;
    policy(&mut bench)?;
    if json {
        bench.print_json(scheme)
    } else {
        bench.print(scheme)
    }
    Ok(())
}

impl Bench {
    /// `work` against `other`, in turns. `per` pieces come out of one `work`.
    fn ratio<T, U>(
        &mut self,
        (name, limit): (&str, Option<f64>),
        per: usize,
        mut work: impl FnMut() -> T,
        against: &'static str,
        mut other: impl FnMut() -> U,
    ) {
        let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        self.rounds(|| {
            let times = (time_us(&mut work) / per as f64, time_us(&mut other));
            ours.push(times.0);
            theirs.push(times.1);
            ratios.push(times.0 / times.1);
        });
        let rounds = ratios.len();
        let (us, against) = (quartiles(ours)[1], Some((against, quartiles(theirs)[1])));
        let figure = quartiles(ratios);
        self.lines.push(Line { name: name.to_owned(), us, against, figure, limit, rounds });
    }

    /// `work` against nothing: microseconds.
    fn time<T>(&mut self, (name, limit): (&str, Option<f64>), mut work: impl FnMut() -> T) {
        let mut times = Vec::new();
        self.rounds(|| times.push(time_us(&mut work)));
        let (rounds, figure) = (times.len(), quartiles(times));
        let us = figure[1];
        self.lines.push(Line { name: name.to_owned(), us, against: None, figure, limit, rounds });
    }

    fn rounds(&self, mut round: impl FnMut()) {
        let started = Instant::now();
        let mut done = 0;
        while done < ROUNDS_MIN || (started.elapsed() < self.time && done < ROUNDS_MAX) {
            round();
            done += 1;
        }
    }

    fn print(&self, scheme: Scheme) {
        println!("{scheme}; {}", machine());
        println!(
            "{:<46} {:>10} {:>10} {:>7} {:>15} {:>6}",
            "", "us", "against", "figure", "quartiles", "limit"
        );
        for line in &self.lines {
            let [low, median, high] = line.figure;
            let against = line.against.map_or_else(String::new, |(_, us)| format!("{us:.1}"));
            let spread = format!("{low:.2}..{high:.2}");
            let limit = line.limit.map_or_else(String::new, |limit| format!("{limit}"));
            println!(
                "{:<46} {:>10.1} {against:>10} {median:>7.2} {spread:>15} {limit:>6}  {}",
                line.name,
                line.us,
                line.verdict()
            );
        }
        println!("\nheld against:");
        for line in &self.lines {
            if let Some((against, _)) = line.against {
                println!("  {:<46} {against}", line.name);
            }
        }
    }

    fn print_json(&self, scheme: Scheme) {
        let lines: Vec<serde_json::Value> = self
            .lines
            .iter()
            .map(|line| {
                serde_json::json!({
                    "name": line.name,
                    "us": line.us,
                    "against": line.against.map(|(what, us)| serde_json::json!({"what": what, "us": us})),
                    "quartiles": line.figure,
                    "limit": line.limit,
                    "met": line.limit.map(|limit| line.figure[1] <= limit),
                    "rounds": line.rounds,
                })
            })
            .collect();
        let all = serde_json::json!({
            "scheme": scheme.to_string(),
            "machine": machine(),
            "ifma": ifma(),
            "lines": lines,
        });
        println!("{all:#}");
    }
}

impl Line {
    fn verdict(&self) -> &'static str {
        match self.limit {
            Some(limit) if self.figure[1] <= limit => "met",
            Some(_) => "MISSED",
            None => "",
        }
    }
}

/// Processor, threads and load, for whoever reads the figures later.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let threads = std::thread::available_parallelism().map_or(0, |threads| threads.get());
    let ifma = if ifma() { "AVX-512 IFMA" } else { "no AVX-512 IFMA" };
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("");
    format!("{}, {threads} threads, {ifma}, load {load}", model.unwrap_or("unknown processor"))
}

/// Whether the processor has AVX-512 IFMA, and with it lanes and pairs.
fn ifma() -> bool {
    #[cfg(target_arch = "x86_64")]
    let detected = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
    #[cfg(not(target_arch = "x86_64"))]
    let detected = false;
    detected
}

fn time_us<T>(work: &mut impl FnMut() -> T) -> f64 {
    let started = processor_us();
    black_box(work());
    processor_us() - started
}

/// What this thread has used of a processor so far.
#[cfg(unix)]
fn processor_us() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// The time that has passed, for want of better.
#[cfg(not(unix))]
fn processor_us() -> f64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1e6
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

/// A seed that differs from run to run.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

fn three_of_four() -> Result<Formula, ally_policy::FormulaError> {
    Formula::gate(3, (0..4).map(|server| Formula::Leaf(ServerIndex(server))).collect())
}

fn shares(dealt: &Dealt) -> Result<Vec<(ServerIndex, SignatureShare)>, ally_threshold::SignError> {
    let share =
        |at: usize| Ok((dealt.shares[at].server(), dealt.shares[at].sign(&dealt.public, MESSAGE)?));
    (0..3).map(share).collect()
}

fn rsa(bench: &mut Bench, scheme: Scheme, rng: &mut ChaCha20Rng) -> Outcome {
    let dealt = deal(scheme, &three_of_four()?, 0, rng, &())?;
    let (public, key) = (&dealt.public, &dealt.shares[0]);
    let contributions = shares(&dealt)?;
    let (server, share) = &contributions[0];
    let proof = key.prove(public, MESSAGE, share, rng)?;
    let signature = combine(public, MESSAGE, &contributions)?;
    let info = public_key_der(public);
    let info = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &info);
    let messages: Vec<[u8; 32]> = (0..8).map(|at| [at; 32]).collect();
    let messages: Vec<Message<'_>> = messages.iter().map(|bytes| bytes[..].into()).collect();
    let (mut nonces, mut later) = (ChaCha20Rng::seed_from_u64(1), ChaCha20Rng::seed_from_u64(2));

    let raw = Exponentiation::new(&modulus(public), rng);
    const RAW: &str = "BN_mod_exp_mont_consttime of AWS-LC";
    let sign = || key.sign(public, MESSAGE);
    bench.ratio(("RSA share", Some(1.10)), 1, sign, RAW, || raw.run());
    let batch = || key.sign_batch(public, &messages);
    bench.ratio(("RSA share, one of eight together", Some(0.40)), 8, batch, RAW, || raw.run());
    bench.ratio(
        ("RSA share with proof", Some(2.2)),
        1,
        || key.sign_with_proof(public, MESSAGE, &mut nonces),
        "a share",
        sign,
    );
    bench.ratio(
        ("RSA proof, asked for later", None),
        1,
        || key.prove(public, MESSAGE, share, &mut later),
        "a share",
        sign,
    );
    let check = || assert!(verify_share(public, MESSAGE, *server, share, Some(&proof)).is_ok());
    bench.ratio(("RSA proof, checked", Some(1.4)), 1, check, "a share", sign);
    const VERIFY: &str = "aws-lc-rs verifying the signature";
    let theirs = || assert!(info.verify(MESSAGE, &signature).is_ok());
    let combined = || combine(public, MESSAGE, &contributions);
    bench.ratio(("RSA combine 3 of 4, verified", Some(8.0)), 1, combined, VERIFY, theirs);
    let verify = || assert!(public.verify(MESSAGE, &signature));
    bench.ratio(("RSA verify", Some(1.15)), 1, verify, VERIFY, theirs);
    let key = public.verifying_key();
    let verify = || assert!(key.verify(MESSAGE, &signature));
    bench.ratio(("RSA verify, by those who only verify", Some(1.15)), 1, verify, VERIFY, theirs);
    Ok(())
}

/// A key of 4096 bits that two dealers made together, beside one of a single dealer.
fn two_dealers(bench: &mut Bench, rng: &mut ChaCha20Rng) -> Outcome {
    let formula = three_of_four()?;
    let plan = Plan::new(Scheme::Rsa4096, 2, &formula, 0)?;
    let (first, second) = (plan.deal(rng, &())?, plan.deal(rng, &())?);
    let public = plan.public_key(&[&first.0, &second.0])?;
    let own = ServerIndex(0);
    let part = |dealing: &Dealing| {
        let (contribution, parts) = dealing;
        let part = parts.iter().find(|part| part.server() == own).ok_or("no part for a server")?;
        plan.part(contribution, own, &part.encode()).map_err(|_| "a part that does not fit")
    };
    let share = plan.key_share(&public, &[part(&first)?, part(&second)?])?;
    let plain = deal(Scheme::Rsa4096, &formula, 0, rng, &())?;
    bench.ratio(
        ("RSA-4096 share of two dealers' key", Some(0.15)),
        1,
        || share.sign(&public, MESSAGE),
        "the share of a single dealer's key",
        || plain.shares[0].sign(&plain.public, MESSAGE),
    );
    Ok(())
}

fn bls(bench: &mut Bench, rng: &mut ChaCha20Rng) -> Outcome {
    let dealt = deal(Scheme::Bls12381, &three_of_four()?, 0, rng, &())?;
    let public = &dealt.public;
    let contributions = shares(&dealt)?;
    let signature = combine(public, MESSAGE, &contributions)?;
    let secret = min_sig::SecretKey::key_gen(&[7; 32], &[]).map_err(|_| "no key of blst")?;
    let (plain_key, plain) = (secret.sk_to_pk(), secret.sign(MESSAGE, TAG, &[]));

    const SIGN: &str = "blst signing";
    const VERIFY: &str = "blst verifying on one thread";
    let sign = || dealt.shares[0].sign(public, MESSAGE);
    bench.ratio(("BLS share", Some(1.05)), 1, sign, SIGN, || secret.sign(MESSAGE, TAG, &[]));
    let theirs = || verify_with_blst(&plain_key, &plain);
    let verify = || assert!(public.verify(MESSAGE, &signature));
    bench.ratio(("BLS verify", Some(1.05)), 1, verify, VERIFY, theirs);
    let (server, share) = &contributions[0];
    let check = || assert!(verify_share(public, MESSAGE, *server, share, None).is_ok());
    bench.ratio(("BLS share, checked", None), 1, check, VERIFY, theirs);
    let combined = || combine(public, MESSAGE, &contributions);
    bench.ratio(("BLS combine 3 of 4, verified", None), 1, combined, VERIFY, theirs);

    let leaves = (0..50).map(|server| Formula::Leaf(ServerIndex(server))).collect();
    let large = deal(Scheme::Bls12381, &Formula::gate(34, leaves)?, 0, rng, &())?;
    let bytes = large.public.to_bytes();
    bench
        .time(("BLS public key of 34 of 50, read", None), || PublicKey::from_bytes(&bytes).is_ok());
    Ok(())
}

/// Ten organisations of five servers, from text to the checked policy.
fn policy(bench: &mut Bench) -> Outcome {
    let organisation = |at: usize| {
        let servers: Vec<String> = (0..5).map(|server| format!("s{}", 5 * at + server)).collect();
        format!("4 of ({})", servers.join(", "))
    };
    let organisations: Vec<String> = (0..10).map(organisation).collect();
    let text = format!("decide = \"8 of ({})\"", organisations.join(", "));
    TrustPolicy::from_toml(&text, "policy.toml", FaultModel::Byzantine)?;
    let compile = || TrustPolicy::from_toml(&text, "policy.toml", FaultModel::Byzantine).is_ok();
    let definition = Definition::parse(&text, "policy.toml")?;
    bench.time(("policy of 50 leaves, from text (us)", Some(100.0)), compile);
    let checked = || TrustPolicy::new(&definition, FaultModel::Byzantine).is_ok();
    bench.time(("of that, conditions checked (us)", None), checked);
    Ok(())
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

fn random(bytes: usize, rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut random = vec![0; bytes];
    rng.fill_bytes(&mut random);
    random
}

/// The operands of `BN_mod_exp_mont_consttime`, base and exponent as wide as the modulus.
struct Exponentiation {
    modulus: *mut sys::BIGNUM,
    operand: *mut sys::BIGNUM,
    result: *mut sys::BIGNUM,
    scratch: *mut sys::BN_CTX,
    context: *mut sys::BN_MONT_CTX,
}

impl Exponentiation {
    fn new(modulus: &[u8], rng: &mut ChaCha20Rng) -> Self {
        let mut operand = random(modulus.len(), rng);
        operand[0] &= 0x3f;
        // SAFETY: slices are passed with their lengths; the objects are owned by the value made.
        unsafe {
            let number =
                |bytes: &[u8]| sys::BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut());
            let (modulus, scratch) = (number(modulus), sys::BN_CTX_new());
            Self {
                modulus,
                operand: number(&operand),
                result: sys::BN_new(),
                scratch,
                context: sys::BN_MONT_CTX_new_for_modulus(modulus, scratch),
            }
        }
    }

    fn run(&self) {
        // SAFETY: all objects live as long as the value; base and exponent are below the odd
        // modulus, whose context it is.
        let done = unsafe {
            sys::BN_mod_exp_mont_consttime(
                self.result,
                self.operand,
                self.operand,
                self.modulus,
                self.scratch,
                self.context,
            )
        };
        assert_eq!(done, 1, "out of memory");
    }
}

impl Drop for Exponentiation {
    fn drop(&mut self) {
        // SAFETY: each object is owned, and freed once.
        unsafe {
            sys::BN_MONT_CTX_free(self.context);
            sys::BN_CTX_free(self.scratch);
            [self.modulus, self.operand, self.result].into_iter().for_each(|one| sys::BN_free(one));
        }
    }
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
