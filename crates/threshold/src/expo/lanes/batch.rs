//! Numbers in and out of lanes.

use crypto_bigint::{BoxedUint, Odd, Resize};
use zeroize::{Zeroize, Zeroizing};

use super::kernel::{TABLE_LEN, WINDOW_BITS};
use super::vector::{LIMB_BITS, LIMB_MASK, Row};
use super::{LANES, Lane};

/// A number of L limbs of 52 bits in each lane, least first.
pub(super) type Number<const L: usize> = [Row; L];

/// The operands of eight exponentiations and the memory to compute them in; wiped when dropped.
///
/// R is 2^(52 L), at least four times each modulus.
pub(super) struct Batch<const L: usize> {
    /// N of each lane.
    pub(super) modulus: Number<L>,
    /// -1/N modulo 2^52.
    pub(super) inverse: Row,
    /// The windows of the exponents, most significant first; all below [`TABLE_LEN`].
    pub(super) windows: Vec<Row>,
    /// Powers of the base in Montgomery form. At first only those with exponents 0 (R mod N) and 1
    /// (base R mod N).
    pub(super) table: Vec<Number<L>>,
    /// In the end, the powers.
    pub(super) power: Number<L>,
    /// An entry of the table.
    pub(super) selected: Number<L>,
    /// Sums of products that carries are still to be taken from.
    pub(super) sums: Number<L>,
    /// The precision of moduli and results.
    bits: u32,
    /// Lanes that were asked for.
    count: usize,
}

