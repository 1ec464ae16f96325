//! Which part of a trace is wanted.

use crate::failure::{Exit, Failure};
use ally_sim::{Entry, Kind, Place, Scenario};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// The alliance has no such server.
const NO_SERVER: &str = "ALLY-0706";

/// Which part of a trace is wanted, as it was typed.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Trace of one run")]
pub struct Filter {
    /// Print what happened
    #[arg(long)]
    trace: bool,
    /// Only what these servers do, say and hear: names or numbers
    #[arg(long = "server", value_name = "SERVER", value_delimiter = ',')]
    servers: Vec<String>,
    /// Only what is about this height
    #[arg(long, value_name = "H")]
    height: Option<u64>,
    /// Only what is about this view
    #[arg(long, value_name = "V")]
    view: Option<u64>,
    /// Only this
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    kinds: Vec<Kind>,
}

/// The same with servers that exist.
pub struct Wanted<'a> {
    filter: &'a Filter,
    servers: Vec<u16>,
}

impl Filter {
    /// Whether a trace is asked for, or a part of one.
    pub fn is_some(&self) -> bool {
        self.trace
            || !self.servers.is_empty()
            || self.height.is_some()
            || self.view.is_some()
            || !self.kinds.is_empty()
    }

    /// Finds the servers in a scenario.
    ///
    /// # Errors
    /// [`Failure`] for a server that is not in it.
    pub fn among(&self, scenario: &Scenario) -> Result<Wanted<'_>, Failure> {
        let names: Vec<String> = scenario.copies().into_iter().map(|server| server.name).collect();
        let find = |typed: &String| {
            let number = || typed.parse().ok().filter(|number: &usize| *number < names.len());
            let place = names.iter().position(|name| name == typed).or_else(number);
            place.map(|place| place as u16).ok_or_else(|| {
                let message = format_args!("there is no server `{typed}`");
                Failure::new(Exit::Input, NO_SERVER, message).detail("servers", names.join(", "))
            })
        };
        let servers = self.servers.iter().map(find).collect::<Result<_, _>>()?;
        Ok(Wanted { filter: self, servers })
    }
}

impl Wanted<'_> {
    /// Whether an entry is wanted. What happens everywhere always is.
    pub fn wants(&self, entry: &Entry) -> bool {
        let place = match entry.place {
            Place::Server(server) => self.is_at(server.0),
            Place::Link { from, to, .. } | Place::Unheard { from, to, .. } => {
                self.is_at(from.0) || self.is_at(to.0)
            }
            Place::Everywhere => true,
        };
        let (about, filter) = (&entry.about, self.filter);
        place
            && (filter.height.is_none() || about.height == filter.height)
            && (filter.view.is_none() || about.view == filter.view)
            && (filter.kinds.is_empty() || filter.kinds.contains(&about.kind))
    }

    fn is_at(&self, server: u16) -> bool {
        self.servers.is_empty() || self.servers.contains(&server)
    }
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).map(|name| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.expect("it is one of those that are possible")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_sim::{Setting, Style};

    #[test]
    fn servers_are_found_by_name_and_by_number() {
        let setting = Setting::named("two-level").expect("a setting");
        let scenario = Scenario::draw(1, &setting, Style::Plot).expect("it is sound");
        let among = |typed: &[&str]| {
            let servers = typed.iter().map(|name| (*name).to_owned()).collect();
            let filter = Filter { servers, ..Filter::default() };
            filter.among(&scenario).map(|wanted| wanted.servers).ok()
        };
        assert_eq!(among(&["o1-0", "11"]), Some(vec![3, 11]));
        assert_eq!((among(&["12"]), among(&["o9-0"])), (None, None));
    }
}
