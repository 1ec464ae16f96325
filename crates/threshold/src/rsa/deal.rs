//! The dealer of RSA keys.

use std::sync::Arc;

use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero, Resize};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::sharing::{Part, split};
use super::{DENOMINATOR_BITS_MAX, Denominator, EXPONENT, PublicKey, VerifyingKey};
use crate::access::{Access, Secret};
use crate::expo::Modulus;
use crate::{DealError, PlanError, Progress, primes};

/// A fresh key with a modulus of exactly `bits`, and the secret of each leaf (s', as long as the
/// modulus, big-endian) from left to right.
pub(crate) fn deal(
    bits: u32,
    epoch: u64,
    access: Arc<Access>,
    rng: &mut dyn CryptoRng,
    progress: &dyn Progress,
) -> Result<(PublicKey, Vec<Secret>), DealError> {
    if Denominator::of(access.formula()).is_none() {
        return Err(PlanError::TooWide { limit_bits: DENOMINATOR_BITS_MAX }.into());
    }
    loop {
        let factors = primes::safe_primes(bits / 2, rng, progress)?;
        if let Some(dealt) = deal_with_primes(&factors, bits, epoch, access.clone(), rng) {
            return Ok(dealt);
        }
        // The product has a bit too few or the base is no unit: too rare to be seen, cheap to heal.
    }
}

/// Deals with given safe primes; `None` if their product does not have exactly `bits`, or if they
/// are not fit for the exponent.
pub(super) fn deal_with_primes(
    (p, q): &(Part, Part),
    bits: u32,
    epoch: u64,
    access: Arc<Access>,
    rng: &mut dyn CryptoRng,
) -> Option<(PublicKey, Vec<Secret>)> {
    let key = VerifyingKey::new(&p.concatenating_mul(&**q).resize(bits), bits)?;
    let halves = [Zeroizing::new(p.wrapping_shr(1)), Zeroizing::new(q.wrapping_shr(1))];
    let order = Zeroizing::new(halves[0].concatenating_mul(&*halves[1]).resize(bits));
    let odd_order = Zeroizing::new(order.to_odd().into_option()?);
    let exponent = BoxedUint::from(EXPONENT).resize(bits);
    let root = Zeroizing::new(
        exponent.rem(odd_order.as_nz_ref()).invert_odd_mod(&odd_order).into_option()?,
    );

    let order = odd_order.as_nz_ref();
    let parts = split(access.formula(), root, order, &mut || uniform_below(order, rng));
    let denominator = Denominator::of(access.formula())?;
    let denominator = denominator.value().rem(order).resize(bits);
    let exponents: Vec<Part> =
        parts.iter().map(|part| Zeroizing::new(part.mul_mod(&denominator, order))).collect();

    let base = random_square(&key, rng);
    let leaf_keys =
        exponents.iter().map(|exponent| key.modulus().pow_secret(&base, exponent)).collect();
    let secrets = exponents.iter().map(|exponent| Zeroizing::new(key.bytes(exponent))).collect();
    Some((PublicKey::new(key, access, epoch, base, leaf_keys)?, secrets))
}

/// Uniform below `limit`, by rejection: reducing a longer number would leave a bias that, share by
/// share, gives the secret away.
fn uniform_below(limit: &NonZero<BoxedUint>, rng: &mut dyn CryptoRng) -> Part {
    let (bits, precision) = (limit.bits(), limit.bits_precision());
    let mut bytes = Zeroizing::new(vec![0; bits.div_ceil(8) as usize]);
    loop {
        rng.fill_bytes(&mut bytes);
        bytes[0] &= 0xff >> (8 * bytes.len() as u32 - bits);
        let number = Zeroizing::new(BoxedUint::from_be_slice_truncated(&bytes, precision));
        if *number < **limit {
            return number;
        }
    }
}

/// v: a random square, which generates all squares but with negligible chance.
fn random_square(key: &VerifyingKey, rng: &mut dyn CryptoRng) -> BoxedUint {
    let modulus: &Modulus = key.modulus();
    let root = uniform_below(modulus.value().as_nz_ref(), rng);
    modulus.pow_product(&[(&root, &BoxedUint::from(2u32))])
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    /// Reducing a byte modulo 200 would draw the numbers below 56 twice as often as the others.
    #[test]
    fn draws_are_uniform() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let limit = BoxedUint::from(200u32).to_nz().unwrap();
        let mut counts = [0u32; 200];
        for _ in 0..200 * 400 {
            counts[u64::from(uniform_below(&limit, &mut rng).as_limbs()[0]) as usize] += 1;
        }
        // Four hundred expected, twenty the standard deviation.
        assert!(counts.iter().all(|count| (300..500).contains(count)), "{counts:?}");
    }
}
