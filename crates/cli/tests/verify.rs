//! `ally verify` as a shell meets it: a real threshold key, real files, every byte changed once.

use ally_log::{
    Certificate, Checkpoint, Hash, MemoryTiles, Origin, Prover, Receipt, ReceiptFile, leaf_hash,
};
use ally_policy::{Formula, ServerIndex};
use ally_threshold::{Scheme, combine, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const COMMAND: &[u8] = b"set 5";

/// A directory with `alliance.pem`, `receipt.txt` and `command`.
fn issued() -> TempDir {
    let leaves = (0..4).map(|index| Formula::Leaf(ServerIndex(index))).collect();
    let formula = Formula::gate(2, leaves).expect("2 of 4");
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let dealt = deal(Scheme::Bls12381, &formula, 0, &mut rng, &()).expect("dealt");
    let nonce = [9; 16];
    let entry = [&nonce, COMMAND].concat();
    let mut tiles = MemoryTiles::new();
    tiles.append([leaf_hash(b"another"), leaf_hash(&entry), leaf_hash(b"a third")]);
    let checkpoint = Checkpoint {
        origin: Origin::new("example.org/verify").expect("valid"),
        log_size: 3,
        log_root: tiles.root(),
        epoch: 0,
        height: 2,
        block: Hash([6; 32]),
    };
    let statement = checkpoint.statement();
    let shares: Vec<_> = dealt.shares[1..3]
        .iter()
        .map(|share| {
            (share.server(), share.sign(&dealt.public, statement.as_bytes()).expect("ours"))
        })
        .collect();
    let signature = combine(&dealt.public, statement.as_bytes(), &shares).expect("qualified");
    let receipt = Receipt {
        index: 1,
        leaf: leaf_hash(&entry),
        proof: Prover::new(&tiles, 3).inclusion(1).expect("in the log"),
        certificate: Certificate { checkpoint, signature: signature.to_vec() },
    };
    let dir = tempfile::tempdir().expect("a directory");
    let write =
        |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).expect("written");
    write("alliance.pem", dealt.public.to_pem().as_bytes());
    write("receipt.txt", ReceiptFile { nonce, receipt }.to_text().as_bytes());
    write("command", COMMAND);
    dir
}

fn verify(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ally"))
        .args(["verify", "--key", "alliance.pem", "--receipt", "receipt.txt"])
        .args(arguments)
        .env_remove("ALLY_OUTPUT")
        .env_remove("ALLY_PUBLIC_KEY")
        .current_dir(dir)
        .output()
        .expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("a text")
}

#[test]
fn e2e_a_receipt_verifies_with_its_command_and_key() {
    let dir = issued();
    let output = verify(dir.path(), &["--file", "command"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).expect("a text");
    assert!(text.starts_with("Verified OK: example.org/verify ordered"), "{text}");
    let output = verify(dir.path(), &["--command", "set 5", "-o", "json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&answer["verified"], &answer["index"]), (&true.into(), &1.into()));
}

#[test]
fn e2e_another_command_does_not() {
    let dir = issued();
    let output = verify(dir.path(), &["--command", "set 6"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let error = stderr(&output);
    assert!(error.contains("ALLY-0403") && error.contains("another command"), "{error}");
    assert!(!error.contains('\u{1b}'), "no colour where there is no terminal: {error}");
}

#[test]
fn e2e_no_changed_receipt_verifies() {
    let dir = issued();
    let path = dir.path().join("receipt.txt");
    let receipt = fs::read(&path).expect("written before");
    // A few places of every line; the library's tests flip every bit.
    for at in (0..receipt.len()).step_by(23) {
        let mut changed = receipt.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).expect("written");
        let output = verify(dir.path(), &["--file", "command"]);
        assert_eq!(output.status.code(), Some(1), "byte {at}: {}", stderr(&output));
    }
}

#[test]
fn e2e_bad_files_are_named() {
    let dir = issued();
    fs::write(dir.path().join("alliance.pem"), "no key").expect("written");
    let output = verify(dir.path(), &["--file", "command"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("alliance.pem"), "{}", stderr(&output));
    let output = verify(dir.path(), &["--file", "nothing-here", "--key", "command"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let output = verify(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(2), "what to verify is missing");
}
