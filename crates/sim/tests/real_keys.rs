//! Runs with the servers' own cryptography: what it refuses, blames and signs is not modelled.

use ally_consensus::Bugs;
use ally_sim::{Cryptography, KeyChoice, Outcome, Scenario, Setting, Style, Tally, World};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seeds with real keys, of each style.
const SEEDS: u64 = 6;

fn run(seed: u64, alliance: &str, style: Style) -> (Cryptography, Outcome) {
    let setting = Setting::named(alliance).expect("a setting");
    let scenario = Scenario::draw_with(KeyChoice::Real, seed, &setting, style).expect("sound");
    let cryptography = scenario.cryptography;
    let outcome = World::new(scenario, Bugs::NONE).expect("sound").run();
    assert_eq!(outcome.violations, Vec::<String>::new(), "seed {seed}, {alliance}, {style}");
    (cryptography, outcome)
}

/// The first run with RSA in which somebody gives wrong shares of the alliance key.
fn with_wrong_rsa_shares() -> Outcome {
    let mut runs = (0..40).map(|seed| {
        let setting = Setting::named("four").expect("a setting");
        let keys = KeyChoice::Real;
        let scenario = Scenario::draw_with(keys, seed, &setting, Style::Weather).expect("sound");
        (scenario.cryptography == Cryptography::Rsa && scenario.treachery.spoil > 20)
            .then(|| run(seed, "four", Style::Weather).1)
    });
    let spoilt = |outcome: &Outcome| outcome.happened.of("liar: bad share of the alliance key") > 0;
    runs.find_map(|outcome| outcome.filter(spoilt)).expect("a seed in which somebody does")
}

#[test]
fn nothing_breaks_with_the_servers_own_keys_either() {
    let mut happened = Tally::default();
    for seed in 0..SEEDS {
        for (alliance, style) in [("five", Style::Weather), ("seven", Style::Plot)] {
            happened.add(&run(seed, alliance, style).1.happened);
        }
    }
    for kind in ["real keys: BLS", "real keys: RSA"] {
        assert!(happened.of(kind) > 0, "{kind}: {happened:?}");
    }
}

#[test]
fn what_is_signed_despite_wrong_shares_convinces_openssl() {
    let outcome = with_wrong_rsa_shares();
    let signed = outcome.signed.expect("certified at the end");
    let scratch = Scratch::new();
    let key = scratch.file("key.pem", signed.key.as_bytes());
    let signature = scratch.file("signature", &signed.signature);
    let accepts = |statement: &str| {
        let statement = scratch.file("statement", statement.as_bytes());
        let verify = ["dgst", "-sha256", "-verify"].map(Path::new);
        let arguments = verify.into_iter().chain([&*key, Path::new("-signature"), &*signature]);
        let output = Command::new("openssl").args(arguments).arg(statement).output();
        output.expect("openssl is there").status.success()
    };
    assert!(accepts(&signed.statement));
    assert!(!accepts(&signed.statement.replace("height", "HEIGHT")));
}

#[test]
fn the_seed_determines_runs_with_real_keys_too() {
    let once = run(3, "four", Style::Weather).1;
    assert_eq!(once, run(3, "four", Style::Weather).1);
}

/// A directory of this test's own, removed when it goes.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ally-sim-keys-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
