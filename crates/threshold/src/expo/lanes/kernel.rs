//! Modular exponentiation in eight lanes.
//!
//! Numbers are *almost reduced*: below 2N, not below N. With R at least 4N, almost Montgomery
//! multiplication takes such numbers to such numbers without a comparison: (a b + q N) / R is
//! below (4 N^2 + R N) / R, which is at most 2N. Only the last step subtracts N where needed.
//!
//! A sum stays in 64 bits without carries: in each of L rows a place gets four halves of products,
//! below 2^52 each, and one carry below 2^12. That is below 2^61 for up to 127 limbs.
//!
//! # Source
//! Gueron, "Efficient software implementations of modular exponentiation" (J. Cryptographic
//! Engineering 2, 2012) and Gueron & Krasnov, "Software implementation of modular exponentiation,
//! using advanced vector instructions architectures" (WAIFI 2012): almost Montgomery
//! multiplication, redundant sums. One number to a lane, and so no carries between lanes: Page &
//! Smart, "Parallel cryptographic arithmetic using a redundant Montgomery representation" (IEEE
//! Trans. Computers, 2004).

use std::hint::black_box;

use super::batch::{Batch, Number};
use super::vector::{LIMB_BITS, LIMB_MASK, Row, Vector};

/// Bits of the exponents that are taken at once.
pub(super) const WINDOW_BITS: u32 = 5;

/// Powers in the table.
pub(super) const TABLE_LEN: usize = 1 << WINDOW_BITS;

/// More limbs than this, and sums could overflow.
const LIMBS_MAX: usize = 127;

/// `table[1]^windows` in all lanes, into `power`, out of Montgomery form and below N.
///
/// Constant time: the steps depend on L and on the number of windows.
///
/// # Cost
/// For each window six multiplications of 4 L^2 vector products, and one reading of the table.
#[inline(always)]
pub(super) fn pow<V: Vector, const L: usize>(batch: &mut Batch<L>) {
    const { assert!(L > 1 && L <= LIMBS_MAX) }
    let Batch { modulus, inverse, windows, table, power, selected, sums, .. } = batch;
    let modulus = &Modulus { limbs: modulus, inverse: V::load(inverse) };
    for at in 2..TABLE_LEN {
        let (below, rest) = table.split_at_mut(at);
        multiply(sums, &below[at - 1], &below[1], modulus);
        carry::<V, L>(sums, &mut rest[0]);
    }
    *power = table[0];
    for window in windows.iter() {
        for _ in 0..WINDOW_BITS {
            multiply(sums, power, power, modulus);
            carry::<V, L>(sums, power);
        }
        select::<V, L>(table, V::load(window), selected);
        multiply(sums, power, selected, modulus);
        carry::<V, L>(sums, power);
    }
    *selected = [Row::default(); L];
    selected[0] = Row([1; 8]);
    multiply(sums, power, selected, modulus);
    carry::<V, L>(sums, selected);
    subtract_modulus(selected, power, modulus);
}

/// N and -1/N modulo 2^52 of each lane.
struct Modulus<'a, V, const L: usize> {
    limbs: &'a Number<L>,
    inverse: V,
}

/// Sums whose value is below 2N and congruent to `a b / R`, from `a` and `b` below 2N with limbs
/// of 52 bits.
#[inline(always)]
fn multiply<V: Vector, const L: usize>(
    sums: &mut Number<L>,
    a: &Number<L>,
    b: &Number<L>,
    modulus: &Modulus<'_, V, L>,
) {
    *sums = [Row::default(); L];
    for row in b {
        let b = V::load(row);
        let (mut a_below, mut n_below) = (V::load(&a[0]), V::load(&modulus.limbs[0]));
        // q is chosen such that the lowest limb vanishes; what is above it is carried.
        let lowest = V::load(&sums[0]).add_product_low(a_below, b);
        let q = V::splat(0).add_product_low(lowest, modulus.inverse);
        let above = lowest.add_product_low(n_below, q).shift_right::<LIMB_BITS>();
        V::load(&sums[1]).add(above).store(&mut sums[1]);
        for at in 1..L {
            let (a_here, n_here) = (V::load(&a[at]), V::load(&modulus.limbs[at]));
            V::load(&sums[at])
                .add_product_high(a_below, b)
                .add_product_high(n_below, q)
                .add_product_low(a_here, b)
                .add_product_low(n_here, q)
                .store(&mut sums[at - 1]);
            (a_below, n_below) = (a_here, n_here);
        }
        V::splat(0)
            .add_product_high(a_below, b)
            .add_product_high(n_below, q)
            .store(&mut sums[L - 1]);
    }
}

/// The same number with limbs of 52 bits.
#[inline(always)]
fn carry<V: Vector, const L: usize>(sums: &Number<L>, number: &mut Number<L>) {
    let mask = V::splat(LIMB_MASK);
    let mut above = V::splat(0);
    for (sum, limb) in sums.iter().zip(number) {
        let sum = V::load(sum).add(above);
        sum.and(mask).store(limb);
        above = sum.shift_right::<LIMB_BITS>();
    }
}

