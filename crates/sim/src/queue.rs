//! What happens next: events in the order of virtual time.

use ally_consensus::Micros;
use std::collections::VecDeque;

/// Bits of a time.
const BITS: usize = u64::BITS as usize;

/// Events by time; those of one instant come out in the order they were put in.
///
/// A radix heap, which is quick because time never goes back. Events lie in heaps by the highest bit
/// in which their time differs from now; the lowest heap that is not empty holds the next ones. When
/// time comes to them, they differ from now in lower bits only, and go to lower heaps. Those of one
/// instant are always in one heap, in order.
///
/// # Source
/// Ahuja, Mehlhorn, Orlin, Tarjan, Faster Algorithms for the Shortest Path Problem, JACM 1990.
pub struct Queue<E> {
    /// Those whose time has come.
    due: VecDeque<E>,
    heaps: [Vec<(Micros, E)>; BITS],
    /// A bit for each heap that is not empty.
    filled: u64,
    now: Micros,
}

impl<E> Queue<E> {
    /// No events, at time 0.
    pub fn new() -> Self {
        let heaps = [const { Vec::new() }; BITS];
        Self { due: VecDeque::new(), heaps, filled: 0, now: Micros::ZERO }
    }

    /// The time of the last event taken out.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Whether nothing more is to happen.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.filled == 0
    }

    /// Adds an event `delay` from now.
    pub fn after(&mut self, delay: u64, event: E) {
        self.at(Micros(self.now.0.saturating_add(delay)), event);
    }

    /// Adds an event at a time; at once if that has passed.
    pub fn at(&mut self, at: Micros, event: E) {
        let at = at.max(self.now);
        match (at.0 ^ self.now.0).checked_ilog2() {
            None => self.due.push_back(event),
            Some(bit) => {
                self.filled |= 1 << bit;
                self.heaps[bit as usize].push((at, event));
            }
        }
    }

    /// Takes out the next event and moves the time on to it.
    pub fn pop(&mut self) -> Option<E> {
        if let Some(event) = self.due.pop_front() {
            return Some(event);
        }
        let lowest = self.filled.trailing_zeros() as usize;
        let heap = self.heaps.get_mut(lowest)?;
        self.filled &= !(1 << lowest);
        if heap.len() == 1 {
            let (at, event) = heap.pop()?;
            self.now = at;
            return Some(event);
        }
        self.spread(lowest);
        self.due.pop_front()
    }

    /// Moves the time on to the first events of a heap, and the others to lower heaps.
    fn spread(&mut self, heap: usize) {
        let mut events = std::mem::take(&mut self.heaps[heap]);
        self.now = events.iter().map(|(at, _)| *at).min().unwrap_or(self.now);
        for (at, event) in events.drain(..) {
            self.at(at, event);
        }
        // Nothing came back to it; its room is kept.
        self.heaps[heap] = events;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_those_of_one_instant_as_they_were_put_in() {
        let mut queue = Queue::new();
        for (at, event) in [(7, "planned late"), (5, "planned"), (5, "planned too"), (9, "last")] {
            queue.at(Micros(at), event);
        }
        assert_eq!(queue.pop(), Some("planned"));
        queue.after(2, "added late");
        queue.at(Micros(0), "added for a time that has passed");
        queue.after(1, "added");
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let expected = [
            "planned too",
            "added for a time that has passed",
            "added",
            "planned late",
            "added late",
            "last",
        ];
        assert_eq!(order, expected);
        assert!(queue.is_empty());
        assert_eq!(queue.now(), Micros(9));
    }

    #[test]
    fn it_keeps_the_order_of_any_plan() {
        let (mut queue, mut model) = (Queue::new(), Vec::new());
        let mut word = 1_u64;
        for number in 0..20_000_u64 {
            word = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (word >> 31);
            // Delays of all lengths, many of them equal.
            let at = Micros(queue.now().0 + (word >> (40 + word % 23)));
            queue.at(at, number);
            model.push((at, number));
            if word.is_multiple_of(3) || number > 10_000 {
                let first = model.iter().min().copied().expect("one was put in");
                model.retain(|entry| *entry != first);
                assert_eq!((queue.pop(), queue.now()), (Some(first.1), first.0));
            }
        }
    }
}
