//! Alliances drawn from a seed: counted, two-level, weighted by repetition, asymmetric.

use super::{Setting, counted};
use ally_byzantine::Stream;

/// The largest alliance.
const SERVERS_MAX: u64 = 31;
/// Policies that are tried before a counted one, which is always sound, is taken.
const TRIES: usize = 6;

impl Setting {
    /// The alliance of a seed: half of them counted, at the bound of the condition more often than
    /// not; the others drawn until one meets the conditions.
    pub fn drawn(seed: u64) -> Self {
        let draw = &mut Stream::new(seed, "policy");
        let kind = draw.below(6);
        for _ in 0..TRIES {
            let text = match kind {
                0 => two_level(draw),
                1 => weighted(draw),
                2 => asymmetric(draw),
                _ => break,
            };
            let drawn = Self { name: format!("drawn-{seed}"), unsound: false, text };
            if drawn.policy().is_ok() {
                return drawn;
            }
        }
        Self { name: format!("drawn-{seed}"), unsound: false, text: at_the_bound(draw) }
    }
}

/// n servers of which f may fail, two steps while t do: the fewest servers, or a few to spare.
fn at_the_bound(draw: &mut Stream) -> String {
    // Small ones are quick to run, and most of what can happen happens there.
    let f = match draw.below(10) {
        0..=4 => 1,
        5..=7 => 2,
        8 => 3,
        _ => draw.between(4, 9),
    };
    let t = draw.between(0, f);
    let servers = |t: u64| (3 * f + 2 * t).saturating_sub(1).max(3 * f + 1);
    let t = (0..=t).rev().find(|t| servers(*t) <= SERVERS_MAX).unwrap_or(0);
    let spare = if draw.percent(60) { 0 } else { draw.between(1, 2) };
    let n = (servers(t) + spare).min(SERVERS_MAX);
    counted((n - f) as usize, (n - t) as usize, n as usize)
}

/// Organisations of several servers, each with its own inner count.
fn two_level(draw: &mut Stream) -> String {
    let organisations = draw.between(4, 6);
    let inside = draw.between(1, 4);
    let inner = draw.between(inside.div_ceil(2), inside);
    let names: Vec<_> = (0..organisations).map(|index| format!("o{index}")).collect();
    let needed = organisations - u64::from(organisations < 8);
    let mut text = format!("decide = \"{needed} of ({})\"\n", names.join(", "));
    for name in names {
        text += &format!("{name} = \"{}\"\n", count_of(&name, inner, inside));
    }
    text
}

/// Some servers count twice or three times.
fn weighted(draw: &mut Stream) -> String {
    let servers = draw.between(5, 11);
    let mut parts = Vec::new();
    for server in 0..servers {
        let weight = if draw.percent(30) { draw.between(2, 3) } else { 1 };
        parts.extend((0..weight).map(|_| format!("s{server}")));
    }
    let total = parts.len() as u64;
    let needed = draw.between(total * 7 / 10, total - 1);
    format!("decide = \"{needed} of ({})\"\n", parts.join(", "))
}

/// Organisations that have nothing in common but their vote.
fn asymmetric(draw: &mut Stream) -> String {
    let organisations = draw.between(4, 6);
    let names: Vec<_> = (0..organisations).map(|index| format!("o{index}")).collect();
    let mut text = format!("decide = \"{} of ({})\"\n", organisations - 1, names.join(", "));
    for name in names {
        let inside = draw.between(1, 5);
        let rule = match draw.below(4) {
            0 => count_of(&name, inside, inside),
            1 => format!("{name}-head and {}", count_of(&name, inside.div_ceil(2), inside)),
            2 => count_of(&name, inside / 2 + 1, inside),
            _ => count_of(&name, inside - inside / 4, inside),
        };
        text += &format!("{name} = \"{rule}\"\n");
    }
    text
}

fn count_of(name: &str, needed: u64, of: u64) -> String {
    let servers: Vec<_> = (0..of).map(|index| format!("{name}-{index}")).collect();
    format!("{needed} of ({})", servers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_alliances_are_sound_and_of_every_kind() {
        let (mut sizes, mut slow, mut nested, mut weighted) = ((31, 0), 0, 0, 0);
        const DRAWN: u64 = 300;
        for seed in 0..DRAWN {
            let setting = Setting::drawn(seed);
            let policy = setting.policy().expect("it is sound");
            let servers = policy.server_count();
            assert!((4..=31).contains(&servers), "{setting:?}");
            assert_eq!(setting, Setting::drawn(seed));
            sizes = (sizes.0.min(servers), sizes.1.max(servers));
            slow += u64::from(policy.has_slow_path());
            nested += u64::from(policy.organisations().len() < servers);
            weighted +=
                u64::from(setting.text.contains("s0, s0") || setting.text.contains("s1, s1"));
        }
        assert!(sizes.0 == 4 && sizes.1 >= 25, "{sizes:?}");
        assert!(slow > DRAWN / 20 && slow < DRAWN, "{slow} have a slow path");
        assert!(nested > DRAWN / 10 && weighted > DRAWN / 100, "{nested} {weighted}");
    }
}
