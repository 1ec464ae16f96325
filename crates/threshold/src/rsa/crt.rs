//! From residues modulo each factor to the number modulo the product.

use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero, Resize};

use super::Group;

/// For each factor but the first: the inverse of the product of those before it.
///
/// # Source
/// Garner 1959; Knuth, The Art of Computer Programming, volume 2, section 4.3.2.
pub(crate) struct Garner(Vec<BoxedUint>);

impl Garner {
    /// `None` where two of the moduli have a common factor.
    pub(crate) fn new(groups: &[&Group]) -> Option<Self> {
        let mut product = BoxedUint::one();
        let mut inverses = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            let modulus: &BoxedUint = group.modulus().value();
            if at > 0 {
                inverses.push(group.modulus().invert(&product)?);
            }
            product = product.concatenating_mul(modulus);
        }
        Some(Self(inverses))
    }

    /// The number below the product of the moduli with these residues, one for each group.
    ///
    /// # Variable time: public data only
    pub(crate) fn join(&self, groups: &[&Group], residues: &[BoxedUint]) -> BoxedUint {
        let mut joined = residues.first().map_or_else(BoxedUint::zero, BoxedUint::clone);
        let mut product: Option<BoxedUint> = None;
        for (at, (group, residue)) in groups.iter().zip(residues).enumerate() {
            if let (Some(product), Some(inverse)) = (&product, self.0.get(at.wrapping_sub(1))) {
                let modulus: &NonZero<BoxedUint> = group.modulus().value().as_nz_ref();
                let missing = residue.sub_mod(&group.modulus().reduce(&joined), modulus);
                let digit = group.times(&missing, inverse);
                let summand = product.concatenating_mul(&digit);
                let bits = summand.bits_precision().max(joined.bits_precision());
                joined = summand.resize_unchecked(bits).wrapping_add(joined.resize_unchecked(bits));
            }
            let modulus: &BoxedUint = group.modulus().value();
            product = Some(match product {
                Some(product) => product.concatenating_mul(modulus),
                None => modulus.clone(),
            });
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residues_of_four_moduli_come_together() {
        // The four largest primes below 2^64.
        let moduli = [58, 82, 94, 178].map(|below| u64::MAX - below);
        let groups = moduli.map(|modulus| Group::new(&BoxedUint::from(modulus), 64).unwrap());
        let groups: Vec<&Group> = groups.iter().collect();
        for count in 1..=4 {
            let Some(garner) = Garner::new(&groups[..count]) else {
                panic!("{count}: not coprime")
            };
            let product = moduli[..count].iter().fold(BoxedUint::one(), |product, n| {
                product.concatenating_mul(&BoxedUint::from(*n))
            });
            let largest = product.wrapping_sub(BoxedUint::one());
            for number in [BoxedUint::from(12_345u64).resize(256), largest, BoxedUint::zero()] {
                let residues: Vec<_> =
                    groups[..count].iter().map(|group| group.modulus().reduce(&number)).collect();
                assert_eq!(garner.join(&groups[..count], &residues), number);
            }
        }
        assert!(Garner::new(&[groups[0], groups[1], groups[0]]).is_none());
    }
}
