//! [`Modulus`] on crypto-bigint: for targets without AWS-LC, and the oracle in tests.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use zeroize::Zeroizing;

use super::comb::Comb;
use super::invert::invert;
use super::product::{Factor, Term, product};
use super::reduce::reduce_public;

/// An odd number above 1 and what is needed to compute modulo it.
pub(crate) struct Modulus {
    value: Odd<BoxedUint>,
    montgomery: BoxedMontyParams,
}

impl Modulus {
    /// A public modulus. `None` unless `value` is odd and above 1.
    ///
    /// # Variable time: public data only
    pub(crate) fn public(value: &BoxedUint) -> Option<Self> {
        Self::new(value, BoxedMontyParams::new_vartime)
    }

    /// A secret modulus (a prime factor, a candidate for one). `None` unless `value` is odd and
    /// above 1.
    pub(crate) fn secret(value: &BoxedUint) -> Option<Self> {
        Self::new(value, BoxedMontyParams::new)
    }

    fn new(value: &BoxedUint, context: fn(Odd<BoxedUint>) -> BoxedMontyParams) -> Option<Self> {
        let value = value.to_odd().into_option()?;
        if value.is_one().to_bool() {
            return None;
        }
        Some(Self { montgomery: context(value.clone()), value })
    }

    /// The number itself.
    pub(crate) fn value(&self) -> &Odd<BoxedUint> {
        &self.value
    }

    /// `base^exponent`, in time that depends on the widths only.
    pub(crate) fn pow_secret(&self, base: &BoxedUint, exponent: &BoxedUint) -> BoxedUint {
        self.enter(base).pow(exponent).retrieve()
    }

    /// `first.1^first.2 mod first.0` and the same for `second`, in time that depends on the
    /// widths only.
    pub(crate) fn pow_secret_pair(
        first: (&Self, &BoxedUint, &BoxedUint),
        second: (&Self, &BoxedUint, &BoxedUint),
    ) -> (BoxedUint, BoxedUint) {
        (first.0.pow_secret(first.1, first.2), second.0.pow_secret(second.1, second.2))
    }

    /// The product of all `base^exponent`; 1 if there are none.
    ///
    /// # Variable time: public data only
    ///
    /// # Cost
    /// One squaring for each bit of the longest exponent; a multiplication for seven bits of a
    /// long exponent, for each bit set of a short one.
    pub(crate) fn pow_product(&self, terms: &[(&BoxedUint, &BoxedUint)]) -> BoxedUint {
        self.left(product(terms.iter().map(|term| self.term(term)).collect()))
    }

    /// A table of powers of `base`, for exponents of up to `bits` bits.
    ///
    /// # Variable time: public data only
    pub(crate) fn comb(&self, base: &BoxedUint, bits: u32) -> Comb {
        let store = |residue: &BoxedMontyForm| {
            Zeroizing::new(residue.as_montgomery().to_le_bytes().into_vec())
        };
        Comb::new(&self.enter(&BoxedUint::one()), self.enter(base), bits, store)
    }

    /// `base^exponent` with the base's table, which was made with this modulus, in time that depends
    /// on the exponent's width only.
    ///
    /// # Panics
    /// Where the exponent is wider than the table is made for.
    pub(crate) fn pow_comb_secret(&self, comb: &Comb, exponent: &BoxedUint) -> BoxedUint {
        self.left(comb.pow_secret(exponent, |bytes| self.loaded(bytes)))
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
        let mut all = comb.terms(exponent, |bytes| self.loaded(bytes));
        all.extend(terms.iter().map(|term| self.term(term)));
        self.left(product(all))
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

    fn term(&self, (base, exponent): &(&BoxedUint, &BoxedUint)) -> Term<BoxedMontyForm> {
        Term::new(BoxedMontyForm::new(self.reduce_public(base), &self.montgomery), exponent)
    }

    /// A Montgomery form from its bytes.
    fn loaded(&self, bytes: &[u8]) -> BoxedMontyForm {
        let number = BoxedUint::from_le_slice_truncated(bytes, self.value.bits_precision());
        BoxedMontyForm::from_montgomery(number, &self.montgomery)
    }

    /// The value of a product; nothing is the empty one.
    fn left(&self, product: Option<BoxedMontyForm>) -> BoxedUint {
        product.map_or_else(|| self.reduce(&BoxedUint::one()), |product| product.retrieve())
    }

    fn enter(&self, value: &BoxedUint) -> BoxedMontyForm {
        let reduced = Zeroizing::new(self.reduce(value));
        BoxedMontyForm::new((*reduced).clone(), &self.montgomery)
    }
}

impl Factor for BoxedMontyForm {
    fn duplicate(&self) -> Self {
        self.clone()
    }

    fn multiply(&mut self, other: &Self) {
        *self = self.mul(other);
    }

    fn square(&mut self) {
        *self = BoxedMontyForm::square(self);
    }
}
