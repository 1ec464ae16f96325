//! Watching and stopping a long dealing.

/// What a dealer tells while it searches for primes, and how it is told to stop.
///
/// Called from several threads, many times a second: do not block.
pub trait Progress: Sync {
    /// `tried` candidates have been tested; on average `expected` are needed. Luck varies: twice
    /// as many are nothing unusual, a tenth neither.
    fn candidates(&self, tried: u64, expected: u64) {
        let _ = (tried, expected);
    }

    /// Whether to give up; the dealing ends with [`DealError::Cancelled`](crate::DealError).
    fn cancelled(&self) -> bool {
        false
    }
}

/// Progress that nobody watches.
impl Progress for () {}
