//! Eight lanes in Rust's own integers: the double of `ifma` in tests.

use super::vector::{LIMB_BITS, LIMB_MASK, Row, Vector};

/// Each lane a `u64`.
#[derive(Clone, Copy)]
pub(crate) struct Plain([u64; 8]);

impl Plain {
    #[inline(always)]
    fn zip(self, other: Self, lane: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|at| lane(self.0[at], other.0[at])))
    }
}

fn product(a: u64, b: u64) -> u128 {
    u128::from(a & LIMB_MASK) * u128::from(b & LIMB_MASK)
}

impl Vector for Plain {
    #[inline(always)]
    fn splat(number: u64) -> Self {
        Self([number; 8])
    }

    #[inline(always)]
    fn load(row: &Row) -> Self {
        Self(row.0)
    }

    #[inline(always)]
    fn store(self, row: &mut Row) {
        row.0 = self.0;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| lane >> BITS))
    }

    #[inline(always)]
    fn equal_mask(self, other: Self) -> Self {
        // The top bit of d | -d is set iff d is not 0.
        self.zip(other, |a, b| {
            let difference = a ^ b;
            ((difference | difference.wrapping_neg()) >> 63).wrapping_sub(1)
        })
    }

    #[inline(always)]
    fn add_product_low(self, a: Self, b: Self) -> Self {
        let low = a.zip(b, |a, b| product(a, b) as u64 & LIMB_MASK);
        self.add(low)
    }

    #[inline(always)]
    fn add_product_high(self, a: Self, b: Self) -> Self {
        let high = a.zip(b, |a, b| (product(a, b) >> LIMB_BITS) as u64);
        self.add(high)
    }
}
