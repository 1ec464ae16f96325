//! A map for keys that come in ascending order.

use std::collections::VecDeque;

/// A map of the `MAX` highest keys that were put in, for keys that begin with what only grows in a
/// run: a height, a view, a number.
///
/// Nearly every key is higher than all before it: it goes to the end, is looked for from the end, and
/// pushes out the first.
#[derive(Debug, Clone)]
pub(crate) struct Ascending<K, V, const MAX: usize> {
    /// Ascending.
    entries: VecDeque<(K, V)>,
}

impl<K, V, const MAX: usize> Default for Ascending<K, V, MAX> {
    fn default() -> Self {
        Self { entries: VecDeque::new() }
    }
}

impl<K: Ord, V, const MAX: usize> Ascending<K, V, MAX> {
    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let place = self.place(key).ok()?;
        self.entries.get(place).map(|(_, value)| value)
    }

    /// The value of the highest key at or below one, and that key.
    pub(crate) fn at_or_below(&self, key: &K) -> Option<&(K, V)> {
        let after = self.place(key).map_or_else(|place| place, |place| place + 1);
        self.entries.get(after.checked_sub(1)?)
    }

    /// The value of the highest key.
    pub(crate) fn last(&self) -> Option<&V> {
        self.entries.back().map(|(_, value)| value)
    }

    /// All values, by ascending key.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Whether a key is there.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// Sets the value of a key; gives the one that it had.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.entries[place].1, value)),
            Err(place) => {
                self.put(place, key, value);
                None
            }
        }
    }

    /// Sets the value of a key that has none.
    pub(crate) fn or_insert(&mut self, key: K, value: V) {
        if let Err(place) = self.place(&key) {
            self.put(place, key, value);
        }
    }

    fn put(&mut self, place: usize, key: K, value: V) {
        self.entries.insert(place, (key, value));
        if self.entries.len() > MAX {
            self.entries.pop_front();
        }
    }

    /// Where a key is, or belongs. Steps of doubling width from the end, then halves between the last
    /// two.
    fn place(&self, key: &K) -> Result<usize, usize> {
        let (mut high, mut step) = (self.entries.len(), 1);
        let mut low = high.saturating_sub(step);
        while low > 0 && self.entries[low].0 > *key {
            high = low;
            step *= 2;
            low = low.saturating_sub(step);
        }
        while low < high {
            let middle = low.midpoint(high);
            match self.entries[middle].0.cmp(key) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_is_a_sorted_map_that_forgets_the_lowest() {
        let (mut map, mut model) = (Ascending::<u64, u64, 7>::default(), BTreeMap::new());
        // Upwards, with steps back of all widths.
        for turn in 0..200 {
            let key = turn / 2 + turn * 7 % 11;
            if turn % 3 == 0 {
                map.or_insert(key, turn);
                model.entry(key).or_insert(turn);
            } else {
                assert_eq!(map.insert(key, turn), model.insert(key, turn), "turn {turn}");
            }
            if model.len() > 7 {
                model.pop_first();
            }
            for key in 0..120 {
                assert_eq!(map.get(&key), model.get(&key), "turn {turn}, key {key}");
                assert_eq!(map.contains(&key), model.contains_key(&key));
                let below = model.range(..=key).next_back().map(|(key, value)| (*key, *value));
                assert_eq!(map.at_or_below(&key).copied(), below);
            }
            assert!(map.values().eq(model.values()));
            assert_eq!(map.last(), model.values().next_back());
        }
        assert!(model.len() == 7 && *model.first_key_value().unwrap().0 > 80);
    }
}
