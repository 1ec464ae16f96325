//! Draws scripts for servers with two faces.

use super::super::{Camps, Twins};
use ally_byzantine::Stream;
use ally_policy::{ServerSet, TrustPolicy};

/// In so many runs of a hundred the liars are twins.
const PERCENT: u64 = 12;
/// In so many steps of a hundred those who hear one face do not hear those who hear the other.
const APART_PERCENT: u64 = 50;

/// Twins and their script until `end`, in some runs.
pub(super) fn twins(
    seed: u64,
    policy: &TrustPolicy,
    coalition: &ServerSet,
    end: u64,
) -> Option<Twins> {
    let draw = &mut Stream::new(seed, "twins");
    if coalition.is_empty() || !draw.percent(PERCENT) {
        return None;
    }
    let apart = &mut Stream::new(seed, "twins apart");
    let honest = policy.everybody().difference(coalition);
    let steps = draw.between(1, 6);
    let mut script: Vec<Camps> = (0..steps)
        .map(|step| {
            let (mut first, mut second) = (ServerSet::EMPTY, ServerSet::EMPTY);
            for server in honest.iter() {
                let camp = draw.below(20);
                if !(8..17).contains(&camp) {
                    first.insert(server);
                }
                if (8..19).contains(&camp) {
                    second.insert(server);
                }
            }
            let at = if step == 0 { 0 } else { draw.below(end) };
            Camps { at, first, second, apart: apart.percent(APART_PERCENT) }
        })
        .collect();
    script.sort_by_key(|camps| camps.at);
    // Calling the copies the other way round in all steps changes nothing.
    if let Some(camps) = script.first().copied()
        && camps.reduced() != camps
    {
        for camps in &mut script {
            std::mem::swap(&mut camps.first, &mut camps.second);
        }
    }
    Some(Twins { members: *coalition, script })
}
