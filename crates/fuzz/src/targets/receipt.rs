//! Receipts, checkpoints and proofs: what verifies is what the alliance has signed and the log holds,
//! and nothing else, however it was made.

use crate::cursor::Cursor;
use crate::fixtures::{AllianceKey, COMMANDS, command, fixtures, nonce};
use crate::memory;
use ally_codec::{Decode, Encode};
use ally_log::{Checkpoint, ConsistencyProof, Hash, RECEIPT_FILE_BYTES_MAX, Receipt, ReceiptFile};

/// `kind (1) || index (1) || bytes`: a receipt file, a receipt, a statement, or a consistency proof, held
/// against the command at `index`.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    let (kind, index) = (cursor.byte(), u64::from(cursor.byte()) % COMMANDS);
    match kind {
        0 => file(index, cursor.rest()),
        1 => encoded(index, cursor.rest()),
        2 => statement(cursor.rest()),
        3 => consistency(cursor),
        _ => {}
    }
}

/// All receipts in both forms, all statements, all consistency proofs.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let log = &fixtures().log;
    let mut seeds = Vec::new();
    for index in (0..COMMANDS).step_by(3) {
        let file = log.receipt(index);
        seeds.push([&[0, index as u8][..], file.to_text().as_bytes()].concat());
        seeds.push([&[1, index as u8][..], &file.receipt.to_bytes()].concat());
    }
    for certificate in &log.certificates {
        seeds.push([&[2, 0][..], certificate.checkpoint.statement().as_bytes()].concat());
    }
    for size in 1..COMMANDS {
        seeds.push([&[3, 0, size as u8, 0, 0][..], &log.consistency(size).to_bytes()].concat());
    }
    seeds
}

fn file(index: u64, bytes: &[u8]) {
    let limit = 16 * RECEIPT_FILE_BYTES_MAX;
    let Ok(file) = memory::within(limit, "a receipt", || ReceiptFile::from_text(bytes)) else {
        return;
    };
    assert_eq!(file.to_text().as_bytes(), bytes, "one receipt, one text");
    if file.verify(&command(index), &AllianceKey(&fixtures().log.key)).is_ok() {
        assert_eq!(file.nonce, nonce(index), "the log holds the command with this nonce only");
        is_true(&file.receipt, index);
    }
}

fn encoded(index: u64, bytes: &[u8]) {
    let Ok(receipt) = Receipt::from_bytes(bytes) else { return };
    assert_eq!(receipt.to_bytes(), bytes, "one receipt, one encoding");
    let entry = [&nonce(index)[..], &command(index)].concat();
    if receipt.verify(&entry, &AllianceKey(&fixtures().log.key)).is_ok() {
        is_true(&receipt, index);
    }
}

/// A receipt that verifies is about a checkpoint that was signed, and about the place that its command
/// has in the log.
fn is_true(receipt: &Receipt, index: u64) {
    let signed = &fixtures().log.certificates;
    let known = |one: &ally_log::Certificate| one.checkpoint == receipt.certificate.checkpoint;
    assert!(signed.iter().any(known), "nobody has signed {:?}", receipt.certificate.checkpoint);
    assert_eq!(receipt.index, index, "a command has one place in the log");
}

fn statement(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.statement(), text, "one checkpoint, one statement");
        assert_eq!(Checkpoint::from_bytes(&checkpoint.to_bytes()), Ok(checkpoint));
    }
}

/// `old size (1) || bits of the old root (1) || of the new one (1) || proof`.
fn consistency(mut cursor: Cursor<'_>) {
    let log = &fixtures().log;
    let old = u64::from(cursor.byte()) % (COMMANDS + 1);
    let (old_bits, new_bits) = (cursor.byte(), cursor.byte());
    let Ok(proof) = ConsistencyProof::from_bytes(cursor.rest()) else { return };
    let bent = |root: Hash, bits: u8| {
        let mut root = root;
        root.0[usize::from(bits) % 32] ^= bits;
        root
    };
    let (old_root, new_root) = (log.root(old), log.root(COMMANDS));
    let (said_old, said_new) = (bent(old_root, old_bits), bent(new_root, new_bits));
    if proof.verify(old, &said_old, COMMANDS, &said_new).is_ok() {
        match old {
            0 => assert_eq!(said_old, old_root, "nothing has one root"),
            COMMANDS => assert_eq!(said_old, said_new, "a log is its own beginning"),
            _ => assert_eq!((said_old, said_new), (old_root, new_root), "a log that never was"),
        }
    }
}
