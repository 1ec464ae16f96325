//! What happens next: events in the order of virtual time.

use ally_consensus::Micros;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Events by time; those of one instant come out in the order they were put in.
///
/// What is put in before the first comes out, a run's plan, is kept apart and sorted once: it would
/// only make the heap of what is under way deep.
pub struct Queue<E> {
    planned: VecDeque<Entry<E>>,
    begun: bool,
    heap: BinaryHeap<Reverse<Entry<E>>>,
    now: Micros,
    added: u64,
}

struct Entry<E> {
    /// Time and order as one number, which compares faster than two.
    place: u128,
    event: E,
}

impl<E> Entry<E> {
    fn new(at: Micros, order: u64, event: E) -> Self {
        Self { place: u128::from(at.0) << 64 | u128::from(order), event }
    }

    fn at(&self) -> Micros {
        Micros((self.place >> 64) as u64)
    }
}

impl<E> Queue<E> {
    /// No events, at time 0.
    pub fn new() -> Self {
        Self {
            planned: VecDeque::new(),
            begun: false,
            heap: BinaryHeap::new(),
            now: Micros::ZERO,
            added: 0,
        }
    }

    /// The time of the last event taken out.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Whether nothing more is to happen.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty() && self.planned.is_empty()
    }

    /// Adds an event `delay` from now.
    pub fn after(&mut self, delay: u64, event: E) {
        self.at(Micros(self.now.0.saturating_add(delay)), event);
    }

    /// Adds an event at a time; at once if that has passed.
    pub fn at(&mut self, at: Micros, event: E) {
        let entry = Entry::new(at.max(self.now), self.added, event);
        self.added += 1;
        match self.begun {
            true => self.heap.push(Reverse(entry)),
            false => self.planned.push_back(entry),
        }
    }

    /// Takes out the next event and moves the time on to it.
    pub fn pop(&mut self) -> Option<E> {
        if !std::mem::replace(&mut self.begun, true) {
            self.planned.make_contiguous().sort_unstable();
        }
        let first = match (self.planned.front(), self.heap.peek()) {
            (Some(planned), Some(Reverse(other))) if planned > other => None,
            _ => self.planned.pop_front(),
        };
        let entry = first.or_else(|| self.heap.pop().map(|Reverse(entry)| entry))?;
        self.now = entry.at();
        Some(entry.event)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
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
}
