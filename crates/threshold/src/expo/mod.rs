//! Arithmetic modulo one odd number: the only door to big-number code that is not ours.
//!
//! Two implementations of the same [`Modulus`]: `aws` calls AWS-LC (its assembly is the fastest
//! constant-time exponentiation there is for these sizes), `portable` is pure Rust on
//! crypto-bigint. The feature `aws-lc` selects; tests hold one against the other. What comes in
//! greater numbers goes through [`pow_secret_all`], which has eight at a time computed by `lanes`
//! where the processor can. A base with many exponents gets a table, [`Comb`].
//!
//! What is secret is in the name of the operation. `pow_secret`, `pow_secret_pair`,
//! `pow_secret_all` and `pow_comb_secret` take time that depends on the widths of their operands only;
//! `pow_product`, `pow_comb_product` and `invert` are variable time and may see public data only. Widths
//! are chosen by callers: an exponent is as wide as the number of limbs it was made with, leading
//! zeros included.
//!
//! Owns: the `unsafe` calls into AWS-LC and the processor's vectors, wiping what they touched.
//! May not touch: keys, policies, encodings.

#[cfg(feature = "aws-lc")]
#[allow(unsafe_code)]
mod aws;
mod batch;
mod comb;
mod invert;
pub(crate) mod lanes;
#[cfg(any(test, not(feature = "aws-lc")))]
mod portable;
mod product;
mod reduce;
mod select;

#[cfg(feature = "aws-lc")]
pub(crate) use aws::Modulus;
pub(crate) use batch::pow_secret_all;
pub(crate) use comb::Comb;
#[cfg(not(feature = "aws-lc"))]
pub(crate) use portable::Modulus;

#[cfg(test)]
mod tests;
