//! Which block is certified next, and by whom.

use ally_consensus::Height;
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};

/// The height to certify when blocks above `certified` up to `decided` are not: of these the one
/// divisible by the largest power of two. None if there are none.
///
/// Servers decide at slightly different moments, yet have to sign the same block. The number on top
/// of a ruler's mark is the same for all ranges that differ a little at their upper end, and in an
/// idle alliance the walk reaches the newest block after a few steps: (96, 107] gives 104, then
/// (104, 107] gives 106, then 107. A single new block is certified at once.
///
/// # Source
/// Ours: it needs no messages and no coordinator.
pub(super) fn target(certified: Height, decided: Height) -> Option<Height> {
    if decided <= certified {
        return None;
    }
    // The bits above the highest one in which the two differ are common; that bit is set in
    // `decided`, and with all below it cleared the number is still above `certified`.
    let differing = 63 - (certified.0 ^ decided.0).leading_zeros();
    Some(Height(decided.0 >> differing << differing))
}

/// The servers that give their shares at once on the block after `certified`: from that height's own
/// server on, around the table, until they are a certify set. The first of them combines.
///
/// The turn goes by what is certified and not by what will be: servers that begin with different
/// blocks agree on it, and so come together. Which server is a height's own is spread evenly over the
/// heights that [`target`] picks, so that all do the same work. Servers that are not `present` are
/// passed over; if those left are no certify set, all of them are preferred.
///
/// Servers may differ in who is present: then a few shares more are given, or some come late.
pub(super) fn preferred(
    policy: &TrustPolicy,
    certified: Height,
    present: &ServerSet,
) -> (ServerSet, Option<ServerIndex>) {
    let servers = policy.server_count() as u64;
    let (mut set, mut first) = (ServerSet::EMPTY, None);
    let own = spread(certified) % servers;
    for step in 0..servers {
        let server = ServerIndex(((own + step) % servers) as u16);
        if !present.contains(server) {
            continue;
        }
        set.insert(server);
        first = first.or(Some(server));
        if policy.is_certify_set(&set) {
            break;
        }
    }
    (set, first)
}

/// Numbers without the pattern in the last bits that [`target`] makes.
///
/// # Source
/// SplitMix64: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
fn spread(height: Height) -> u64 {
    let mixed = height.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_policy::FaultModel;

    #[test]
    fn the_target_is_the_roundest_height_in_the_range() {
        for certified in 0..70u64 {
            for decided in certified + 1..140 {
                let expected = (certified + 1..=decided).max_by_key(|h| h.trailing_zeros());
                let found = target(Height(certified), Height(decided)).map(|height| height.0);
                assert_eq!(found, expected, "({certified}, {decided}]");
            }
        }
        assert_eq!(target(Height(5), Height(5)), None);
        assert_eq!(target(Height(6), Height(5)), None);
    }

    #[test]
    fn the_walk_reaches_the_newest_block_in_a_few_steps() {
        let (mut certified, mut steps) = (Height(96), 0);
        while let Some(next) = target(certified, Height(1000)) {
            (certified, steps) = (next, steps + 1);
        }
        assert_eq!(certified, Height(1000));
        assert!(steps <= 10);
    }

    #[test]
    fn preferred_servers_are_enough_and_are_there() {
        let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
        let everybody = policy.everybody();
        for height in 0..64 {
            let (set, first) = preferred(&policy, Height(height), &everybody);
            let first = first.unwrap();
            assert!(set.contains(first) && policy.is_certify_set(&set));
            assert_eq!(set.len(), 2);
            let mut present = everybody;
            present.remove(first);
            let (set, next) = preferred(&policy, Height(height), &present);
            assert_eq!(next, Some(ServerIndex((first.0 + 1) % 4)));
            assert!(set.is_subset(&present) && policy.is_certify_set(&set));
        }
    }

    #[test]
    fn every_server_is_first_as_often_whatever_heights_are_certified() {
        let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
        let everybody = policy.everybody();
        for stride in [1, 2, 4, 8, 16, 64] {
            let mut turns = [0; 4];
            for height in (1..=400).map(|step| Height(step * stride)) {
                let (_, first) = preferred(&policy, height, &everybody);
                turns[first.unwrap().index()] += 1;
            }
            assert!(turns.iter().all(|turns| (70..=130).contains(turns)), "{stride}: {turns:?}");
        }
    }
}
