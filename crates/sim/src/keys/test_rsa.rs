//! RSA keys for simulations: to find the primes of one takes seconds, so these are kept.
//!
//! Everybody can read their shares, so they are good for nothing else.

use ally_codec::Decode;
use ally_policy::Formula;
use ally_threshold::{Dealt, KeyShare, PublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Keys of 2048 bits: lines of base64, the public key first, then each server's share.
const KEYS: [&str; 2] = [include_str!("rsa-2-of-4.key"), include_str!("rsa-2-of-5.key")];

/// The key dealt over this formula, if there is one.
pub(super) fn deal(formula: &Formula) -> Option<Dealt> {
    KEYS.into_iter().map(read).find(|dealt| dealt.public.formula() == formula)
}

fn read(text: &str) -> Dealt {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut parts = lines.map(|line| STANDARD.decode(line).expect("base64"));
    let public = PublicKey::from_bytes(&parts.next().expect("a public key")).expect("a key");
    let shares = parts.map(|part| KeyShare::decode(&part).expect("a share"));
    Dealt { shares: shares.collect(), public }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;
    use ally_codec::Encode;
    use ally_threshold::Scheme;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn the_keys_are_those_of_the_small_alliances() {
        for name in ["four", "five"] {
            let policy = Setting::named(name).and_then(|it| it.policy().ok()).expect("a policy");
            let dealt = deal(policy.certify()).expect("a key");
            assert_eq!(dealt.shares.len(), policy.server_count());
            assert!(dealt.shares.iter().all(|share| share.check(&dealt.public).is_ok()));
        }
    }

    /// Makes the files anew: `cargo test --release -p ally-sim make_the -- --ignored`.
    #[test]
    #[ignore = "searches for primes, and overwrites the keys"]
    fn make_the_keys() {
        for servers in [4, 5] {
            let setting = Setting::named(if servers == 4 { "four" } else { "five" });
            let policy = setting.and_then(|it| it.policy().ok()).expect("a policy");
            let mut rng = ChaCha20Rng::seed_from_u64(servers);
            let dealt =
                ally_threshold::deal(Scheme::Rsa2048, policy.certify(), 0, &mut rng, &()).unwrap();
            let mut text = "# A key for simulations, its shares are public.\n".to_owned();
            text += &format!("{}\n", STANDARD.encode(dealt.public.to_bytes()));
            for share in &dealt.shares {
                text += &format!("{}\n", STANDARD.encode(&*share.encode()));
            }
            let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/keys");
            std::fs::write(format!("{directory}/rsa-2-of-{servers}.key"), text).unwrap();
        }
    }
}
