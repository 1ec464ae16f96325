//! Times of what happens to a BLS key over its life: dealers make it, holders refresh and reshare it,
//! people seal to it.
//!
//! `cargo run --release -p ally-threshold --example bls_key_life`

use ally_codec::Encode;
use ally_policy::{Formula, ServerIndex};
use ally_threshold::{
    Contribution, EncryptionKey, Handover, KeyShare, Message, Plan, PublicKey, Scheme, SealContext,
    SecretPart, combine, combine_decryption, open_with, seal_until,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::hint::black_box;
use std::time::Instant;

/// Milliseconds of the fastest of some rounds: what the machine can do when nothing disturbs it.
fn fastest_ms<T>(rounds: usize, mut work: impl FnMut() -> T) -> f64 {
    let mut fastest = f64::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        black_box(work());
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
    }
    fastest
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn flat(k: u16, n: u16) -> Formula {
    let leaves = (0..n).map(|server| Formula::Leaf(ServerIndex(server))).collect();
    Formula::gate(k, leaves).expect("a sound gate")
}

/// What one server does in a ceremony of `dealers` dealers, the slowest steps each on their own.
/// Returns the key with the shares of all.
fn generate(formula: &Formula, dealers: u64) -> (PublicKey, Vec<KeyShare>) {
    let plan = Plan::new(Scheme::Bls12381, 1, formula, 0).expect("a sound plan");
    let deal = |seed| plan.deal(&mut rng(seed), &()).expect("nobody cancels");
    let dealt: Vec<_> = (0..dealers).map(deal).collect();
    let bytes = dealt[0].0.to_bytes();
    let read = || plan.contribution(&bytes).expect("a correct dealer");
    let given: Vec<&Contribution> = dealt.iter().map(|(given, _)| given).collect();
    let part = |at: usize, server: usize| {
        let part = &dealt[at].1[server];
        plan.part(given[at], part.server(), &part.encode()).expect("a correct dealer")
    };
    let public = plan.public_key(&given).expect("correct dealers");
    let parts = |server: usize| -> Vec<SecretPart> {
        (0..dealt.len()).map(|at| part(at, server)).collect()
    };
    let share = |server: usize| plan.key_share(&public, &parts(server)).expect("correct dealers");
    println!("  deal                    {:8.2} ms", fastest_ms(5, || deal(0)));
    println!("  read a contribution     {:8.2} ms, {} bytes", fastest_ms(5, read), bytes.len());
    println!("  check a part            {:8.2} ms", fastest_ms(5, || part(0, 0)));
    println!("  sum up the key          {:8.2} ms", fastest_ms(5, || plan.public_key(&given)));
    println!("  check all and sum up    {:8.2} ms", fastest_ms(3, || share(0)));
    let servers = formula.servers().len();
    let shares = (0..servers).map(share).collect();
    (public, shares)
}

/// What one server does when its key goes from some formula to another.
fn hand_over(public: &PublicKey, shares: &[KeyShare], handover: &Handover) {
    let deal = |own: &KeyShare| handover.deal(own, &mut rng(1)).expect("its own key");
    let dealt: Vec<_> = shares.iter().map(|own| (own.server(), deal(own))).collect();
    let bytes = dealt[0].1.0.to_bytes();
    let read = || handover.contribution(ServerIndex(0), &bytes).expect("a correct dealer");
    let given: Vec<_> = dealt.iter().map(|(dealer, (given, _))| (*dealer, given)).collect();
    let key = || handover.public_key(&given).expect("correct dealers");
    let share = |public: &PublicKey| {
        let part = |(dealer, (given, parts)): &(ServerIndex, (_, Vec<SecretPart>))| {
            let part = handover.part(given, ServerIndex(0), &parts[0].encode());
            (*dealer, part.expect("a correct dealer"))
        };
        let parts: Vec<_> = dealt.iter().map(part).collect();
        handover.key_share(public, Some(&shares[0]), &parts).expect("correct dealers")
    };
    let new = key();
    assert_eq!(new.fingerprint(), public.fingerprint());
    println!("  deal                    {:8.2} ms", fastest_ms(5, || deal(&shares[0])));
    println!("  read a contribution     {:8.2} ms, {} bytes", fastest_ms(5, read), bytes.len());
    println!("  sum up the key          {:8.2} ms", fastest_ms(5, key));
    println!("  check all and sum up    {:8.2} ms", fastest_ms(3, || share(&new)));
}

fn main() {
    let sizes = [(3, 4, 4), (34, 50, 17)];
    for (k, n, dealers) in sizes {
        println!("{k} of {n}, {dealers} dealers");
        let (public, shares) = generate(&flat(k, n), dealers);
        println!("{k} of {n}, refreshed by all");
        hand_over(&public, &shares, &Handover::refresh(&public, 1).expect("the next epoch"));
        println!("{k} of {n}, reshared to the same formula by {k}");
        let reshare = Handover::reshare(&public, &flat(k, n), 1).expect("the next epoch");
        hand_over(&public, &shares[..usize::from(k)], &reshare);
    }

    let plan = Plan::new(Scheme::Bls12381, 1, &flat(3, 4), 0).expect("a sound plan");
    let (given, parts) = plan.deal(&mut rng(1), &()).expect("nobody cancels");
    let public = plan.public_key(&[&given]).expect("a correct dealer");
    let share = |part| plan.key_share(&public, &[part]).expect("a correct dealer");
    let shares: Vec<KeyShare> = parts.into_iter().map(share).collect();
    let (key, context) = (public.verifying_key(), SealContext::new(b"speed", b""));
    let sealer = EncryptionKey::new(&key).expect("a BLS key");
    let seal = || sealer.seal(&[7; 1024], &context, &mut rng(2)).expect("a short message");
    let ciphertext = seal();
    let open = |own: &KeyShare| own.open_share(&public, &ciphertext, &context).expect("its key");
    let opened: Vec<_> = shares[..3].iter().map(|own| (own.server(), open(own))).collect();
    let combined = || combine_decryption(&public, &ciphertext, &context, &opened);
    let round = Message::new(b"round");
    let lock = || seal_until(&key, round, &[7; 1024], &context, &mut rng(3)).expect("short");
    let locked = lock();
    let signed = |own: &KeyShare| (own.server(), own.sign(&public, round).expect("its key"));
    let signed: Vec<_> = shares[..3].iter().map(signed).collect();
    let signature = combine(&public, round, &signed).expect("a qualified set");
    let unlock = || open_with(&key, round, &signature, &locked, &context).expect("sealed so");
    println!("1 KiB sealed to 3 of 4");
    println!("  seal                    {:8.2} ms", fastest_ms(20, seal));
    println!("  open: a share           {:8.2} ms", fastest_ms(20, || open(&shares[0])));
    println!("  open: combine           {:8.2} ms", fastest_ms(20, combined));
    println!("1 KiB sealed to a signature");
    println!("  seal                    {:8.2} ms", fastest_ms(20, lock));
    println!("  open                    {:8.2} ms", fastest_ms(20, unlock));
}
