//! How a client behaves.

use std::time::Duration;

/// How a client behaves; [`Options::default`] suits most.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Name of the server to ask first: that of one's own organisation. The others follow in the
    /// document's order, from the next one on.
    pub first_server: Option<String>,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long a server may be silent about a proposal before the next one is asked as well.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            first_server: None,
            connect_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(3),
        }
    }
}

impl Options {
    /// With the server of this name asked first.
    #[must_use]
    pub fn first_server(mut self, name: impl Into<String>) -> Self {
        self.first_server = Some(name.into());
        self
    }

    /// With another time for opening connections.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// With another time before the next server is asked as well.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}
