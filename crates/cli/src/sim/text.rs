//! Traces and violations as people read them.

use ally_sim::{Entry, Place, Scenario};

/// Names of a scenario's servers; liars are marked.
pub struct Names(Vec<String>);

impl Names {
    /// The names in a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        Self(
            scenario
                .copies()
                .into_iter()
                .map(|server| match server.lies {
                    true => format!("{}*", server.name),
                    false => server.name,
                })
                .collect(),
        )
    }

    fn name(&self, server: usize) -> &str {
        self.0.get(server).map_or("?", String::as_str)
    }

    fn width(&self) -> usize {
        self.0.iter().map(String::len).max().unwrap_or(0)
    }

    /// One line of a trace: `  12.345 ms  s1 -> s2    vote 3.ab12         arrives 12.901`.
    pub fn line(&self, entry: &Entry) -> String {
        let width = self.width();
        let place = match entry.place {
            Place::Server(server) => self.name(server.index()).to_owned(),
            Place::Link { from, to, .. } | Place::Unheard { from, to, .. } => {
                format!("{:width$} -> {}", self.name(from.index()), self.name(to.index()))
            }
            Place::Everywhere => "everywhere".to_owned(),
        };
        let arrives = match entry.place {
            Place::Link { arrives: Some(at), .. } => format!("  arrives {}", millis(at)),
            Place::Link { arrives: None, .. } => "  lost".to_owned(),
            Place::Unheard { why, .. } => format!("  not heard: {why}"),
            _ => String::new(),
        };
        let columns = (2 * width + 4).max(10);
        let view = match (entry.about.view, entry.about.height) {
            (Some(view), Some(_)) => format!("  [view {view}]"),
            _ => String::new(),
        };
        let label = &entry.about.label;
        format!("{:>11} ms  {place:columns$}  {label}{view}{arrives}", millis(entry.at))
    }
}

/// Microseconds as milliseconds.
fn millis(micros: u64) -> String {
    format!("{}.{:03}", micros / 1000, micros % 1000)
}
