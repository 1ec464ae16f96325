//! A run as a picture: servers as lines, messages as arrows, in one file for a browser.
//!
//! The file needs nothing else: the data are in it, and a script without dependencies draws them.

mod story;
mod troubles;

use crate::attempt::Attempt;
use crate::observation::Deaf;
use crate::scenario::Scenario;
use crate::trace::{Entry, Kind, Place};
use ally_policy::ServerIndex;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The page, with a place for the data.
const PAGE: &str = include_str!("page.html");
/// Where in the page they go.
const PLACE: &str = "\"DATA\"";
/// Entries that are drawn unless all are asked for; more are no picture any more.
const ENTRIES_MAX: usize = 4_000;
/// Messages about agreement among them.
const ARROWS_MAX: usize = 1_000;

/// A space-time diagram of a recorded run.
#[derive(Debug, Clone)]
pub struct Diagram<'a> {
    run: &'a Attempt,
    shown: &'a [Entry],
    before: &'a [Entry],
}

impl<'a> Diagram<'a> {
    /// Of a recorded run: if it is long, its end where something broke, and otherwise its beginning.
    pub fn of(run: &'a Attempt) -> Self {
        let all = run.trace.entries();
        let (mut arrows, mut count) = (0, 0);
        let mut fits = |entry: &Entry| {
            count += 1;
            arrows += usize::from(is_arrow(entry));
            arrows <= ARROWS_MAX && count <= ENTRIES_MAX
        };
        let (from, to) = match run.is_broken() {
            true => {
                (all.len() - all.iter().rev().take_while(|entry| fits(entry)).count(), all.len())
            }
            false => (0, all.iter().take_while(|entry| fits(entry)).count()),
        };
        Self { run, shown: &all[from..to], before: &all[..from] }
    }

    /// Of a recorded run from its beginning to its end.
    pub fn whole(run: &'a Attempt) -> Self {
        Self { run, shown: run.trace.entries(), before: &[] }
    }

    /// The page.
    pub fn to_html(&self) -> String {
        // A `<` in the data must not end the script that they are in.
        let data = self.data().to_string().replace('<', "\\u003c");
        PAGE.replacen(PLACE, &data, 1)
    }

    fn data(&self) -> Value {
        let scenario = &self.run.scenario;
        let all = self.run.trace.entries().len();
        let servers = scenario.copies().into_iter().map(|server| {
            json!({ "name": server.name, "organisation": server.organisation, "lies": server.lies })
        });
        let splits = scenario.network.partitions.iter().map(|split| {
            let side: Vec<u16> = split.side.iter().map(|server| server.0).collect();
            json!({ "from": split.from, "to": split.to, "side": side })
        });
        json!({
            "seed": scenario.seed,
            "policy": scenario.setting.name,
            "style": scenario.style.to_string(),
            "story": story::of(self.run),
            "violations": self.run.violations,
            "servers": servers.collect::<Vec<_>>(),
            "partitions": splits.collect::<Vec<_>>(),
            "troubles": troubles::of(scenario),
            "healed_at": scenario.healed_at,
            "earlier": self.before.len(),
            "later": all - self.before.len() - self.shown.len(),
            "before": self.states(scenario),
            "entries": self.entries(),
        })
    }

    /// What is shown; what was not heard is part of the message that it was.
    fn entries(&self) -> Vec<Value> {
        let unheard = unheard(self.run.trace.entries());
        let entry = |own: &Entry| {
            let why = match own.place {
                Place::Link { from, to, arrives: Some(at) } => {
                    unheard.get(&(at, from, to, &*own.about.label)).copied()
                }
                _ => None,
            };
            entry(own, why)
        };
        let is_own = |entry: &&Entry| !matches!(entry.place, Place::Unheard { .. });
        self.shown.iter().filter(is_own).map(entry).collect()
    }

    /// How each server stood when what is shown begins: its view, whether it is open, whether it
    /// runs.
    fn states(&self, scenario: &Scenario) -> Vec<Value> {
        let mut states = vec![(0, true, true); scenario.copies().len()];
        for entry in self.before {
            let Place::Server(server) = entry.place else { continue };
            let Some((view, open, up)) = states.get_mut(server.index()) else { continue };
            match (entry.about.kind, entry.about.view) {
                (Kind::View, Some(to)) => {
                    (*view, *open) = (to, entry.about.label.starts_with("enters"));
                }
                (Kind::Fault, _) => *up = entry.about.label == "restarts",
                _ => {}
            }
        }
        states
            .into_iter()
            .map(|(view, open, up)| json!({ "view": view, "open": open, "up": up }))
            .collect()
    }
}

fn is_arrow(entry: &Entry) -> bool {
    let about_agreement =
        matches!(entry.about.kind, Kind::Proposal | Kind::Vote | Kind::Commit | Kind::View);
    about_agreement && matches!(entry.place, Place::Link { .. })
}

