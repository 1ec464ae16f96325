//! Who does not hear whom for a while.

use super::servers;
use ally_policy::{ServerSet, TrustPolicy};
use serde::{Deserialize, Serialize};

/// A time in which some servers do not hear some others. One-way as it stands; a partition with a
/// server that hears both sides, an organisation cut off, and an eclipse are a few of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// When it begins, µs.
    pub from: u64,
    /// When it ends, µs.
    pub to: u64,
    /// What these say...
    #[serde(with = "servers")]
    pub speakers: ServerSet,
    /// ...does not reach these.
    #[serde(with = "servers")]
    pub hearers: ServerSet,
    /// What becomes of it.
    pub manner: Manner,
}

/// What becomes of messages on a link that is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// They are lost, and nobody is told: the link seems to stand.
    Lost,
    /// They are lost, and both ends are told that the link is down and later up again.
    Noticed,
    /// The link is clogged: it keeps them all and lets them go when the cut ends.
    Held,
}

impl Cut {
    /// The other direction of it.
    pub fn reversed(self) -> Self {
        Self { speakers: self.hearers, hearers: self.speakers, ..self }
    }

    /// What it comes to, among all cuts of a run: the name under which its effects are counted.
    pub(crate) fn shape(&self, all: &[Self], policy: &TrustPolicy) -> &'static str {
        let everybody = policy.everybody();
        if !all.contains(&self.reversed()) {
            let alone = self.speakers.len() == 1 && self.hearers == everybody;
            return if alone { "cut: nobody hears one" } else { "cut: one way" };
        }
        let sides = [self.speakers, self.hearers];
        let parts = self.speakers.union(&self.hearers);
        let organisation = |side: &ServerSet| {
            let own = |it: &ally_policy::Organisation| it.servers().iter().copied().collect();
            side.len() > 1 && policy.organisations().iter().any(|it| *side == own(it))
        };
        // One server hears nobody, or one other.
        let left_out = everybody.len() - parts.len();
        if sides.iter().any(|side| side.len() == 1) && left_out <= 1 {
            "cut: eclipse"
        } else if parts == everybody && sides.iter().any(organisation) {
            "cut: an organisation"
        } else if left_out > 0 {
            "cut: sides with bridges"
        } else {
            "cut: sides"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;
    use ally_policy::ServerIndex;

    #[test]
    fn each_shape_has_its_name() {
        let policy = Setting::named("two-level").and_then(|it| it.policy().ok()).expect("a policy");
        let set = |servers: &[u16]| servers.iter().copied().map(ServerIndex).collect::<ServerSet>();
        let all = policy.everybody();
        let without = |gone: ServerSet| all.difference(&gone);
        let cases = [
            (set(&[0]), all, false, "cut: nobody hears one"),
            (set(&[0, 1]), set(&[2]), false, "cut: one way"),
            (set(&[4]), without(set(&[4])), true, "cut: eclipse"),
            (set(&[4]), without(set(&[4, 7])), true, "cut: eclipse"),
            (set(&[3, 4, 5]), without(set(&[3, 4, 5])), true, "cut: an organisation"),
            (set(&[2, 3]), without(set(&[2, 3])), true, "cut: sides"),
            (set(&[2, 3]), without(set(&[2, 3, 7])), true, "cut: sides with bridges"),
        ];
        for (speakers, hearers, both, shape) in cases {
            let cut = Cut { from: 0, to: 1, speakers, hearers, manner: Manner::Lost };
            let cuts = if both { vec![cut, cut.reversed()] } else { vec![cut] };
            for cut in &cuts {
                assert_eq!(cut.shape(&cuts, &policy), shape, "{cut:?}");
            }
        }
    }
}
