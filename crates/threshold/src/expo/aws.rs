//! [`Modulus`] on AWS-LC.
//!
//! The calls below fail in two cases only: memory has run out, or an operand breaks a stated
//! precondition. Operands are brought into range before each call, so a failure here means that
//! memory has run out, and it is treated as Rust treats that everywhere: the process stops.

pub(super) mod long_pair;

use std::ptr::NonNull;

use aws_lc_sys as sys;
use crypto_bigint::{BoxedUint, Odd};
use zeroize::Zeroizing;

use super::batch::Job;
use super::comb::Comb;
use super::invert::invert;
use super::lanes;
use super::product::{Factor, Term, product};
use super::reduce::reduce_public;

/// An odd number above 1 and what is needed to compute modulo it.
pub(crate) struct Modulus {
    value: Odd<BoxedUint>,
    number: Number,
    montgomery: Montgomery,
}

/// An owned `BIGNUM`, wiped when it goes.
struct Number(NonNull<sys::BIGNUM>);

/// An owned `BN_MONT_CTX`; never changed after it was made.
struct Montgomery(NonNull<sys::BN_MONT_CTX>);

/// An owned `BN_CTX`: scratch space of one operation.
struct Scratch(NonNull<sys::BN_CTX>);

// SAFETY: the objects behind the pointers are owned by this value alone, are not tied to the
// thread that made them, and are only read after construction (`BN_MONT_CTX` and `BIGNUM` have no
// interior mutability in AWS-LC when passed as `const`).
unsafe impl Send for Modulus {}
// SAFETY: as above; all methods that reach the objects pass them to AWS-LC as `const`.
unsafe impl Sync for Modulus {}

impl Modulus {
    /// A public modulus. `None` unless `value` is odd and above 1.
    ///
    /// # Variable time: public data only
    pub(crate) fn public(value: &BoxedUint) -> Option<Self> {
        // SAFETY: both arguments are live; the callee copies what it keeps.
        Self::new(value, |number, scratch| unsafe {
            sys::BN_MONT_CTX_new_for_modulus(number, scratch)
        })
    }

    /// A secret modulus (a prime factor, a candidate for one). `None` unless `value` is odd and
    /// above 1.
    pub(crate) fn secret(value: &BoxedUint) -> Option<Self> {
        // SAFETY: both arguments are live; the callee copies what it keeps.
        Self::new(value, |number, scratch| unsafe {
            sys::BN_MONT_CTX_new_consttime(number, scratch)
        })
    }

    fn new(
        value: &BoxedUint,
        context: impl Fn(*const sys::BIGNUM, *mut sys::BN_CTX) -> *mut sys::BN_MONT_CTX,
    ) -> Option<Self> {
        let value = value.to_odd().into_option()?;
        if value.is_one().to_bool() {
            return None;
        }
        let number = Number::from_uint(&value);
        let scratch = Scratch::new();
        let montgomery = Montgomery(some(context(number.as_ptr(), scratch.as_ptr())));
        Some(Self { value, number, montgomery })
    }

    /// The number itself.
    pub(crate) fn value(&self) -> &Odd<BoxedUint> {
        &self.value
    }

    /// `base^exponent`, in time that depends on the widths only.
    pub(crate) fn pow_secret(&self, base: &BoxedUint, exponent: &BoxedUint) -> BoxedUint {
        let base = self.reduced(base);
        let exponent = Number::from_uint(exponent);
        let (result, scratch) = (Number::new(), Scratch::new());
        // SAFETY: all pointers are live for the call and `result` is no operand. The base is below
        // the modulus, the modulus is odd and is that of `montgomery`.
        ok(unsafe {
            sys::BN_mod_exp_mont_consttime(
                result.as_ptr(),
                base.as_ptr(),
                exponent.as_ptr(),
                self.number.as_ptr(),
                scratch.as_ptr(),
                self.montgomery.0.as_ptr(),
            )
        });
        self.read(&result)
    }

    /// `first.1^first.2 mod first.0` and the same for `second`, in time that depends on the
    /// widths only.
    ///
    /// # Cost
    /// With AVX-512 IFMA, and moduli of exactly 1024, 1536 or 2048 bits with exponents of the same
    /// width, a good third of two single calls, and half of them where exponents are some hundred
    /// bits longer; else two single calls.
    pub(crate) fn pow_secret_pair(first: Job<'_>, second: Job<'_>) -> (BoxedUint, BoxedUint) {
        if lanes::detected()
            && let Some(powers) = long_pair::pow(first, second)
        {
            return powers;
        }
        Self::pow_paired(first, second)
    }

