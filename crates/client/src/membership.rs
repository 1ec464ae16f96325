//! What a client knows about an alliance before it talks to anybody.

use crate::AllianceKey;
use crate::remembered::Remembered;
use ally_alliance::keys::TransportPublic;
use ally_alliance::{Alliance, KeyPurpose};
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
    verifier: Arc<dyn CertificateVerifier + Send + Sync>,
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
    /// The members and the certify key of an alliance whose document everybody has signed.
    ///
    /// # Panics
    /// If the document's origin cannot stand in a checkpoint; documents with such an origin are not
    /// read in the first place.
    pub fn of(alliance: &Alliance) -> Self {
        let origin = Origin::new(alliance.origin()).expect("the document's origin was checked");
        let key = AllianceKey::from(alliance.key(KeyPurpose::Certify).verifying_key());
        let servers = alliance.servers().map(|(index, server)| ServerEntry {
            name: server.name().to_owned(),
            organisation: alliance
                .organisation_of(index)
                .map_or_else(String::new, |organisation| organisation.name().to_owned()),
            address: server.client_address().as_str().to_owned(),
            transport: *server.transport(),
        });
        Self::new(alliance.id(), origin, key, servers.collect())
    }

    /// An alliance whose parts were verified before, for instance by its document's signatures.
    pub fn new(
        alliance: AllianceId,
        origin: Origin,
        verifier: impl CertificateVerifier + Send + Sync + 'static,
        servers: Vec<ServerEntry>,
    ) -> Self {
        let verifier = Arc::new(Remembered::new(verifier));
        Self { inner: Arc::new(Inner { alliance, origin, verifier, servers }) }
    }

    /// The same alliance, where its servers are reached at these addresses, in the document's order: by
    /// a tunnel or a forwarded port, say. Servers beyond the last one are where the document says. It
    /// takes no trust: whoever answers has to prove the server's key all the same.
    #[must_use]
    pub fn reached_at(&self, addresses: impl IntoIterator<Item = String>) -> Self {
        let mut servers = self.inner.servers.clone();
        for (server, address) in servers.iter_mut().zip(addresses) {
            server.address = address;
        }
        let Inner { alliance, ref origin, ref verifier, .. } = *self.inner;
        let (origin, verifier) = (origin.clone(), Arc::clone(verifier));
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

    /// What checks its signatures, each of them once.
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
