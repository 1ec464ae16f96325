//! The search for two safe primes on all cores.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crypto_bigint::{BoxedUint, Limb, NonZero, Resize};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::sieve::{STRIDE, Sieve};
use super::verdict::{fermat, is_prime};
use crate::seed::SeedStream;
use crate::{DealError, Progress};

/// The most threads: beyond it the search takes less time than starting them.
const THREADS_MAX: usize = 64;

/// Which of a prime's top bits are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Top {
    /// Two: the product of two such primes has exactly twice their length.
    Two,
    /// Four: so has the product of eight in bits, exactly eight times their length.
    Four,
}

impl Top {
    /// The bits below the topmost one of a byte that starts with a zero: half a prime has a bit less
    /// than the prime.
    fn mask(self) -> u8 {
        match self {
            Self::Two => 0x60,
            Self::Four => 0x78,
        }
    }
}

/// Two distinct safe primes of exactly `bits` with top bits set. `bits` is a multiple of 8 and at
/// least 64.
///
/// # Errors
/// [`DealError::Cancelled`].
pub(crate) fn safe_primes(
    bits: u32,
    top: Top,
    rng: &mut dyn CryptoRng,
    progress: &dyn Progress,
) -> Result<(Zeroizing<BoxedUint>, Zeroizing<BoxedUint>), DealError> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(THREADS_MAX);
    let search = Search::new(bits, top, progress);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let mut seed = Zeroizing::new([0; 32]);
            rng.fill_bytes(&mut *seed);
            let search = &search;
            scope.spawn(move || search.run(SeedStream::new(seed)));
        }
    });
    let mut found = search.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (found.pop(), found.pop()) {
        (Some(first), Some(second)) => Ok((first, second)),
        _ => Err(DealError::Cancelled),
    }
}

/// What the threads share.
struct Search<'a> {
    bits: u32,
    top: Top,
    sieve: Sieve,
    progress: &'a dyn Progress,
    expected: u64,
    tried: AtomicU64,
    done: AtomicBool,
    found: Mutex<Vec<Zeroizing<BoxedUint>>>,
}

impl<'a> Search<'a> {
    fn new(bits: u32, top: Top, progress: &'a dyn Progress) -> Self {
        let wide = u64::from(bits);
        Self {
            bits,
            top,
            sieve: Sieve::new(),
            progress,
            // Of numbers without factors below B, one in (ln 2^bits / (e^gamma ln B))^2 is a safe
            // prime (Mertens; Hardy & Littlewood): bits^2 * 0.000788 at B = 2^20, and two are
            // wanted.
            expected: (wide * wide * 1576 / 1_000_000).max(1),
            tried: AtomicU64::new(0),
            done: AtomicBool::new(false),
            found: Mutex::new(Vec::new()),
        }
    }

    /// One thread's work, until two primes are found or nobody wants them any more.
    fn run(&self, mut random: SeedStream) {
        while !self.done.load(Ordering::Relaxed) {
            let start = self.start(&mut random);
            self.search_from(&start, &mut random);
        }
    }

    /// A random h of one bit less than the prime, its top bits set, 5 mod 6.
    fn start(&self, random: &mut SeedStream) -> Zeroizing<BoxedUint> {
        let mut bytes = Zeroizing::new(vec![0; self.bits as usize / 8]);
        random.fill(&mut bytes);
        bytes[0] = bytes[0] & 0x7f | self.top.mask();
        let mut start = Zeroizing::new(BoxedUint::from_be_slice_truncated(&bytes, self.bits));
        let six = NonZero::new(Limb::from(STRIDE)).into_option().unwrap_or(NonZero::<Limb>::ONE);
        let rest = u64::from(start.rem_limb(six));
        start = Zeroizing::new(start.wrapping_add(BoxedUint::from(STRIDE - 1 - rest)));
        start
    }

    /// Looks for one prime in the interval from `start`.
    fn search_from(&self, start: &BoxedUint, random: &mut SeedStream) {
        let half = |at: u32| {
            let offset = BoxedUint::from(STRIDE * u64::from(at));
            Zeroizing::new(start.wrapping_add(offset))
        };
        let prime = |at: u32| double_plus_one(&half(at));
        let survivors = self.sieve.survivors(start);
        for pair in survivors.chunks(2) {
            let (first, second) = (pair[0], pair[pair.len() - 1]);
            let verdicts = fermat([&prime(first), &prime(second)]);
            if self.count(pair.len() as u64) {
                return;
            }
            for (at, verdict) in [first, second].into_iter().zip(verdicts) {
                if verdict && self.confirm(&half(at), random) {
                    return;
                }
            }
        }
    }

    /// Reports progress; true if the search is over.
    fn count(&self, tested: u64) -> bool {
        let tried = self.tried.fetch_add(tested, Ordering::Relaxed) + tested;
        self.progress.candidates(tried, self.expected);
        if self.progress.cancelled() {
            self.done.store(true, Ordering::Relaxed);
        }
        self.done.load(Ordering::Relaxed)
    }

    /// Keeps 2h + 1, which has passed the test of Fermat, if h is prime.
    ///
    /// # Source
    /// Pocklington: with h prime and above the root of p = 2h + 1, 2^(p-1) = 1 mod p, and
    /// gcd(2^2 - 1, p) = 1 (no multiple of 3 survives the sieve), p is prime.
    fn confirm(&self, half: &BoxedUint, random: &mut SeedStream) -> bool {
        let prime = double_plus_one(half);
        let of_length = prime.bits() == self.bits;
        if !of_length || !is_prime(half, random) {
            return false;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() < 2 && !found.contains(&prime) {
            found.push(prime);
        }
        if found.len() == 2 {
            self.done.store(true, Ordering::Relaxed);
        }
        true
    }
}

fn double_plus_one(half: &BoxedUint) -> Zeroizing<BoxedUint> {
    let double = Zeroizing::new(half.wrapping_shl(1));
    Zeroizing::new(double.wrapping_add(BoxedUint::one()).resize_unchecked(half.bits_precision()))
}

#[cfg(test)]
mod tests {
    use crypto_bigint::ConcatenatingMul;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn finds_two_safe_primes_of_the_exact_length() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut random = SeedStream::new(Zeroizing::new([2; 32]));
        for (bits, top, ones) in [(128, Top::Two, 2), (256, Top::Two, 2), (256, Top::Four, 4)] {
            let (p, q) = safe_primes(bits, top, &mut rng, &()).unwrap();
            assert_ne!(p, q);
            for prime in [&p, &q] {
                assert_eq!(prime.bits(), bits);
                assert!((1..=ones).all(|at| prime.bit_vartime(bits - at)), "top bits are set");
                assert!(is_prime(prime, &mut random));
                assert!(is_prime(&prime.wrapping_shr(1), &mut random));
            }
            assert_eq!(p.concatenating_mul(&*q).bits(), 2 * bits);
        }
    }

    #[test]
    fn gives_up_when_told_and_reports_until_then() {
        struct Impatient(AtomicU64);
        impl Progress for Impatient {
            fn candidates(&self, tried: u64, expected: u64) {
                assert!(tried > 0 && expected == 1024 * 1024 * 1576 / 1_000_000);
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            fn cancelled(&self) -> bool {
                self.0.load(Ordering::Relaxed) >= 2
            }
        }
        let impatient = Impatient(AtomicU64::new(0));
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        assert_eq!(safe_primes(1024, Top::Two, &mut rng, &impatient), Err(DealError::Cancelled));
        assert!(impatient.0.load(Ordering::Relaxed) >= 2);
    }
}
