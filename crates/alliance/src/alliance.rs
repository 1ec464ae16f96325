//! An alliance that every member has signed.

use crate::document::{AllianceDocument, KeyPurpose, Organisation, Parameters, Server};
use crate::keys::TransportPublic;
use ally_consensus::{AllianceId, Context, Epoch, Rotation};
use ally_policy::{ServerIndex, TrustPolicy};
use ally_threshold::PublicKey;
use std::sync::Arc;

/// An alliance: a document that is right in itself and signed by every member. Cheap to clone.
#[derive(Clone)]
pub struct Alliance(Arc<Inner>);

struct Inner {
    document: AllianceDocument,
    /// By server index: the places of its organisation and of itself in the document.
    places: Vec<(usize, usize)>,
    context: Context,
}

/// Members have not signed, or have signed something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSigned {
    /// Members without a signature.
    pub missing: Vec<String>,
    /// Members whose signature is not on this document.
    pub bad: Vec<String>,
}

impl std::fmt::Display for NotSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the alliance document is not in force: ")?;
        if !self.missing.is_empty() {
            write!(f, "not signed by {} (`ally alliance sign`)", self.missing.join(", "))?;
        }
        if !self.missing.is_empty() && !self.bad.is_empty() {
            f.write_str("; ")?;
        }
        if !self.bad.is_empty() {
            write!(f, "changed after it was signed by {}", self.bad.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for NotSigned {}

impl Alliance {
    /// Only called once all signatures were checked.
    pub(crate) fn new(document: AllianceDocument) -> Self {
        let organisations = document.organisations().iter().enumerate();
        let servers: Vec<(&str, (usize, usize))> = organisations
            .flat_map(|(place, member)| {
                let servers = member.servers().iter().enumerate();
                servers.map(move |(inner, server)| (server.name(), (place, inner)))
            })
            .collect();
        // The policy was built from these very servers, so each of its names is found.
        let place = |name: &String| servers.iter().find(|(own, _)| own == name).map(|(_, at)| *at);
        let places = document.policy().servers().iter().filter_map(place).collect();
        let context = document.context();
        Self(Arc::new(Inner { document, places, context }))
    }

    /// The document.
    pub fn document(&self) -> &AllianceDocument {
        &self.0.document
    }

    /// The alliance's identity.
    pub fn id(&self) -> AllianceId {
        self.0.context.alliance
    }

    /// The configuration in force.
    pub fn epoch(&self) -> Epoch {
        self.0.context.epoch
    }

    /// What every signature in this alliance covers.
    pub fn context(&self) -> Context {
        self.0.context
    }

    /// The first line of every checkpoint.
    pub fn origin(&self) -> &str {
        self.document().origin()
    }

    /// The alliance's name, for people.
    pub fn name(&self) -> &str {
        self.document().name()
    }

    /// Who has to respond for a decision to stand.
    pub fn policy(&self) -> &TrustPolicy {
        self.document().policy()
    }

    /// What all servers agree on besides keys and policy.
    pub fn parameters(&self) -> &Parameters {
        self.document().parameters()
    }

    /// The members.
    pub fn organisations(&self) -> &[Organisation] {
        self.document().organisations()
    }

    /// All servers with their indices, in ascending order.
    pub fn servers(&self) -> impl Iterator<Item = (ServerIndex, &Server)> {
        let indices = (0..self.0.places.len()).map(|index| ServerIndex(index as u16));
        indices.filter_map(|index| Some((index, self.server(index)?)))
    }

    /// The server of this index.
    pub fn server(&self, index: ServerIndex) -> Option<&Server> {
        let (place, inner) = self.0.places.get(index.index())?;
        self.organisations().get(*place)?.servers().get(*inner)
    }

    /// The index of the server of this name.
    pub fn server_named(&self, name: &str) -> Option<ServerIndex> {
        self.policy().server(name)
    }

    /// The server that has this transport key.
    pub fn server_with_transport_key(&self, key: &TransportPublic) -> Option<ServerIndex> {
        self.servers().find(|(_, server)| server.transport() == key).map(|(index, _)| index)
    }

    /// The organisation that runs the server.
    pub fn organisation_of(&self, index: ServerIndex) -> Option<&Organisation> {
        let (place, _) = self.0.places.get(index.index())?;
        self.organisations().get(*place)
    }

    /// Who leads which view.
    pub fn rotation(&self) -> Rotation {
        let turns = self.policy().organisations().iter().map(|own| own.servers().to_vec());
        Rotation::new(self.epoch(), turns.collect())
    }

    /// The threshold key of this purpose.
    pub fn key(&self, purpose: KeyPurpose) -> &PublicKey {
        self.document().keys().of(purpose)
    }
}
