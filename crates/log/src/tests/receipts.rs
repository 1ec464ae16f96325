//! Checkpoints, certificates and receipts: one spelling each, and no flipped bit survives.

use super::ToyKey;
use crate::oracle::leaves;
use crate::{
    Certificate, Checkpoint, Hash, MemoryTiles, Origin, RECEIPT_FILE_BYTES_MAX, Receipt,
    ReceiptError, ReceiptFile, SIGNATURE_BYTES_MAX, STATEMENT_BYTES_MAX, TextError,
    inclusion_proof, leaf_hash,
};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use ally_codec::{Decode, DecodeError, Encode};
use proptest::prelude::*;

const KEY: ToyKey = ToyKey(b"alliance");
const COMMAND: &[u8] = b"pay 7 to globex";

const NONCE: [u8; 16] = *b"sixteen bytes at";

fn entry() -> Vec<u8> {
    [&NONCE, COMMAND].concat()
}

fn file() -> ReceiptFile {
    ReceiptFile { nonce: NONCE, receipt: receipt() }
}

fn receipt() -> Receipt {
    let mut log = MemoryTiles::new();
    log.append(leaves(5));
    log.append([leaf_hash(&entry())]);
    log.append(leaves(7));
    let checkpoint = Checkpoint {
        origin: Origin::new("example.org/clearing").unwrap(),
        log_size: 13,
        log_root: log.root(),
        epoch: 0,
        height: 4,
        block: Hash([0xab; 32]),
    };
    let signature = KEY.sign(&checkpoint.statement());
    Receipt {
        index: 5,
        leaf: leaf_hash(&entry()),
        proof: inclusion_proof(&log, 5, 13).unwrap(),
        certificate: Certificate { checkpoint, signature },
    }
}

#[test]
fn a_statement_reads_as_the_protocol_says() {
    let statement = receipt().certificate.checkpoint.statement();
    let block = "ab".repeat(32);
    let root = receipt().certificate.checkpoint.log_root.to_base64();
    assert_eq!(
        statement,
        alloc::format!("example.org/clearing\n13\n{root}\nally epoch 0 height 4 block {block}\n")
    );
    let longest = Checkpoint {
        origin: Origin::new(&"x".repeat(255)).unwrap(),
        log_size: u64::MAX,
        epoch: u64::MAX,
        height: u64::MAX,
        ..receipt().certificate.checkpoint
    };
    assert!(longest.statement().len() <= STATEMENT_BYTES_MAX);
    assert_eq!(Checkpoint::parse(&longest.statement()), Ok(longest));
}

#[test]
fn a_statement_has_one_spelling() {
    let statement = receipt().certificate.checkpoint.statement();
    let refused = |text: String| Checkpoint::parse(&text).unwrap_err().line;
    assert_eq!(refused(statement.replace("\n13\n", "\n013\n")), 2);
    assert_eq!(refused(statement.replace("\n13\n", "\n+13\n")), 2);
    assert_eq!(refused(statement.replace("\n13\n", "\n 13\n")), 2);
    assert_eq!(refused(statement.replace("\n13\n", "\n99999999999999999999\n")), 2);
    assert_eq!(refused(statement.replace("=\n", "\n")), 3);
    assert_eq!(refused(statement.replace("epoch 0", "epoch 00")), 4);
    assert_eq!(refused(statement.replace("abab", "ABAB")), 4);
    assert_eq!(refused(statement.replace("height", "Height")), 4);
    assert_eq!(refused(statement.replace('\n', "\r\n")), 4);
    assert_eq!(refused(statement.trim_end().into()), 4);
    assert_eq!(refused(alloc::format!("{statement}\n")), 4);
    assert_eq!(refused(alloc::format!("{statement}more\n")), 4);
    assert_eq!(refused(alloc::format!("\n{statement}")), 1);
    assert_eq!(refused(String::new()), 1);
    assert_eq!(refused("x".repeat(STATEMENT_BYTES_MAX + 1)), 1);
}

