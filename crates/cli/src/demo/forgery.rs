//! Receipts that were tampered with.

use ally::{AllianceKey, ReceiptFile};

/// Changes one byte at a time of a receipt and its command, and counts how many of the changed pairs
/// are refused: `(refused, tried)`. Each line of the receipt and the command are hit.
pub fn refused_forgeries(receipt: &str, command: &[u8], key: &AllianceKey) -> (usize, usize) {
    let accepts = |receipt: &[u8], command: &[u8]| {
        ReceiptFile::from_text(receipt).is_ok_and(|file| file.verify(command, key).is_ok())
    };
    let mut verdicts = Vec::new();
    for at in 0..receipt.len() {
        verdicts.push(accepts(&flipped(receipt.as_bytes(), at), command));
    }
    for at in 0..command.len() {
        verdicts.push(accepts(receipt.as_bytes(), &flipped(command, at)));
    }
    let refused = verdicts.iter().filter(|accepted| !**accepted).count();
    (refused, verdicts.len())
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
