//! Threshold keys over a trust policy: RSA (Shoup) and BLS12-381.

pub mod bls;

mod expo;