/// The entry of the table that each lane names. Every entry is read, and a lane's mask lets one of
/// them through.
#[inline(always)]
fn select<V: Vector, const L: usize>(table: &[Number<L>], names: V, selected: &mut Number<L>) {
    *selected = [Row::default(); L];
    for (name, entry) in (0..).zip(table) {
        // A compiler that sees where a mask comes from may put a branch in its place. (It did, for
        // the double; the timing test found it.)
        let mask = black_box(names.equal_mask(V::splat(name)));
        for (from, into) in entry.iter().zip(selected.iter_mut()) {
            V::load(into).or(V::load(from).and(mask)).store(into);
        }
    }
}

/// `number` or `number - N`, whichever is below N, from a number below 2N.
#[inline(always)]
fn subtract_modulus<V: Vector, const L: usize>(
    number: &Number<L>,
    reduced: &mut Number<L>,
    modulus: &Modulus<'_, V, L>,
) {
    let mask = V::splat(LIMB_MASK);
    let mut borrow = V::splat(0);
    for at in 0..L {
        let difference = V::load(&number[at]).sub(V::load(&modulus.limbs[at])).sub(borrow);
        difference.and(mask).store(&mut reduced[at]);
        borrow = difference.shift_right::<63>();
    }
    let borrow = black_box(borrow);
    let keep_number = V::splat(0).sub(borrow);
    let keep_difference = borrow.sub(V::splat(1));
    for at in 0..L {
        let number = V::load(&number[at]).and(keep_number);
        number.or(V::load(&reduced[at]).and(keep_difference)).store(&mut reduced[at]);
    }
}

#[cfg(test)]
mod tests {
    use crypto_bigint::{BoxedUint, Resize};

    use super::super::batch::Batch;
    use super::super::plain::Plain;
    use super::*;

    /// The number in a lane; `bits` is a multiple of 64.
    fn value<const L: usize>(number: &Number<L>, lane: usize, bits: u32) -> BoxedUint {
        let limbs = number.iter().rev().map(|row| BoxedUint::from(row.0[lane]).resize(bits));
        limbs.fold(BoxedUint::zero_with_precision(bits), |sum, limb| {
            sum.wrapping_shl_vartime(LIMB_BITS).wrapping_add(limb)
        })
    }

    /// What holds the sums together: the greatest almost reduced operands, modulo numbers that
    /// make q and every limb as great as they get, and small ones.
    #[test]
    fn the_greatest_operands_stay_below_twice_the_modulus() {
        const L: usize = 79;
        const WIDE: u32 = 8256;
        let one = BoxedUint::one_with_precision(4096);
        let ones = BoxedUint::zero_with_precision(4096).wrapping_sub(&one);
        let moduli = [
            ones.clone(),
            ones.wrapping_sub(one.shl(1)),
            one.shl(4095).bitor(&one),
            BoxedUint::from(3u32).resize(4096),
            one.shl(52).bitor(&one),
        ]
        .map(|modulus| modulus.to_odd().unwrap());
        for modulus in &moduli {
            let mut batch = Batch::<L>::new(&[(modulus, &one, &one)]);
            let bound = (&**modulus).resize(WIDE).shl(1);
            let greatest = bound.wrapping_sub(BoxedUint::one());
            for (limb, row) in (0..).zip(&mut batch.power) {
                let words = greatest.shr(limb * LIMB_BITS).to_words();
                *row = Row([words[0] & LIMB_MASK; 8]);
            }
            assert_eq!(value(&batch.power, 7, WIDE), greatest);
            let operand = batch.power;
            let context = Modulus { limbs: &batch.modulus, inverse: Plain::load(&batch.inverse) };
            multiply::<Plain, L>(&mut batch.sums, &operand, &operand, &context);
            carry::<Plain, L>(&batch.sums, &mut batch.power);
            let product = value(&batch.power, 7, WIDE);
            assert!(product < bound);
            let wide = (&**modulus).resize(WIDE).to_nz().unwrap();
            let expected = greatest.mul_mod(&greatest, &wide);
            let radix = BoxedUint::one_with_precision(WIDE).shl(LIMB_BITS * L as u32).rem(&wide);
            assert_eq!(product.mul_mod(&radix, &wide), expected);
        }
    }

    #[test]
    fn a_number_below_twice_the_modulus_is_reduced_and_others_are_kept() {
        let one = BoxedUint::one_with_precision(128);
        let modulus = one.shl(127).bitor(&one).to_odd().unwrap();
        let mut batch = Batch::<3>::new(&[(&modulus, &one, &one)]);
        let context = Modulus { limbs: &batch.modulus, inverse: Plain::load(&batch.inverse) };
        let n = (&*modulus).resize(192);
        let small = |number: u64| BoxedUint::from(number).resize(192);
        for (number, expected) in [
            (small(0), small(0)),
            (n.wrapping_sub(small(1)), n.wrapping_sub(small(1))),
            (n.clone(), small(0)),
            (n.wrapping_add(small(1)), small(1)),
            (n.shl(1).wrapping_sub(small(1)), n.wrapping_sub(small(1))),
        ] {
            for (limb, row) in (0..).zip(&mut batch.selected) {
                *row = Row([number.shr(limb * LIMB_BITS).to_words()[0] & LIMB_MASK; 8]);
            }
            subtract_modulus::<Plain, 3>(&batch.selected, &mut batch.power, &context);
            assert_eq!(value(&batch.power, 3, 192), expected);
        }
    }
}