#[test]
fn a_receipt_verifies_for_its_entry_and_key() {
    let receipt = receipt();
    assert_eq!(receipt.verify(&entry(), &KEY), Ok(()));
    assert!(matches!(receipt.verify(b"pay 8", &KEY), Err(ReceiptError::Entry { .. })));
    let other = ToyKey(b"another alliance");
    assert!(matches!(receipt.verify(&entry(), &other), Err(ReceiptError::Certificate(_))));
    let moved = Receipt { index: 4, ..receipt };
    assert!(matches!(moved.verify(&entry(), &KEY), Err(ReceiptError::Proof(_))));
}

#[test]
fn a_file_is_for_the_whole_command() {
    assert_eq!(file().verify(COMMAND, &KEY), Ok(()));
    // Neither a part of the command nor the entry can be passed off as the command.
    for other in [&COMMAND[1..], &COMMAND[..5], &entry(), b""] {
        assert!(matches!(file().verify(other, &KEY), Err(ReceiptError::Entry { .. })));
    }
}

#[test]
fn a_receipt_file_comes_back() {
    let text = file().to_text();
    assert!(text.len() <= RECEIPT_FILE_BYTES_MAX);
    assert_eq!(ReceiptFile::from_text(text.as_bytes()), Ok(file()));
    assert_eq!(Receipt::from_bytes(&receipt().to_bytes()), Ok(receipt()));
    let mut unsigned = file();
    unsigned.receipt.certificate.signature.clear();
    assert_eq!(ReceiptFile::from_text(unsigned.to_text().as_bytes()), Ok(unsigned));
}

#[test]
fn the_largest_receipt_fits_its_limit() {
    let mut largest = file();
    largest.receipt.index = u64::MAX;
    largest.receipt.proof.path = vec![Hash([7; 32]); crate::PROOF_HASHES_MAX];
    let certificate = &mut largest.receipt.certificate;
    certificate.signature = vec![7; SIGNATURE_BYTES_MAX];
    certificate.checkpoint.origin = Origin::new(&"x".repeat(255)).unwrap();
    certificate.checkpoint.log_size = u64::MAX;
    certificate.checkpoint.epoch = u64::MAX;
    certificate.checkpoint.height = u64::MAX;
    let text = largest.to_text();
    assert!(text.len() <= RECEIPT_FILE_BYTES_MAX, "{} bytes", text.len());
    assert_eq!(ReceiptFile::from_text(text.as_bytes()), Ok(largest.clone()));

    largest.receipt.proof.path.push(Hash([7; 32]));
    assert_eq!(ReceiptFile::from_text(largest.to_text().as_bytes()).unwrap_err().line, 5);
    largest.receipt.proof.path.clear();
    largest.receipt.certificate.signature.push(7);
    assert!(ReceiptFile::from_text(largest.to_text().as_bytes()).is_err());
    let too_long = DecodeError::TooLong { claimed: 1025, limit: SIGNATURE_BYTES_MAX };
    assert_eq!(Receipt::from_bytes(&largest.receipt.to_bytes()), Err(too_long));
    let endless = vec![b'\n'; RECEIPT_FILE_BYTES_MAX + 1];
    let refused = TextError { line: 1, problem: "longer than any receipt" };
    assert_eq!(ReceiptFile::from_text(&endless), Err(refused));
}

