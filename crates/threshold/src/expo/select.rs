//! Reading a table without telling from where.

use std::hint::black_box;

use zeroize::Zeroizing;

/// The entry of that number in a table of entries of `width` bytes; zeros where there is none. Every
/// entry is read, and a mask lets one through.
pub(super) fn select(table: &[u8], width: usize, name: u64) -> Zeroizing<Vec<u8>> {
    let mut selected = Zeroizing::new(vec![0; width]);
    for (at, entry) in (0u64..).zip(table.chunks_exact(width)) {
        let difference = at ^ name;
        // The top bit of d | -d is set iff d is not 0. A compiler that sees through a mask may put a
        // branch in its place.
        let differs = (difference | difference.wrapping_neg()) >> 63;
        let mask = black_box((differs as u8).wrapping_sub(1));
        selected.iter_mut().zip(entry).for_each(|(into, from)| *into |= from & mask);
    }
    selected
}
