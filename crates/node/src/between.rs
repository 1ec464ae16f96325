//! Standing between a server and the others: what it says goes through there, and what it hears is
//! shown there first.
//!
//! An ordinary server has nobody there ([`Node::start`](crate::Node::start)). It is for tests of the
//! *other* servers, which have to bear a server that says anything at all. Nothing here lies: what is
//! said in place of the truth is the business of whoever stands there, in another crate.

use crate::net::{LinkKind, Links, Sent};
use ally_consensus::{Context, Statement};
use ally_keyring::{OwnKeys, PublicKeys};
use ally_log::{Checkpoint, Origin};
use ally_policy::ServerIndex;
use ally_replica::{Link, PeerMessage};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// Stands between a server and the others.
pub trait Between: Send {
    /// The server wants to say this to these; gives what is said to whom in its place.
    fn say(&mut self, to: &[ServerIndex], message: &PeerMessage)
    -> Vec<(ServerIndex, PeerMessage)>;

    /// The server is about to hear this, unchecked; gives what is said to whom on account of it.
    fn hear(&mut self, from: ServerIndex, message: &PeerMessage)
    -> Vec<(ServerIndex, PeerMessage)>;

    /// A message as it leaves, as bytes; gives what leaves in its place.
    fn frame(&mut self, frame: Bytes) -> Bytes;
}

/// What a server signs with, for whoever stands between it and the others. Gives signatures and
/// shares, and no key.
pub struct Hands {
    own: Arc<OwnKeys>,
    keys: Arc<PublicKeys>,
}

impl Hands {
    pub(crate) fn new(own: Arc<OwnKeys>, keys: Arc<PublicKeys>) -> Self {
        Self { own, keys }
    }

    /// Whose.
    pub fn server(&self) -> ServerIndex {
        self.own.me
    }

    /// What its signatures are bound to.
    pub fn context(&self) -> &Context {
        &self.keys.context
    }

    /// The first line of every checkpoint.
    pub fn origin(&self) -> &Origin {
        &self.keys.origin
    }

    /// Signs bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.own.signing.sign(bytes)
    }

    /// Its share on a statement of the engine.
    pub fn statement_share(&self, statement: &Statement) -> Vec<u8> {
        self.own.statement_share(&self.keys, statement)
    }

    /// What shares on a statement of the engine combine to; `None` if some are wrong. Whoever gave them
    /// must be enough for it.
    pub fn combine(
        &self,
        statement: &Statement,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Option<Vec<u8>> {
        self.keys.combine_statement(statement, shares).ok()
    }

    /// Its share of the alliance's key on a checkpoint; `None` if it has no part in it.
    pub fn certify_share(&self, checkpoint: &Checkpoint) -> Option<Vec<u8>> {
        self.own.certify_share(&self.keys, checkpoint)
    }
}

/// A server's voice towards the others: its links, and who stands between, if anybody. Cheap to
/// clone.
#[derive(Clone)]
pub(crate) struct Voice {
    links: Links,
    between: Option<Arc<Mutex<Box<dyn Between>>>>,
}

impl Voice {
    /// A voice over these links.
    pub(crate) fn new(links: Links, between: Option<Box<dyn Between>>) -> Self {
        Self { links, between: between.map(|between| Arc::new(Mutex::new(between))) }
    }

    /// Says a message to these servers. Who does not get it asks again for what it needs.
    pub(crate) fn say(&self, to: &[ServerIndex], message: &PeerMessage) {
        let Some(between) = &self.between else {
            let frame = message.to_frame();
            let link = link_kind(message.link());
            return to.iter().for_each(|server| self.send(*server, link, frame.clone()));
        };
        let mut between = between.lock().unwrap_or_else(PoisonError::into_inner);
        let said = between.say(to, message);
        self.send_all(&mut **between, said);
    }

    /// A message is about to be checked. Costs nothing where nobody stands between.
    pub(crate) fn hear(&self, from: ServerIndex, frame: &Bytes) {
        let Some(between) = &self.between else { return };
        let Ok(message) = PeerMessage::from_frame(frame.clone()) else { return };
        let mut between = between.lock().unwrap_or_else(PoisonError::into_inner);
        let said = between.hear(from, &message);
        self.send_all(&mut **between, said);
    }

    fn send_all(&self, between: &mut dyn Between, said: Vec<(ServerIndex, PeerMessage)>) {
        for (to, message) in said {
            let frame = between.frame(message.to_frame());
            self.send(to, link_kind(message.link()), frame);
        }
    }

    fn send(&self, to: ServerIndex, link: LinkKind, frame: Bytes) {
        match self.links.send(to, link, frame) {
            Sent::Queued => {}
            refused => tracing::debug!(server = %to, ?refused, "not sent"),
        }
    }
}

fn link_kind(link: Link) -> LinkKind {
    match link {
        Link::Control => LinkKind::Control,
        Link::Bulk => LinkKind::Bulk,
    }
}
