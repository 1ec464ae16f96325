//! What the algorithm asks of a vector.

use zeroize::Zeroize;

/// The limbs of one place in all eight lanes, in memory. As long as a cache line and aligned to
/// one: what is read of it says nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[repr(C, align(64))]
pub(crate) struct Row(pub(crate) [u64; 8]);

impl Zeroize for Row {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Bits of a limb in a lane.
pub(super) const LIMB_BITS: u32 = 52;

/// The value bits of a limb.
pub(super) const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// Eight lanes of 64 bits. All operations work lane by lane, wrap modulo 2^64, and take the same
/// time whatever the lanes hold.
///
/// Implementors mark every method `#[inline(always)]`: the code of a vector is only fast, and for
/// intrinsics only meant to run, inside of the function that enables its instructions.
pub(crate) trait Vector: Copy {
    /// The same number in each lane.
    fn splat(number: u64) -> Self;
    /// From memory.
    fn load(row: &Row) -> Self;
    /// To memory.
    fn store(self, row: &mut Row);
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    fn sub(self, other: Self) -> Self;
    /// The bits in both.
    fn and(self, other: Self) -> Self;
    /// The bits in either.
    fn or(self, other: Self) -> Self;
    /// Shifted down by 0 to 63 bits.
    fn shift_right<const BITS: u32>(self) -> Self;
    /// All ones where the lanes are equal, else 0.
    fn equal_mask(self, other: Self) -> Self;
    /// `self` plus the lower 52 bits of the product of the lower 52 bits of `a` and of `b`.
    fn add_product_low(self, a: Self, b: Self) -> Self;
    /// `self` plus the upper 52 bits of that product of 104 bits.
    fn add_product_high(self, a: Self, b: Self) -> Self;
}
