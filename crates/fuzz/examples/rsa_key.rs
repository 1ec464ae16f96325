//! Deals the RSA key that the fuzz targets use, which takes too long to do each time.
//!
//! `cargo run --release -p ally-fuzz --example rsa_key > crates/fuzz/fixtures/rsa2048.txt`
//!
//! A line for the public key, and one for each server's share, all hexadecimal. Whoever reads this
//! file can sign with the key: it is for tests only, and worth nothing.

use ally_codec::Encode;
use ally_policy::{Formula, FormulaError, ServerIndex};
use ally_threshold::{Scheme, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = ChaCha20Rng::seed_from_u64(2048);
    let dealt = deal(Scheme::Rsa2048, &formula()?, 0, &mut rng, &())?;
    println!("{}", hex::encode(dealt.public.to_bytes()));
    for share in &dealt.shares {
        println!("{}", hex::encode(share.encode().as_slice()));
    }
    Ok(())
}

/// Two of: server 0, server 1, and any two of servers 0, 2 and 3. So server 0 has two leaves.
fn formula() -> Result<Formula, FormulaError> {
    let leaf = |server| Formula::Leaf(ServerIndex(server));
    let inner = Formula::gate(2, vec![leaf(0), leaf(2), leaf(3)])?;
    Formula::gate(2, vec![leaf(0), leaf(1), inner])
}
