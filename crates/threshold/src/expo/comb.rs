//! Powers of one base that is raised to many exponents.

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use super::product::{Factor, Term};
use super::select::select;

/// Exponents are cut into stripes of equal length; the bits at one place of so many stripes are the
/// name of an entry. A secret exponent has all entries of a table read for each factor, and with more
/// teeth reading costs more than it saves.
const TEETH: u32 = 5;

/// How many tables there are, each for stripes of its own: they share the squarings.
const TABLES: u32 = 4;

const STRIPES: u32 = TEETH * TABLES;

const ENTRIES: usize = 1 << TEETH;

/// A table for one base and modulus: with it a power takes a twentieth of the squarings.
///
/// An exponent is written as a_0 + 2^w a_1 + 2^2w a_2 .. with stripes a_i of w bits. Entry b of table
/// t is the product of base^(2^(w (5t + i))) over the bits i that are set in b. Going through the bits
/// of all stripes at once, the highest first, each table gives one factor for each bit.
///
/// Holds powers of a public base, so it is not wiped.
///
/// # Source
/// Lim & Lee, "More Flexible Exponentiation with Precomputation" (Crypto 1994), section 3.
pub(crate) struct Comb {
    /// The entries of one table after the other, in Montgomery form.
    bytes: Vec<u8>,
    /// Bytes of an entry.
    width: usize,
    /// w, in bits.
    stripe: u32,
}

impl Comb {
    /// Of `base`, for exponents of up to `bits` bits; `one` is the empty product and `store` writes a
    /// number as so many bytes for every value.
    ///
    /// # Cost
    /// About one squaring for each bit and a hundred multiplications. 128 numbers stay in memory: 32 KiB
    /// at 2048 bits, 64 KiB at 4096.
    pub(super) fn new<F: Factor>(
        one: &F,
        mut base: F,
        bits: u32,
        store: impl Fn(&F) -> Zeroizing<Vec<u8>>,
    ) -> Self {
        // Exponents are as wide as their limbs.
        let stripe = bits.next_multiple_of(u64::BITS).div_ceil(STRIPES).max(1);
        let mut comb = Self { bytes: Vec::new(), width: store(one).len(), stripe };
        for _ in 0..TABLES {
            let mut entries = vec![one.duplicate()];
            for _ in 0..TEETH {
                for below in 0..entries.len() {
                    let mut entry = entries[below].duplicate();
                    entry.multiply(&base);
                    entries.push(entry);
                }
                (0..stripe).for_each(|_| base.square());
            }
            entries.iter().for_each(|entry| comb.bytes.extend_from_slice(&store(entry)));
        }
        comb
    }

    /// The base to the power of `exponent`, in time that depends on its width only. `load` reads what
    /// `store` wrote.
    ///
    /// # Panics
    /// Where the exponent is wider than the table is made for. Widths are chosen by callers.
    pub(super) fn pow_secret<F: Factor>(
        &self,
        exponent: &BoxedUint,
        load: impl Fn(&[u8]) -> F,
    ) -> Option<F> {
        self.check(exponent);
        let mut product: Option<F> = None;
        for bit in (0..self.stripe).rev() {
            if let Some(product) = &mut product {
                product.square();
            }
            for (at, table) in self.tables() {
                let factor = load(&select(table, self.width, self.name(exponent, at, bit)));
                match &mut product {
                    Some(product) => product.multiply(&factor),
                    None => product = Some(factor),
                }
            }
        }
        product
    }

    /// What makes the same power as part of a product.
    ///
    /// # Panics
    /// As above.
    ///
    /// # Variable time: public data only
    pub(super) fn terms<F: Factor>(
        &self,
        exponent: &BoxedUint,
        load: impl Fn(&[u8]) -> F,
    ) -> Vec<Term<F>> {
        self.check(exponent);
        let term = |(at, table): (u32, &[u8])| {
            let name = |bit| (bit, self.name(exponent, at, bit) as usize);
            Term {
                powers: table.chunks_exact(self.width).map(&load).collect(),
                digits: (0..self.stripe).map(name).filter(|(_, name)| *name > 0).collect(),
            }
        };
        self.tables().map(term).collect()
    }

    fn check(&self, exponent: &BoxedUint) {
        assert!(
            exponent.bits_precision() <= STRIPES * self.stripe,
            "exponents are not wider than the table is made for"
        );
    }

    fn tables(&self) -> impl Iterator<Item = (u32, &[u8])> {
        (0..).zip(self.bytes.chunks_exact(ENTRIES * self.width))
    }

    /// Which entry of a table goes with a bit of the stripes.
    fn name(&self, exponent: &BoxedUint, table: u32, bit: u32) -> u64 {
        (0..TEETH).fold(0, |name, tooth| {
            name | bit_at(exponent, (table * TEETH + tooth) * self.stripe + bit) << tooth
        })
    }
}

/// A bit of a number, in constant time for every place within it; 0 beyond.
fn bit_at(number: &BoxedUint, place: u32) -> u64 {
    let word = number.as_words().get((place / u64::BITS) as usize);
    word.map_or(0, |word| word >> (place % u64::BITS) & 1)
}
