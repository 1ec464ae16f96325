//! Alliances drawn from a seed: counted, two-level, weighted by repetition, asymmetric.

use super::Setting;
use super::draft::{Draft, is_sound};
use ally_byzantine::Stream;

/// The largest alliance.
const SERVERS_MAX: u64 = 31;
/// Policies that are tried before a counted one, which is always sound, is taken.
const TRIES: usize = 6;

impl Setting {
    /// The alliance of a seed: half of them counted, at the bound of the condition more often than
    /// not; the others drawn until one meets the conditions, and half of these moved to the bound of
    /// their root.
    pub fn drawn(seed: u64) -> Self {
        let draft = draft(&mut Stream::new(seed, "policy"));
        // A stream of its own: what is drawn before does not depend on what can be had at the edges.
        let text = draft.at_the_edges(&mut Stream::new(seed, "policy edges"));
        Self { name: format!("drawn-{seed}"), unsound: false, text }
    }
}

fn draft(draw: &mut Stream) -> Draft {
    let kind = draw.below(6);
    for _ in 0..TRIES {
        let draft = match kind {
            0 => two_level(draw),
            1 => weighted(draw),
            2 => asymmetric(draw),
            _ => break,
        };
        if is_sound(&draft.text()) {
            return draft;
        }
    }
    at_the_bound(draw)
}

/// n servers of which f may fail, two steps while t do: the fewest servers, or a few to spare.
fn at_the_bound(draw: &mut Stream) -> Draft {
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
    let parts = (0..n).map(|index| format!("s{index}")).collect();
    Draft { needed: n - f, fast: Some(n - t), parts, rules: String::new() }
}

/// Organisations of several servers, each with its own inner count.
fn two_level(draw: &mut Stream) -> Draft {
    let organisations = draw.between(4, 6);
    let inside = draw.between(1, 4);
    let inner = draw.between(inside.div_ceil(2), inside);
    let parts: Vec<_> = (0..organisations).map(|index| format!("o{index}")).collect();
    let needed = organisations - u64::from(organisations < 8);
    let rule = |name: &String| format!("{name} = \"{}\"\n", count_of(name, inner, inside));
    let rules = parts.iter().map(rule).collect();
    Draft { needed, fast: None, parts, rules }
}

/// Some servers count twice or three times.
fn weighted(draw: &mut Stream) -> Draft {
    let servers = draw.between(5, 11);
    let mut parts = Vec::new();
    for server in 0..servers {
        let weight = if draw.percent(30) { draw.between(2, 3) } else { 1 };
        parts.extend((0..weight).map(|_| format!("s{server}")));
    }
    let total = parts.len() as u64;
    let needed = draw.between(total * 7 / 10, total - 1);
    Draft { needed, fast: None, parts, rules: String::new() }
}

/// Organisations that have nothing in common but their vote.
fn asymmetric(draw: &mut Stream) -> Draft {
    let organisations = draw.between(4, 6);
    let parts: Vec<_> = (0..organisations).map(|index| format!("o{index}")).collect();
    let mut rules = String::new();
    for name in &parts {
        let inside = draw.between(1, 5);
        let rule = match draw.below(4) {
            0 => count_of(name, inside, inside),
            1 => format!("{name}-head and {}", count_of(name, inside.div_ceil(2), inside)),
            2 => count_of(name, inside / 2 + 1, inside),
            _ => count_of(name, inside - inside / 4, inside),
        };
        rules += &format!("{name} = \"{rule}\"\n");
    }
    Draft { needed: organisations - 1, fast: None, parts, rules }
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
        assert_eq!(sizes, (4, 31));
        assert!(slow > DRAWN / 20 && slow < DRAWN, "{slow} have a slow path");
        assert!(nested > DRAWN / 10 && weighted > DRAWN / 100, "{nested} {weighted}");
    }
}