    /// The same through one call of AWS-LC.
    fn pow_paired(first: Job<'_>, second: Job<'_>) -> (BoxedUint, BoxedUint) {
        let bases = (first.0.reduced(first.1), second.0.reduced(second.1));
        let exponents = (Number::from_uint(first.2), Number::from_uint(second.2));
        let (results, scratch) = ((Number::new(), Number::new()), Scratch::new());
        // SAFETY: as for `pow_secret`, twice over; the two results are distinct objects.
        ok(unsafe {
            sys::BN_mod_exp_mont_consttime_x2(
                results.0.as_ptr(),
                bases.0.as_ptr(),
                exponents.0.as_ptr(),
                first.0.number.as_ptr(),
                first.0.montgomery.0.as_ptr(),
                results.1.as_ptr(),
                bases.1.as_ptr(),
                exponents.1.as_ptr(),
                second.0.number.as_ptr(),
                second.0.montgomery.0.as_ptr(),
                scratch.as_ptr(),
            )
        });
        (first.0.read(&results.0), second.0.read(&results.1))
    }

    /// The product of all `base^exponent`; 1 if there are none.
    ///
    /// # Variable time: public data only
    ///
    /// # Cost
    /// One squaring for each bit of the longest exponent; a multiplication for seven bits of a
    /// long exponent, for each bit set of a short one.
    pub(crate) fn pow_product(&self, terms: &[(&BoxedUint, &BoxedUint)]) -> BoxedUint {
        let scratch = &Scratch::new();
        let terms = terms.iter().map(|term| self.term(term, scratch)).collect();
        self.left(product(terms), scratch)
    }

    /// A table of powers of `base`, for exponents of up to `bits` bits.
    ///
    /// # Variable time: public data only
    pub(crate) fn comb(&self, base: &BoxedUint, bits: u32) -> Comb {
        let scratch = &Scratch::new();
        let one = self.entered_public(&BoxedUint::one(), scratch);
        let width = self.value.bits_precision() as usize / 8;
        let store = |residue: &Residue<'_>| residue.number.to_le_bytes(width);
        Comb::new(&one, self.entered_public(base, scratch), bits, store)
    }

    /// `base^exponent` with the base's table, which was made with this modulus, in time that depends
    /// on the exponent's width only.
    ///
    /// # Panics
    /// Where the exponent is wider than the table is made for.
    pub(crate) fn pow_comb_secret(&self, comb: &Comb, exponent: &BoxedUint) -> BoxedUint {
        let scratch = &Scratch::new();
        self.left(comb.pow_secret(exponent, |bytes| self.loaded(bytes, scratch)), scratch)
    }

    /// The same in less time, multiplied by all `base^exponent` of `terms`.
    ///
    /// # Variable time: public data only
    ///
    /// # Panics
    /// As above.
    ///
    /// # Cost
    /// As [`Modulus::pow_product`] of exponents a twentieth as long as the comb is made for, with a
    /// multiplication for five bits; the terms share their squarings.
    pub(crate) fn pow_comb_product(
        &self,
        (comb, exponent): (&Comb, &BoxedUint),
        terms: &[(&BoxedUint, &BoxedUint)],
    ) -> BoxedUint {
        let scratch = &Scratch::new();
        let mut all = comb.terms(exponent, |bytes| self.loaded(bytes, scratch));
        all.extend(terms.iter().map(|term| self.term(term, scratch)));
        self.left(product(all), scratch)
    }

    /// The inverse of `value`, or `None` where it has a factor in common with the modulus.
    ///
    /// # Variable time: public data only
    pub(crate) fn invert(&self, value: &BoxedUint) -> Option<BoxedUint> {
        invert(&self.reduce(value), &self.value)
    }

    /// `value` below the modulus and as wide as it. Constant time.
    pub(crate) fn reduce(&self, value: &BoxedUint) -> BoxedUint {
        value.rem(self.value.as_nz_ref())
    }

    /// The same without a division where there is nothing to reduce.
    ///
    /// # Variable time: public data only
    pub(crate) fn reduce_public(&self, value: &BoxedUint) -> BoxedUint {
        reduce_public(value, &self.value)
    }

    fn reduced(&self, value: &BoxedUint) -> Number {
        Number::from_uint(&Zeroizing::new(self.reduce(value)))
    }

    fn entered_public<'a>(&'a self, value: &BoxedUint, scratch: &'a Scratch) -> Residue<'a> {
        let number = self.enter(&Number::from_uint(&self.reduce_public(value)), scratch);
        Residue { number, modulus: self, scratch }
    }

