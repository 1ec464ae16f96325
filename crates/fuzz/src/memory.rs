//! What a piece of work holds of the heap, at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static HEAP: Counting = Counting;

/// The system's allocator, with a count of what each thread holds.
struct Counting;

thread_local! {
    /// Bytes that this thread has set aside and not given back; below zero if others' were given back.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The most of them since the count was last reset.
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // While a thread ends its counters may be gone; nobody asks for them any more.
    let held = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        held.get()
    });
    if let Ok(held) = held {
        _ = PEAK.try_with(|peak| peak.set(peak.get().max(held)));
    }
}

#[allow(unsafe_code, reason = "an allocator is unsafe to implement; this one only counts")]
// SAFETY: every call goes to the system's allocator with the caller's arguments, and its answer comes
// back unchanged, so its guarantees hold. Counting touches no heap and does not unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are those that are asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above; `place` came from the system's allocator with this layout.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Does the work; also says how many bytes of the heap it held at once, beyond what was held before.
///
/// Counts this thread only.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    (result, usize::try_from(PEAK.get() - before).unwrap_or(0))
}

/// Does the work, which may hold `limit` bytes of the heap at once.
///
/// # Panics
/// If it held more: then bytes that somebody sent decide how much memory goes.
pub fn within<T>(limit: usize, what: &str, work: impl FnOnce() -> T) -> T {
    let (result, peak) = peak_of(work);
    assert!(peak <= limit, "{what} held {peak} bytes of the heap, {limit} are allowed");
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn the_peak_is_counted_and_not_the_sum() {
        let work = || (0..10).map(|_| black_box(vec![0_u8; 1000]).len()).sum::<usize>();
        let (sum, peak) = peak_of(work);
        assert_eq!(sum, 10_000);
        assert!((1000..2000).contains(&peak), "{peak}");
    }

    #[test]
    fn what_is_given_back_makes_room_for_nothing() {
        let old = black_box(vec![0_u8; 5000]);
        let ((), peak) = peak_of(|| {
            let new = black_box(vec![0_u8; 3000]);
            drop(old);
            drop(new);
        });
        assert_eq!(peak, 3000);
    }

    #[test]
    #[should_panic(expected = "held 4096 bytes of the heap, 4095 are allowed")]
    fn too_much_is_noticed() {
        within(4095, "a vector", || drop(black_box(Vec::<u8>::with_capacity(4096))));
    }
}
