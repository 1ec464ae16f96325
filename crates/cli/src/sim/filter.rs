//! Which part of a trace is wanted.

use ally_sim::{Entry, Kind, Place};
use clap::Args;

/// Which part of a trace is wanted.
#[derive(Debug, Clone, Default, Args)]
pub struct Filter {
    /// Trace: only what these servers do, say and hear
    #[arg(long = "server", value_name = "INDEX", value_delimiter = ',')]
    servers: Vec<u16>,
    /// Trace: only what is about this height
    #[arg(long, value_name = "H")]
    height: Option<u64>,
    /// Trace: only what is about this view
    #[arg(long, value_name = "V")]
    view: Option<u64>,
    /// Trace: only this, such as vote, proposal, view, decision, fault
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
}

impl Filter {
    /// Whether anything is asked for.
    pub fn is_some(&self) -> bool {
        !self.servers.is_empty()
            || self.height.is_some()
            || self.view.is_some()
            || !self.kinds.is_empty()
    }

    /// Whether an entry is wanted. What happens everywhere always is.
    pub fn wants(&self, entry: &Entry) -> bool {
        let place = match entry.place {
            Place::Server(server) => self.is_at(server.0),
            Place::Link { from, to, .. } | Place::Unheard { from, to, .. } => {
                self.is_at(from.0) || self.is_at(to.0)
            }
            Place::Everywhere => true,
        };
        let about = &entry.about;
        place
            && (self.height.is_none() || about.height == self.height)
            && (self.view.is_none() || about.view == self.view)
            && (self.kinds.is_empty() || self.kinds.contains(&about.kind))
    }

    fn is_at(&self, server: u16) -> bool {
        self.servers.is_empty() || self.servers.contains(&server)
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| format!("kinds are {}", Kind::ALL.map(Kind::name).join(", ")))
}
