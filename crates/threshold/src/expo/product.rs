//! Products of powers of public numbers, by sliding windows.

use crypto_bigint::BoxedUint;

/// The widest window. A wider one would save nothing up to 2048 bits, and little beyond.
const WINDOW_BITS_MAX: u32 = 6;

/// A number that can be multiplied in place.
pub(super) trait Factor {
    /// A copy.
    fn duplicate(&self) -> Self;
    /// Becomes the product with `other`.
    fn multiply(&mut self, other: &Self);
    /// Becomes the product with itself.
    fn square(&mut self);
}

/// A power that is a factor of a product: the sum of its digits 2^bit is the exponent.
pub(super) struct Term<F> {
    /// The powers that digits name.
    pub(super) powers: Vec<F>,
    /// Which of these to multiply with at which bit: one for a bit at most, the lowest bit first.
    pub(super) digits: Vec<(u32, usize)>,
}

/// The product of all terms; `None` where that is an empty product.
///
/// # Source
/// Straus's interleaving with one sliding window for each exponent (Handbook of Applied
/// Cryptography, 14.85 and 14.88; the windows are found from the lowest bit on).
///
/// # Variable time: public data only
///
/// # Cost
/// One squaring for each bit of the longest exponent, one multiplication for each window: of an
/// exponent of 2048 bits 292 and 32 for the table; of a short or sparse one, one for each bit set.
pub(super) fn product<F: Factor>(mut terms: Vec<Term<F>>) -> Option<F> {
    let highest = terms.iter().filter_map(|term| term.digits.last()).map(|(bit, _)| *bit).max();
    let bits = highest.map_or(0, |bit| bit + 1);
    let mut product: Option<F> = None;
    for bit in (0..bits).rev() {
        if let Some(product) = &mut product {
            product.square();
        }
        for term in &mut terms {
            let Some((_, power)) = term.digits.pop_if(|(at, _)| *at == bit) else { continue };
            match &mut product {
                Some(product) => product.multiply(&term.powers[power]),
                None => product = Some(term.powers[power].duplicate()),
            }
        }
    }
    product
}

impl<F: Factor> Term<F> {
    /// `base^exponent` by sliding windows over base, base^3, base^5 ...
    pub(super) fn new(base: F, exponent: &BoxedUint) -> Self {
        let width = window_bits(exponent);
        let digits = digits(exponent, width);
        let mut powers = vec![base];
        if width > 1 && !digits.is_empty() {
            let mut square = powers[0].duplicate();
            square.square();
            for at in 1..1 << (width - 1) {
                let mut power = powers[at - 1].duplicate();
                power.multiply(&square);
                powers.push(power);
            }
        }
        Self { powers, digits }
    }
}

/// The width with the fewest multiplications.
fn window_bits(exponent: &BoxedUint) -> u32 {
    let bits = exponent.bits_vartime();
    let ones: u32 = exponent.as_words().iter().map(|word| word.count_ones()).sum();
    let cost = |width: u32| match width {
        1 => ones,
        _ => (1 << (width - 1)) + bits / (width + 1),
    };
    (1..=WINDOW_BITS_MAX).min_by_key(|width| cost(*width)).unwrap_or(1)
}

/// The exponent as a sum of odd numbers of up to `width` bits, each shifted to its bit: the bit, and
/// the number's place among the odd ones. The lowest bit comes first.
fn digits(exponent: &BoxedUint, width: u32) -> Vec<(u32, usize)> {
    let bits = exponent.bits_vartime();
    let mut digits = Vec::new();
    let mut bit = 0;
    while bit < bits {
        if exponent.bit_vartime(bit) {
            let above = (1..width).filter(|up| bit + up < bits && exponent.bit_vartime(bit + up));
            digits.push((bit, above.map(|up| 1 << (up - 1)).sum()));
            bit += width;
        } else {
            bit += 1;
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts instead of multiplying: the exponent of a fixed base, and the multiplications so far.
    #[derive(Clone)]
    struct Counted(u128, std::rc::Rc<std::cell::Cell<u32>>);

    impl Factor for Counted {
        fn duplicate(&self) -> Self {
            self.clone()
        }

        fn multiply(&mut self, other: &Self) {
            self.0 += other.0;
            self.1.set(self.1.get() + 1);
        }

        fn square(&mut self) {
            self.0 *= 2;
            self.1.set(self.1.get() + 1);
        }
    }

    fn count(exponents: &[u128]) -> (Option<u128>, u32) {
        let counter = std::rc::Rc::default();
        let wide: Vec<BoxedUint> =
            exponents.iter().map(|number| BoxedUint::from(*number)).collect();
        let term = |exponent| Term::new(Counted(1, std::rc::Rc::clone(&counter)), exponent);
        let sum = product(wide.iter().map(term).collect());
        (sum.map(|sum| sum.0), counter.get())
    }

    #[test]
    fn exponents_add_up() {
        for exponent in 0..2048 {
            let expected = (exponent > 0).then_some(exponent);
            assert_eq!(count(&[exponent]).0, expected);
        }
        let long = [u128::MAX >> 2, 1 << 125, 0x1234_5678_9abc_def0_1122_3344_5566_7788, 3, 0];
        assert_eq!(count(&long[..1]).0, Some(long[0]));
        assert_eq!(count(&long[1..]).0, Some(long[1..].iter().sum()));
        assert_eq!(count(&[]).0, None);
    }

    #[test]
    fn no_more_is_multiplied_than_has_to_be() {
        // Sixteen squarings and one multiplication verify a signature.
        assert_eq!(count(&[65_537]).1, 17);
        assert_eq!(count(&[1 << 100]).1, 100);
        // 124 squarings, 31 multiplications for 32 windows of four bits, 8 for their table.
        assert_eq!(count(&[u128::MAX >> 1]).1, 124 + 31 + 8);
    }
}