impl<const L: usize> Batch<L> {
    /// From 1 to 8 lanes with moduli of one precision, below R/4. The rest of the eight repeat the
    /// first.
    ///
    /// # Cost
    /// Two divisions of numbers twice as long as the modulus for each lane. Constant time.
    pub(super) fn new(lanes: &[Lane<'_>]) -> Box<Self> {
        let bits = lanes[0].0.bits_precision();
        assert!(bits + 2 <= LIMB_BITS * L as u32, "R is at least four times the modulus");
        let exponent_bits =
            lanes.iter().map(|(_, _, exponent)| exponent.bits_precision()).max().unwrap_or(0);
        let zero = [Row::default(); L];
        let mut batch = Box::new(Self {
            modulus: zero,
            inverse: Row::default(),
            windows: vec![Row::default(); exponent_bits.div_ceil(WINDOW_BITS) as usize],
            table: vec![zero; TABLE_LEN],
            power: zero,
            selected: zero,
            sums: zero,
            bits,
            count: lanes.len(),
        });
        for at in 0..LANES {
            batch.set(at, lanes.get(at).unwrap_or(&lanes[0]));
        }
        batch
    }

    fn set(&mut self, at: usize, (modulus, base, exponent): &Lane<'_>) {
        let words = words(modulus);
        write(&mut self.modulus, at, &words);
        self.inverse.0[at] = negative_inverse(words[0]);
        write(&mut self.table[0], at, &montgomery_form::<L>(&BoxedUint::one(), modulus));
        write(&mut self.table[1], at, &montgomery_form::<L>(base, modulus));
        let words = self::words(exponent);
        let count = self.windows.len();
        for (place, window) in self.windows.iter_mut().enumerate() {
            let lowest = (count - 1 - place) as u32 * WINDOW_BITS;
            window.0[at] = bits_from(&words, lowest) & (TABLE_LEN as u64 - 1);
        }
    }

    /// Computes with `kernel` and takes the results out, one for each lane that was given, as wide
    /// as the moduli.
    pub(super) fn pow_with(mut self: Box<Self>, kernel: fn(&mut Self)) -> Vec<BoxedUint> {
        kernel(&mut self);
        (0..self.count).map(|at| self.read(at)).collect()
    }

    fn read(&self, at: usize) -> BoxedUint {
        let mut bytes = Zeroizing::new(vec![0; self.bits as usize / 8]);
        for (place, byte) in bytes.iter_mut().enumerate() {
            // Eight bits lie in one limb or in two.
            let (limb, shift) = (8 * place / LIMB_BITS as usize, 8 * place as u32 % LIMB_BITS);
            let above = self.power.get(limb + 1).map_or(0, |row| row.0[at]);
            *byte = (self.power[limb].0[at] >> shift | above << (LIMB_BITS - shift)) as u8;
        }
        BoxedUint::from_le_slice_truncated(&bytes, self.bits)
    }
}

impl<const L: usize> Zeroize for Batch<L> {
    fn zeroize(&mut self) {
        self.modulus.zeroize();
        self.inverse.zeroize();
        self.windows.iter_mut().for_each(Zeroize::zeroize);
        self.table.iter_mut().for_each(Zeroize::zeroize);
        self.power.zeroize();
        self.selected.zeroize();
        self.sums.zeroize();
    }
}

impl<const L: usize> Drop for Batch<L> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

/// `number * R` modulo `modulus`, in words. Constant time.
fn montgomery_form<const L: usize>(
    number: &BoxedUint,
    modulus: &Odd<BoxedUint>,
) -> Zeroizing<Vec<u64>> {
    let shift = LIMB_BITS * L as u32;
    let reduced = Zeroizing::new(number.rem(modulus.as_nz_ref()));
    let bits = (modulus.bits_precision() + shift).next_multiple_of(u64::BITS);
    let shifted = Zeroizing::new((&*reduced).resize(bits).wrapping_shl_vartime(shift));
    words(&Zeroizing::new(shifted.rem(modulus.as_nz_ref())))
}

/// `-1/word` modulo 2^52, for an odd word: Newton's iteration doubles the bits that are right, and
/// of an odd number's inverse it has three to begin with.
fn negative_inverse(word: u64) -> u64 {
    let mut inverse = word;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(word.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg() & LIMB_MASK
}

/// A number in little-endian words of 64 bits.
fn words(number: &BoxedUint) -> Zeroizing<Vec<u64>> {
    let bytes = Zeroizing::new(number.to_le_bytes());
    let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    Zeroizing::new(bytes.chunks(8).map(word).collect())
}

/// The 64 bits of a number from a bit on.
fn bits_from(words: &[u64], lowest: u32) -> u64 {
    let (word, shift) = ((lowest / u64::BITS) as usize, lowest % u64::BITS);
    let two = |at: usize| u128::from(words.get(at).copied().unwrap_or(0));
    ((two(word + 1) << u64::BITS | two(word)) >> shift) as u64
}

/// Puts a number into a lane.
fn write<const L: usize>(number: &mut Number<L>, lane: usize, words: &[u64]) {
    for (limb, row) in (0..).zip(number.iter_mut()) {
        row.0[lane] = bits_from(words, limb * LIMB_BITS) & LIMB_MASK;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_is_one_for_every_kind_of_odd_word() {
        for word in [1, 3, 5, 7, LIMB_MASK, u64::MAX, 1 << 51 | 1, 0x1234_5678_9abc_def1] {
            assert_eq!(word.wrapping_mul(negative_inverse(word)) & LIMB_MASK, LIMB_MASK);
        }
    }

    /// 64 bits are thirteen windows of which the first has four bits.
    #[test]
    fn windows_start_with_the_most_significant_bits() {
        let exponent = BoxedUint::from(0b1010_00001_11111_u64 << 50 | 0b01100);
        let three = BoxedUint::from(3u32).to_odd().unwrap();
        let batch = Batch::<2>::new(&[(&three, &BoxedUint::one(), &exponent)]);
        let windows: Vec<u64> = batch.windows.iter().map(|row| row.0[7]).collect();
        assert_eq!(windows, [0b1010, 1, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0b01100]);
    }

    #[test]
    fn wiping_leaves_nothing() {
        let modulus = BoxedUint::from(u64::MAX).to_odd().unwrap();
        let lanes = [(&modulus, &BoxedUint::from(7u32), &BoxedUint::from(u64::MAX))];
        let mut batch = Batch::<2>::new(&lanes);
        super::super::kernel::pow::<super::super::plain::Plain, 2>(&mut batch);
        batch.zeroize();
        let Batch { modulus, inverse, windows, table, power, selected, sums, .. } = &*batch;
        let numbers = table.iter().chain([modulus, power, selected, sums]).flatten();
        assert!(numbers.chain(windows).chain([inverse]).all(|row| *row == Row::default()));
    }
}
