//! Room for connections that have not yet proved who they are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections that have not yet proved who they are, or not yet got their place: so many
/// in all, and so many from one address, so that one stranger does not take all the room.
pub(crate) struct HalfOpen {
    all_max: usize,
    each_max: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One of them; dropping it frees its place.
pub(crate) struct Place {
    address: IpAddr,
    half_open: Arc<HalfOpen>,
}

impl HalfOpen {
    pub(crate) fn new(all_max: usize, each_max: usize) -> Self {
        Self { all_max, each_max, by_address: Mutex::default() }
    }

    /// A place for a connection from `address`; `None` if there is no room for it.
    pub(crate) fn enter(half_open: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut by_address = half_open.lock();
        let all: usize = by_address.values().sum();
        let from_there = by_address.get(&address).copied().unwrap_or(0);
        if all >= half_open.all_max || from_there >= half_open.each_max {
            return None;
        }
        by_address.insert(address, from_there + 1);
        Some(Place { address, half_open: half_open.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Where the connection comes from.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.half_open.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_all_the_room() {
        let half_open = Arc::new(HalfOpen::new(3, 2));
        let [one, two, three] = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
        let places: Vec<_> = (0..4).filter_map(|_| HalfOpen::enter(&half_open, one)).collect();
        assert_eq!(places.len(), 2);
        let other = HalfOpen::enter(&half_open, two).expect("room for another");
        assert_eq!(other.address(), two);
        assert!(HalfOpen::enter(&half_open, three).is_none(), "no room for anybody");
        drop(places);
        assert!(HalfOpen::enter(&half_open, three).is_some());
        drop(other);
        assert!(half_open.lock().is_empty());
    }
}
