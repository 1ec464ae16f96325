//! Eight lanes in one register of AVX-512, with the multiplier of IFMA.
//!
//! # Why this is sound
//! The intrinsics may only run on a processor that has their instructions. They are called by the
//! methods of [`Ifma`] alone; the type cannot be named outside of this file, and the only function
//! here that uses it, [`pow`], asks the processor first.
//!
//! # Why this is fast
//! A function that enables an instruction set is not inlined into one that does not, and an
//! intrinsic that is not inlined costs a call for each multiplication. So everything from [`run`]
//! down to the intrinsics is `#[inline(always)]` and free of enabled sets of its own, and `run`
//! enables the set for all of it.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask, _mm512_load_si512,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_maskz_set1_epi64, _mm512_or_si512,
    _mm512_set1_epi64, _mm512_srli_epi64, _mm512_store_si512, _mm512_sub_epi64,
};

use super::batch::Batch;
use super::kernel;
use super::vector::{Row, Vector};

/// Whether the processor has the instructions, and the system keeps their registers.
pub(super) fn detected() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
}

/// The powers of a batch.
///
/// # Panics
/// Without AVX-512 IFMA.
pub(super) fn pow<const L: usize>(batch: &mut Batch<L>) {
    assert!(detected(), "no AVX-512 IFMA");
    // SAFETY: the processor has the instructions that `run` is compiled with.
    unsafe { run(batch) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn run<const L: usize>(batch: &mut Batch<L>) {
    kernel::pow::<Ifma, L>(batch);
}

#[derive(Clone, Copy)]
struct Ifma(__m512i);

// Reached through `run` only: see the head of this file. No intrinsic but the two that take
// pointers has a condition besides the instruction set.
impl Vector for Ifma {
    #[inline(always)]
    fn splat(number: u64) -> Self {
        // SAFETY: AVX-512F was detected.
        Self(unsafe { _mm512_set1_epi64(number as i64) })
    }

    #[inline(always)]
    fn load(row: &Row) -> Self {
        // SAFETY: AVX-512F was detected; a row is 64 readable bytes, aligned to 64.
        Self(unsafe { _mm512_load_si512((&raw const *row).cast()) })
    }

    #[inline(always)]
    fn store(self, row: &mut Row) {
        // SAFETY: AVX-512F was detected; a row is 64 writable bytes, aligned to 64.
        unsafe { _mm512_store_si512((&raw mut *row).cast(), self.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: AVX-512F was detected.
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: AVX-512F was detected.
        Self(unsafe { _mm512_sub_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: AVX-512F was detected.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: AVX-512F was detected.
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Self {
        // SAFETY: AVX-512F was detected.
        Self(unsafe { _mm512_srli_epi64::<BITS>(self.0) })
    }

    #[inline(always)]
    fn equal_mask(self, other: Self) -> Self {
        // SAFETY: AVX-512F was detected.
        Self(unsafe { _mm512_maskz_set1_epi64(_mm512_cmpeq_epi64_mask(self.0, other.0), -1) })
    }

    #[inline(always)]
    fn add_product_low(self, a: Self, b: Self) -> Self {
        // SAFETY: AVX-512 IFMA was detected.
        Self(unsafe { _mm512_madd52lo_epu64(self.0, a.0, b.0) })
    }

    #[inline(always)]
    fn add_product_high(self, a: Self, b: Self) -> Self {
        // SAFETY: AVX-512 IFMA was detected.
        Self(unsafe { _mm512_madd52hi_epu64(self.0, a.0, b.0) })
    }
}
