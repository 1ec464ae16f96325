//! What runs came to, in the same words for one as for many.

use crate::output::table;
use crate::statistics::duration;
use ally_sim::Total;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most virtual time that is told in seconds, and in minutes.
const SECONDS_MAX: u64 = 120;
const MINUTES_MAX: u64 = 120;

/// For programs: `own` fields first, then those that all answers about runs have.
pub fn json(own: Value, total: &Total, cpu: Duration, took: Duration) -> Value {
    let [two, three, certificate] = total.paths;
    let percent = |permille| total.promptness.percent(permille);
    let figures = json!({
        "runs": total.runs,
        "blocks": total.blocks,
        "views": total.views,
        "decisions": { "two_steps": two, "three_steps": three, "certificate": certificate },
        "events": total.events,
        "virtual_hours": total.time as f64 / 3.6e9,
        "cpu_seconds": cpu.as_secs_f64(),
        "seconds": took.as_secs_f64(),
        "happened": total.happened.iter().collect::<BTreeMap<_, _>>(),
        "percent_of_bound": {
            "median": percent(500), "p99": percent(990), "most": percent(1_000),
        },
        "slowest": total.slowest.as_ref().map(|slowest| json!({
            "seed": slowest.seed, "policy": slowest.policy, "style": slowest.style.to_string(),
        })),
        "trace_hash": format!("{:016x}", total.trace_hash),
    });
    let fields = [own, figures].into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect::<Map<_, _>>())
}

/// For people: a line each.
pub fn lines(total: &Total, cpu: Duration) -> Vec<String> {
    let [two, three, certificate] = total.paths;
    let [half, most, all] = [500, 990, 1_000].map(|permille| total.promptness.percent(permille));
    vec![
        format!("blocks      {}", total.blocks),
        format!("views left  {}", total.views),
        format!("decisions   in two steps {two}, in three {three}, by certificate {certificate}"),
        format!("events      {}", total.events),
        format!(
            "time        {} of virtual time, {} of processor time",
            virtual_time(total.time),
            duration(cpu)
        ),
        match &total.slowest {
            Some(slowest) if total.runs > 1 => format!(
                "settled     within {half} % of the bound (half of them), {most} % (99 of 100), {all} % (all; \
                 most: seed {}, policy {}, {})",
                slowest.seed, slowest.policy, slowest.style
            ),
            _ => format!("settled     within {all} % of the bound"),
        },
        format!("trace       {:016x}", total.trace_hash),
    ]
}

/// How often each fault and lie did something.
pub fn happened(total: &Total) -> String {
    let row = |(what, count): (&'static str, u64)| [what.to_owned(), count.to_string()];
    table(["HAPPENED", "TIMES"], total.happened.iter().map(row))
}

/// Virtual µs in the unit that suits them.
fn virtual_time(micros: u64) -> String {
    let time = Duration::from_micros(micros);
    match time.as_secs() {
        seconds if seconds < SECONDS_MAX => duration(time),
        seconds if seconds < 60 * MINUTES_MAX => format!("{:.1} minutes", seconds as f64 / 60.0),
        seconds => format!("{:.1} hours", seconds as f64 / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_virtual_time_is_not_nothing() {
        let told = [900_000, 90_000_000, 600_000_000, 90_000_000_000].map(virtual_time);
        assert_eq!(told, ["900 ms", "90.0 s", "10.0 minutes", "25.0 hours"]);
    }

    #[test]
    fn one_run_and_many_are_told_in_the_same_fields() {
        let of = |own| json(own, &Total::default(), Duration::ZERO, Duration::ZERO);
        let (one, many) = (of(json!({ "seed": 1 })), of(json!({ "first_seed": 1 })));
        let names = |value: &Value| {
            let fields = value.as_object().expect("an object").keys().cloned();
            fields.filter(|name| !name.ends_with("seed")).collect::<Vec<_>>()
        };
        assert_eq!(names(&one), names(&many));
        assert_eq!(names(&one).len(), 12);
    }
}