    fn term<'a>(
        &'a self,
        (base, exponent): &(&BoxedUint, &BoxedUint),
        scratch: &'a Scratch,
    ) -> Term<Residue<'a>> {
        Term::new(self.entered_public(base, scratch), exponent)
    }

    /// A Montgomery form from its bytes.
    fn loaded<'a>(&'a self, bytes: &[u8], scratch: &'a Scratch) -> Residue<'a> {
        Residue { number: Number::from_le_bytes(bytes), modulus: self, scratch }
    }

    /// The value of a product; nothing is the empty one.
    fn left(&self, product: Option<Residue<'_>>, scratch: &Scratch) -> BoxedUint {
        match product {
            Some(product) => self.leave(&product.number, scratch),
            None => self.reduce(&BoxedUint::one()),
        }
    }

    /// Into Montgomery form.
    fn enter(&self, value: &Number, scratch: &Scratch) -> Number {
        let result = Number::new();
        // SAFETY: all pointers are live; `value` is below the modulus.
        ok(unsafe {
            sys::BN_to_montgomery(
                result.as_ptr(),
                value.as_ptr(),
                self.montgomery.0.as_ptr(),
                scratch.as_ptr(),
            )
        });
        result
    }

    /// Out of Montgomery form.
    fn leave(&self, value: &Number, scratch: &Scratch) -> BoxedUint {
        let result = Number::new();
        // SAFETY: all pointers are live; `value` is a Montgomery form made by `enter`.
        ok(unsafe {
            sys::BN_from_montgomery(
                result.as_ptr(),
                value.as_ptr(),
                self.montgomery.0.as_ptr(),
                scratch.as_ptr(),
            )
        });
        self.read(&result)
    }

    /// `left *= right` in Montgomery form.
    fn multiply(&self, left: &Number, right: &Number, scratch: &Scratch) {
        // SAFETY: all pointers are live, both factors are Montgomery forms of this modulus, and
        // AWS-LC allows the result to be one of the factors.
        ok(unsafe {
            sys::BN_mod_mul_montgomery(
                left.as_ptr(),
                left.as_ptr(),
                right.as_ptr(),
                self.montgomery.0.as_ptr(),
                scratch.as_ptr(),
            )
        });
    }

    fn read(&self, number: &Number) -> BoxedUint {
        let bits = self.value.bits_precision();
        BoxedUint::from_le_slice_truncated(&number.to_le_bytes(bits as usize / 8), bits)
    }
}

/// A number in Montgomery form, with what it is multiplied with.
struct Residue<'a> {
    number: Number,
    modulus: &'a Modulus,
    scratch: &'a Scratch,
}

impl Factor for Residue<'_> {
    fn duplicate(&self) -> Self {
        Self { number: self.number.duplicate(), ..*self }
    }

    fn multiply(&mut self, other: &Self) {
        self.modulus.multiply(&self.number, &other.number, self.scratch);
    }

    fn square(&mut self) {
        self.modulus.multiply(&self.number, &self.number, self.scratch);
    }
}

impl Number {
    fn new() -> Self {
        // SAFETY: takes nothing, returns null or an object of its own.
        Self(some(unsafe { sys::BN_new() }))
    }

    /// As wide as `value`, leading zeros included: AWS-LC takes time by width, not by value.
    fn from_uint(value: &BoxedUint) -> Self {
        Self::from_le_bytes(&Zeroizing::new(value.to_le_bytes()))
    }

    /// As wide as there are bytes.
    fn from_le_bytes(bytes: &[u8]) -> Self {
        // SAFETY: `bytes` is readable for its length; null asks for a fresh object.
        Self(some(unsafe { sys::BN_le2bn(bytes.as_ptr(), bytes.len(), std::ptr::null_mut()) }))
    }

    /// The number in so many bytes, which it fits into.
    fn to_le_bytes(&self, length: usize) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        // SAFETY: `bytes` is writable for its length; the callee writes exactly that many bytes.
        ok(unsafe { sys::BN_bn2le_padded(bytes.as_mut_ptr(), bytes.len(), self.as_ptr()) });
        bytes
    }

    fn duplicate(&self) -> Self {
        // SAFETY: the argument is live and only read.
        Self(some(unsafe { sys::BN_dup(self.as_ptr()) }))
    }

    fn as_ptr(&self) -> *mut sys::BIGNUM {
        self.0.as_ptr()
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: owned, live, and not used again.
        unsafe { sys::BN_clear_free(self.as_ptr()) }
    }
}

impl Drop for Montgomery {
    fn drop(&mut self) {
        // SAFETY: owned, live, and not used again. (AWS-LC wipes whatever it frees.)
        unsafe { sys::BN_MONT_CTX_free(self.0.as_ptr()) }
    }
}

impl Scratch {
    fn new() -> Self {
        // SAFETY: takes nothing, returns null or an object of its own.
        Self(some(unsafe { sys::BN_CTX_new() }))
    }

    fn as_ptr(&self) -> *mut sys::BN_CTX {
        self.0.as_ptr()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: owned, live, and not used again.
        unsafe { sys::BN_CTX_free(self.as_ptr()) }
    }
}

fn some<T>(pointer: *mut T) -> NonNull<T> {
    NonNull::new(pointer).expect("out of memory")
}

fn ok(result: std::os::raw::c_int) {
    assert_eq!(result, 1, "out of memory");
}
