//! The faults of a scenario that last: what each server had to live with, and when.

use crate::scenario::{ClockFault, Cut, CutManner, DiskFault, Scenario, Trouble};
use ally_policy::ServerSet;
use serde_json::{Value, json};

/// A time in which something is wrong with one server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    /// With whom.
    server: u16,
    /// From when, µs.
    from: u64,
    /// Until when, µs.
    to: u64,
    /// What kind of thing, for its colour.
    kind: &'static str,
    /// What, in a few words.
    what: String,
}

/// What the page draws along the servers' lines, beside crashes (which are entries of the trace) and
/// partitions (which are boxes around all who share a side).
pub(super) fn of(scenario: &Scenario) -> Vec<Value> {
    let names: Vec<String> = scenario.servers().into_iter().map(|server| server.name).collect();
    let mut spans: Vec<Span> =
        scenario.network.cuts.iter().flat_map(|cut| deaf(cut, &names)).collect();
    spans.extend(scenario.pauses.iter().map(|pause| Span {
        server: pause.server,
        from: pause.at,
        to: pause.until,
        kind: "pause",
        what: "stands still".to_owned(),
    }));
    spans.extend(scenario.disk_faults.iter().map(disk));
    spans.extend(scenario.clocks.faults.iter().map(clock));
    if let Some(set_back) = scenario.clocks.set_back {
        spans.extend((0..names.len()).map(|server| Span {
            server: server as u16,
            from: set_back.at,
            to: u64::MAX,
            kind: "clock",
            what: format!("clock set back by {} ms", set_back.by / 1_000),
        }));
    }
    spans.sort_by_key(|span| (span.server, span.from, span.to, span.kind));
    spans.into_iter().map(|span| drawn(&span)).collect()
}

fn drawn(span: &Span) -> Value {
    json!({
        "server": span.server, "from": span.from, "to": span.to, "kind": span.kind, "what": span.what,
    })
}

/// A cut is drawn where it is felt: with those who do not hear.
fn deaf(cut: &Cut, names: &[String]) -> Vec<Span> {
    let how = match cut.manner {
        CutManner::Lost => "",
        CutManner::Noticed => ", and both ends know",
        CutManner::Held => " until the link lets go",
    };
    let span = |server: ally_policy::ServerIndex| {
        let others = cut.speakers.difference(&ServerSet::from_iter([server]));
        let whom = match others.len() + 1 >= names.len() {
            true => "anybody".to_owned(),
            false => listed(others, names),
        };
        let what = format!("does not hear {whom}{how}");
        Span { server: server.0, from: cut.from, to: cut.to, kind: "cut", what }
    };
    cut.hearers
        .iter()
        .filter(|hearer| cut.speakers.len() > usize::from(cut.speakers.contains(*hearer)))
        .map(span)
        .collect()
}

fn listed(servers: ServerSet, names: &[String]) -> String {
    let named = servers.iter().filter_map(|server| names.get(server.index()).map(String::as_str));
    named.collect::<Vec<_>>().join(", ")
}

fn disk(fault: &DiskFault) -> Span {
    let what = match fault.trouble {
        Trouble::SyncError => "a sync fails".to_owned(),
        Trouble::Full => "disk full".to_owned(),
        Trouble::Slow(times) => format!("disk {times} times slower"),
        Trouble::Rot => "disk damaged: away for good".to_owned(),
        Trouble::RolledBack(to) => format!("disk rolled back to {} ms: a liar", to / 1_000),
    };
    let to = if fault.trouble == Trouble::Rot { u64::MAX } else { fault.back };
    Span { server: fault.server, from: fault.at, to, kind: "storage", what }
}

fn clock(fault: &ClockFault) -> Span {
    let drift = match fault.drift {
        0 => String::new(),
        drift => format!(", then {:+.1} %", drift as f64 / 10_000.0),
    };
    let what = format!("clock off by {:+} ms{drift}", fault.off / 1_000);
    Span { server: fault.server, from: fault.from, to: fault.to, kind: "clock", what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Pause, SetBack};
    use crate::{Setting, Style};
    use ally_policy::ServerIndex;

    fn quiet() -> Scenario {
        let setting = Setting::named("four").expect("a setting");
        let mut scenario = Scenario::draw(5, &setting, Style::Plot).expect("it is sound");
        scenario.network.cuts.clear();
        scenario.pauses.clear();
        scenario.disk_faults.clear();
        scenario.clocks.faults.clear();
        scenario.clocks.set_back = None;
        scenario
    }

    fn set(servers: &[u16]) -> ServerSet {
        servers.iter().copied().map(ServerIndex).collect()
    }

    fn told(scenario: &Scenario) -> Vec<(u64, String)> {
        let of = |span: &Value| {
            (span["server"].as_u64().expect("who"), span["what"].as_str().expect("what").to_owned())
        };
        super::of(scenario).iter().map(of).collect()
    }

    #[test]
    fn a_cut_is_drawn_with_those_who_do_not_hear() {
        let mut scenario = quiet();
        let cut = |speakers, hearers, manner| Cut { from: 10, to: 20, speakers, hearers, manner };
        scenario.network.cuts = vec![
            cut(set(&[0, 1]), set(&[1, 2]), CutManner::Noticed),
            cut(set(&[0, 1, 2]), set(&[3]), CutManner::Held),
        ];
        let names: Vec<String> = scenario.servers().into_iter().map(|server| server.name).collect();
        let (a, b) = (&names[0], &names[1]);
        assert_eq!(
            told(&scenario),
            [
                (1, format!("does not hear {a}, and both ends know")),
                (2, format!("does not hear {a}, {b}, and both ends know")),
                (3, "does not hear anybody until the link lets go".to_owned()),
            ]
        );
    }

    #[test]
    fn what_processes_disks_and_clocks_do_is_told() {
        let mut scenario = quiet();
        scenario.pauses = vec![Pause { server: 2, at: 1, until: 2 }];
        scenario.disk_faults = vec![
            DiskFault { server: 0, at: 1, back: 9, trouble: Trouble::Slow(7) },
            DiskFault { server: 1, at: 1, back: 9, trouble: Trouble::Rot },
        ];
        scenario.clocks.faults =
            vec![ClockFault { server: 3, from: 1, to: 2, off: -4_000, drift: 15_000 }];
        let texts: Vec<String> = told(&scenario).into_iter().map(|(_, what)| what).collect();
        assert_eq!(
            texts,
            [
                "disk 7 times slower",
                "disk damaged: away for good",
                "stands still",
                "clock off by -4 ms, then +1.5 %"
            ]
        );
        scenario.clocks.set_back = Some(SetBack { at: 5, by: 3_000_000 });
        let all =
            told(&scenario).into_iter().filter(|(_, what)| what.contains("set back by 3000 ms"));
        assert_eq!(all.count(), 4);
    }
}
