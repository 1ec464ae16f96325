//! e2e: docs/concepts/receipts.md is true. Its commands and its script are run as they stand there, by
//! a shell, `openssl` and `python3`, on a receipt that this crate wrote.

use ally_log::{
    Certificate, CertificateVerifier, Checkpoint, Hash, MemoryTiles, Origin, Receipt, ReceiptFile,
    inclusion_proof, leaf_hash,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const PAGE: &str = include_str!("../../../docs/concepts/receipts.md");
const COMMAND: &[u8] = b"pay 7 to globex\n\0 and 8 to initech";
const NONCE: [u8; 16] = *b"sixteen bytes at";

/// A directory of its own that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ally-by-hand-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self(path)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("this test needs `{program}`: {error}"));
        assert!(output.stdout.len() + output.stderr.len() < 1 << 20);
        output
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The fenced blocks of a language on the page.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().expect("the block ends"))
        .collect()
}

/// An RSA key in `alliance.pem`, as the threshold scheme makes it, but held in one hand.
struct Key<'a>(&'a Scratch);

impl<'a> Key<'a> {
    fn new(scratch: &'a Scratch) -> Self {
        for arguments in [
            &["genrsa", "-out", "secret.pem", "2048"][..],
            &["rsa", "-in", "secret.pem", "-pubout", "-out", "alliance.pem"],
        ] {
            let output = scratch.run("openssl", arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Self(scratch)
    }

    fn sign(&self, statement: &str) -> Vec<u8> {
        fs::write(self.0.0.join("statement"), statement).expect("writable");
        let output =
            self.0.run("openssl", &["dgst", "-sha256", "-sign", "secret.pem", "statement"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl CertificateVerifier for Key<'_> {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        fs::write(self.0.0.join("v.txt"), statement).expect("writable");
        fs::write(self.0.0.join("v.sig"), signature).expect("writable");
        let arguments =
            ["dgst", "-sha256", "-verify", "alliance.pem", "-signature", "v.sig", "v.txt"];
        self.0.run("openssl", &arguments).status.success()
    }
}

/// A receipt for [`COMMAND`] at `index` of a log of `size` entries.
fn receipt(key: &Key<'_>, index: u64, size: u64) -> ReceiptFile {
    let leaf = leaf_hash(&[&NONCE, COMMAND].concat());
    let mut log = MemoryTiles::new();
    log.append((0..size).map(|at| if at == index { leaf } else { leaf_hash(&at.to_le_bytes()) }));
    let checkpoint = Checkpoint {
        origin: Origin::new("example.org/clearing").expect("an origin"),
        log_size: size,
        log_root: log.root(),
        epoch: 0,
        height: 4,
        block: Hash([0xab; 32]),
    };
    let signature = key.sign(&checkpoint.statement());
    let proof = inclusion_proof(&log, index, size).expect("the entry is in the log");
    let certificate = Certificate { checkpoint, signature };
    ReceiptFile { nonce: NONCE, receipt: Receipt { index, leaf, proof, certificate } }
}

/// What the page's commands print, all in one shell.
fn by_hand(scratch: &Scratch, file: &str) -> String {
    let write = |name: &str, bytes: &[u8]| {
        fs::write(Path::new(&scratch.0).join(name), bytes).expect("writable");
    };
    write("receipt.txt", file.as_bytes());
    write("command", COMMAND);
    let [script] = blocks("python")[..] else { panic!("one script on the page") };
    write("included.py", script.as_bytes());
    let commands = blocks("bash").concat();
    let output = scratch.run("bash", &["-c", &commands]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_accepts_what_the_library_accepts() {
    let scratch = Scratch::new();
    let key = Key::new(&scratch);
    for (index, size) in [(5, 13), (0, 1), (12, 13), (299, 300), (255, 256), (256, 300)] {
        let file = receipt(&key, index, size);
        assert_eq!(file.verify(COMMAND, &key), Ok(()));
        let said = by_hand(&scratch, &file.to_text());
        let expected = format!("Verified OK\nSame command\nIncluded: entry {index} of {size}\n");
        assert_eq!(said, expected, "entry {index} of {size}");
    }
}

#[test]
fn the_page_refuses_what_was_changed_and_says_where() {
    let scratch = Scratch::new();
    let key = Key::new(&scratch);
    let file = receipt(&key, 5, 13);
    let good = file.to_text();

    let later = good.replace("height 4", "height 5");
    assert_eq!(by_hand(&scratch, &later).lines().next(), Some("Verification failure"));

    let moved = good.replace("index 5", "index 4");
    assert_eq!(by_hand(&scratch, &moved), "Verified OK\nSame command\n");

    let nonce = good.replace("nonce 73", "nonce 74");
    assert_eq!(by_hand(&scratch, &nonce), "Verified OK\nIncluded: entry 5 of 13\n");

    let mut shorter = file;
    shorter.receipt.proof =
        ally_log::InclusionProof::from_path(shorter.receipt.proof.path()[1..].to_vec())
            .expect("within the limit");
    assert_eq!(by_hand(&scratch, &shorter.to_text()), "Verified OK\nSame command\n");
}
