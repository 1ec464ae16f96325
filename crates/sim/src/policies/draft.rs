//! A policy that is still being drawn: what its root counts, and how far that may go.

use super::Setting;
use ally_byzantine::Stream;

/// So many drafts of a hundred whose root is not at its bound are moved there.
const BOUND_PERCENT: u64 = 50;
/// In one policy of so many `certify` is written, and is as weak as it may be; in another as strong.
const ONE_IN_CERTIFY: u64 = 6;
/// In one policy of so many that lack it `fast` is written.
const ONE_IN_FAST: u64 = 4;

/// `needed` of the parts, which may have rules of their own.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// How many parts decide.
    pub(super) needed: u64,
    /// How many decide in two steps, if that is written.
    pub(super) fast: Option<u64>,
    /// Servers and organisations, some of them perhaps several times.
    pub(super) parts: Vec<String>,
    /// The organisations' formulas, a line each.
    pub(super) rules: String,
}

impl Draft {
    /// The policy file.
    pub(super) fn text(&self) -> String {
        let fast = self.fast.map(|fast| self.formula("fast", fast)).unwrap_or_default();
        format!("{}{fast}{}", self.formula("decide", self.needed), self.rules)
    }

    /// The same alliance at some of the edges of what its conditions allow: a smaller count at the root,
    /// the weakest or strongest `certify`, any `fast` that is sound.
    pub(super) fn at_the_edges(mut self, draw: &mut Stream) -> String {
        if self.fast.is_none() && draw.percent(BOUND_PERCENT) {
            self.needed = self.weakest_root();
        }
        let certify = draw.below(ONE_IN_CERTIFY);
        let write_fast = draw.below(ONE_IN_FAST) == 0;
        if self.fast.is_none() && write_fast {
            self.fast = draw.pick(&self.sound_counts("fast")).copied();
        }
        let counts = if certify < 2 { self.sound_counts("certify") } else { Vec::new() };
        let count = if certify == 0 { counts.first() } else { counts.last() };
        let certify = count.map(|count| self.formula("certify", *count)).unwrap_or_default();
        self.text() + &certify
    }

    /// The least that the root may count to.
    fn weakest_root(&self) -> u64 {
        let with = |needed| Self { needed, ..self.clone() };
        let sound = |needed: &u64| is_sound(&with(*needed).text());
        (1..self.needed).rev().take_while(sound).last().unwrap_or(self.needed)
    }

    /// What another formula over the same parts may count to.
    fn sound_counts(&self, key: &str) -> Vec<u64> {
        let text = self.text();
        let sound = |count: &u64| is_sound(&(text.clone() + &self.formula(key, *count)));
        (1..=self.parts.len() as u64).filter(sound).collect()
    }

    fn formula(&self, key: &str, needed: u64) -> String {
        format!("{key} = \"{needed} of ({})\"\n", self.parts.join(", "))
    }
}

/// Whether a policy meets its conditions.
pub(super) fn is_sound(text: &str) -> bool {
    let setting = Setting { name: "draft".to_owned(), unsound: false, text: text.to_owned() };
    setting.policy().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number that a formula of a policy counts to.
    fn count(text: &str, key: &str) -> Option<u64> {
        let line = text.lines().find(|line| line.starts_with(&format!("{key} = ")))?;
        line.split(['"', ' ']).find_map(|word| word.parse().ok())
    }

    /// Whether a policy is sound no more if one of its formulas counts to `by` more.
    fn ends(text: &str, key: &str, by: i64) -> bool {
        let Some(count) = count(text, key) else { return false };
        let other = count.saturating_add_signed(by);
        let moved =
            text.replacen(&format!("{key} = \"{count} of"), &format!("{key} = \"{other} of"), 1);
        moved != text && !is_sound(&moved)
    }

    #[test]
    fn every_edge_is_drawn() {
        let (mut root, mut weak, mut strong, mut fast) = (0, 0, 0, 0);
        const DRAWN: u64 = 240;
        for seed in 0..DRAWN {
            let text = Setting::drawn(seed).text;
            let given = count(&text, "fast").is_some();
            let counted =
                text.starts_with("decide") && !text.contains("o0") && !text.contains("s0, s0");
            root += u32::from(!counted && !given && ends(&text, "decide", -1));
            weak += u32::from(ends(&text, "certify", -1));
            strong += u32::from(ends(&text, "certify", 1));
            fast += u32::from(given && !counted);
        }
        let all = [root, weak, strong, fast];
        assert!(all.iter().all(|count| *count > 4), "{all:?} of {DRAWN}");
    }
}
