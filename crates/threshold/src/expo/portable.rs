//! [`Modulus`] on crypto-bigint: for targets without AWS-LC, and the oracle in tests.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use zeroize::Zeroizing;

use super::invert::invert;
use super::product::{Factor, product};

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
        let terms = terms.iter().map(|(base, exponent)| (self.enter(base), *exponent)).collect();
        match product(terms) {
            Some(product) => product.retrieve(),
            None => self.reduce(&BoxedUint::one()),
        }
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