#[test]
fn a_receipt_file_has_one_spelling() {
    let text = file().to_text();
    let refused = |text: String| ReceiptFile::from_text(text.as_bytes()).unwrap_err().line;
    assert_eq!(refused(text.replace("receipt v1", "receipt v2")), 1);
    assert_eq!(refused(text.replace("index 5", "index 05")), 2);
    assert_eq!(refused(text.replace("nonce 7", "nonce ")), 3);
    assert_eq!(refused(text.replace("nonce 736978", "nonce 73697X")), 3);
    assert_eq!(refused(text.replace("6e", "6E")), 3);
    assert_eq!(refused(text.replace("proof 4", "proof 5")), 10);
    assert_eq!(refused(text.replace("proof 4", "proof 3")), 9);
    assert_eq!(refused(text.replace('\n', "\r\n")), 1);
    assert_eq!(refused(text.replace("signature\n", "signature\n\n")), 17);
    assert!(ReceiptFile::from_text(alloc::format!("{text}\n").as_bytes()).is_err());
    assert!(ReceiptFile::from_text(text.trim_end().as_bytes()).is_err());
    let cut = text.lines().take(14).collect::<Vec<_>>().join("\n");
    assert_eq!(refused(cut), 15);
}

fn verifies(receipt: &Receipt) -> bool {
    receipt.verify(&entry(), &KEY).is_ok()
}

fn file_verifies(text: &[u8]) -> bool {
    ReceiptFile::from_text(text).is_ok_and(|file| file.verify(COMMAND, &KEY).is_ok())
}

#[test]
fn no_flipped_bit_survives_in_a_receipt_file() {
    let text = file().to_text().into_bytes();
    assert!(file_verifies(&text));
    for bit in 0..text.len() * 8 {
        let mut flipped = text.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!file_verifies(&flipped), "bit {} of byte {}", bit % 8, bit / 8);
    }
}

#[test]
fn no_flipped_bit_survives_in_the_binary_form_or_the_command() {
    let bytes = receipt().to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let survived = Receipt::from_bytes(&flipped).is_ok_and(|receipt| verifies(&receipt));
        assert!(!survived, "bit {} of byte {}", bit % 8, bit / 8);
    }
    for bit in 0..COMMAND.len() * 8 {
        let mut command = COMMAND.to_vec();
        command[bit / 8] ^= 1 << (bit % 8);
        assert!(file().verify(&command, &KEY).is_err());
    }
}

#[test]
fn no_cut_survives() {
    let (text, bytes) = (file().to_text(), receipt().to_bytes());
    for length in 0..text.len() {
        assert!(!file_verifies(&text.as_bytes()[..length]), "{length} bytes");
    }
    for length in 0..bytes.len() {
        assert!(Receipt::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
}

/// Frozen: these bytes are in people's files. A change here is a new version of the format.
#[test]
fn conformance_encodings() {
    let text = leaf_hash(file().to_text().as_bytes());
    assert_eq!(
        alloc::format!("{text}"),
        "8367768c6a60f2c1dce388d4170cfeef5f7874945acf7f9433c0ef78a3489a40"
    );
    let bytes = leaf_hash(&receipt().to_bytes());
    assert_eq!(
        alloc::format!("{bytes}"),
        "249111113d075176ddcfa47576635032954260689974db573e2565287cca808e"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn prop_hostile_texts_never_panic(
        lines in prop::collection::vec("(ally-receipt v1|index [0-9]{0,22}|nonce [0-9a-f]{30,34}|leaf .*|proof [0-9]+|signature|[A-Za-z0-9+/]{43}=|)", 0..20),
    ) {
        let text = lines.join("\n");
        if let Ok(file) = ReceiptFile::from_text(text.as_bytes()) {
            prop_assert_eq!(file.to_text(), text.clone());
        }
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.statement(), text);
        }
    }

    #[test]
    fn prop_changed_files_never_verify(at in any::<prop::sample::Index>(), with in any::<[u8; 3]>()) {
        let mut text = file().to_text().into_bytes();
        let at = at.index(text.len() - with.len());
        let changed = text[at..at + with.len()] != with;
        text[at..at + with.len()].copy_from_slice(&with);
        prop_assert!(!(changed && file_verifies(&text)));
    }

    #[test]
    fn prop_hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(receipt) = Receipt::from_bytes(&bytes) {
            prop_assert_eq!(receipt.to_bytes(), bytes);
        }
    }
}
