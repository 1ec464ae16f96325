//! What a client knows about an alliance before it talks to anybody.

use ally_alliance::keys::TransportPublic;
use ally_consensus::AllianceId;
use ally_log::{CertificateVerifier, Origin};
use std::fmt;
use std::sync::Arc;

/// An alliance as a client needs to know it: its name, the one public key that everything is
/// verified with, and where its servers are. Cheap to clone.
#[derive(Clone)]
pub struct Membership {
    inner: Arc<Inner>,
}

struct Inner {
    alliance: AllianceId,
    origin: Origin,
    verifier: Box<dyn CertificateVerifier + Send + Sync>,
    servers: Vec<ServerEntry>,
}

/// One server of an alliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEntry {
    /// Its name in the policy.
    pub name: String,
    /// The organisation that runs it.
    pub organisation: String,
    /// Where clients reach it: `host:port`.
    pub address: String,
    /// The key it proves to hold.
    pub transport: TransportPublic,
}

impl Membership {
    /// An alliance whose parts were verified before, for instance by its document's signatures.
    pub fn new(
        alliance: AllianceId,
        origin: Origin,
        verifier: impl CertificateVerifier + Send + Sync + 'static,
        servers: Vec<ServerEntry>,
    ) -> Self {
        let verifier = Box::new(verifier);
        Self { inner: Arc::new(Inner { alliance, origin, verifier, servers }) }
    }

    /// Hash of the genesis document.
    pub fn alliance(&self) -> AllianceId {
        self.inner.alliance
    }

    /// The name in its checkpoints.
    pub fn origin(&self) -> &Origin {
        &self.inner.origin
    }

    /// Its servers, in the document's order.
    pub fn servers(&self) -> &[ServerEntry] {
        &self.inner.servers
    }

    /// What checks its signatures.
    pub(crate) fn verifier(&self) -> &(dyn CertificateVerifier + Send + Sync) {
        &*self.inner.verifier
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("alliance", &self.inner.alliance)
            .field("origin", &self.inner.origin)
            .field("servers", &self.inner.servers)
            .finish_non_exhaustive()
    }
}
