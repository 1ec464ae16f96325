//! What happens next: events in the order of virtual time.

use ally_consensus::Micros;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events by time; those of one instant come out in the order they were put in.
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    now: Micros,
    added: u64,
}

struct Entry<E> {
    at: Micros,
    order: u64,
    event: E,
}

impl<E> Queue<E> {
    /// No events, at time 0.
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), now: Micros::ZERO, added: 0 }
    }

    /// The time of the last event taken out.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Whether nothing more is to happen.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Adds an event `delay` from now.
    pub fn after(&mut self, delay: u64, event: E) {
        self.at(Micros(self.now.0.saturating_add(delay)), event);
    }

    /// Adds an event at a time; at once if that has passed.
    pub fn at(&mut self, at: Micros, event: E) {
        self.heap.push(Reverse(Entry { at: at.max(self.now), order: self.added, event }));
        self.added += 1;
    }

    /// Takes out the next event and moves the time on to it.
    pub fn pop(&mut self) -> Option<E> {
        let Reverse(entry) = self.heap.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
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
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