/// Messages that came and were not heard: when, from whom, to whom and what they say.
fn unheard(entries: &[Entry]) -> BTreeMap<(u64, ServerIndex, ServerIndex, &str), Deaf> {
    let of = |entry: &'_ Entry| match entry.place {
        Place::Unheard { from, to, why } => Some((entry.at, from, to, why)),
        _ => None,
    };
    let found = entries.iter().filter_map(|entry| Some((of(entry)?, &*entry.about.label)));
    found.map(|((at, from, to, why), label)| ((at, from, to, label), why)).collect()
}

fn entry(entry: &Entry, unheard: Option<Deaf>) -> Value {
    let (from, to, arrives) = match entry.place {
        Place::Unheard { from, to, .. } => (Some(from.0), Some(to.0), Some(entry.at)),
        Place::Server(server) => (Some(server.0), None, None),
        Place::Link { from, to, arrives } => (Some(from.0), Some(to.0), arrives),
        Place::Everywhere => (None, None, None),
    };
    let about = &entry.about;
    json!({
        "t": entry.at, "from": from, "to": to, "arrives": arrives, "kind": about.kind.name(),
        "label": about.label, "height": about.height, "view": about.view, "block": about.block,
        "unheard": unheard.map(|why| why.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Setting, Style};
    use ally_consensus::Bugs;

    fn recorded(style: Style) -> Attempt {
        let setting = Setting::named("four").expect("a setting");
        let scenario = Scenario::draw(5, &setting, style).expect("it is sound");
        Attempt::record(scenario, Bugs::NONE).expect("it is sound")
    }

    /// The data as a browser reads them.
    fn data(page: &str) -> Value {
        let (_, rest) = page.split_once("const data = ").expect("the data begin");
        let (data, _) = rest.split_once(";\n").expect("the data end");
        serde_json::from_str(data).expect("they are JSON")
    }

    #[test]
    fn a_page_holds_every_entry_and_needs_nothing_else() {
        let run = recorded(Style::Plot);
        let page = Diagram::whole(&run).to_html();
        let data = data(&page);
        let entries = data["entries"].as_array().expect("there are some");
        let unheard = entries.iter().filter(|entry| entry["unheard"].is_string()).count();
        assert_eq!(entries.len() + unheard, run.trace.entries().len());
        assert!(unheard > 0, "a plot keeps something from somebody");
        assert_eq!(data["servers"].as_array().map(Vec::len), Some(4));
        assert!(data["servers"][0]["lies"].is_boolean());
        for outside in ["src=", "href=", "@import", "http://www.example", "url(h"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn each_face_of_a_twin_has_a_line() {
        let setting = Setting::named("four").expect("a setting");
        let twofold = |seed| {
            let scenario = Scenario::draw(seed, &setting, Style::Weather).expect("it is sound");
            Some(scenario).filter(|scenario| scenario.twins.members.len() == 1)
        };
        let scenario = (0..).find_map(twofold).expect("a seed with a twin");
        let run = Attempt::record(scenario, Bugs::NONE).expect("it can be run");
        let data = data(&Diagram::whole(&run).to_html());
        assert_eq!(data["servers"].as_array().map(Vec::len), Some(5));
        let entries = data["entries"].as_array().expect("there are some");
        let of = |end: &str| entries.iter().filter(|entry| entry[end] == 4).count();
        assert!(of("from") > 0 && of("to") > 0, "the second copy speaks and is spoken to");
        let ends = |entry: &Value| [entry["from"].as_u64(), entry["to"].as_u64()];
        assert!(entries.iter().flat_map(ends).flatten().all(|server| server < 5));
    }

    #[test]
    fn a_long_run_is_cut_at_its_end_if_nothing_broke_and_before_what_broke_otherwise() {
        let mut run = recorded(Style::Weather);
        let all = run.trace.entries().len();
        let page = data(&Diagram::of(&run).to_html());
        let shown = page["entries"].as_array().map_or(0, Vec::len);
        assert!(shown < all && shown <= ENTRIES_MAX, "{shown} of {all}");
        assert_eq!(
            (page["earlier"].as_u64(), page["later"].as_u64()),
            (Some(0), Some((all - shown) as u64))
        );

        run.violations.push("agreement: </script><b> broke".to_owned());
        let html = Diagram::of(&run).to_html();
        assert!(!html.contains("</script><b>"), "what broke cannot break the page");
        let page = data(&html);
        assert_eq!(page["later"].as_u64(), Some(0));
        assert!(page["earlier"].as_u64().is_some_and(|earlier| earlier > 0));
        assert_eq!(page["violations"][0], "agreement: </script><b> broke");
    }
}
