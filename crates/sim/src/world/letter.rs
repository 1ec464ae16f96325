//! A message on its way, shared by all who hear it.

use crate::keys::AllKeys;
use ally_policy::ServerIndex;
use ally_replica::{CheckError, Checked, Checker, PeerMessage};
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

/// A message under way to one server or to many. It is checked once: all servers check alike.
#[derive(Clone)]
pub(super) struct Letter(Rc<Content>);

struct Content {
    from: ServerIndex,
    message: PeerMessage,
    checked: OnceCell<Result<Checked, CheckError>>,
}

impl Letter {
    /// Of a server, not checked yet.
    pub(super) fn new(from: ServerIndex, message: PeerMessage) -> Self {
        Self(Rc::new(Content { from, message, checked: OnceCell::new() }))
    }

    /// Who sent it.
    pub(super) fn from(&self) -> ServerIndex {
        self.0.from
    }

    /// What it says.
    pub(super) fn message(&self) -> &PeerMessage {
        &self.0.message
    }

    /// What a server may believe of it.
    ///
    /// # Errors
    /// Why it is not believed.
    pub(super) fn checked(&self, checker: &Checker<Arc<AllKeys>>) -> Result<Checked, CheckError> {
        let check = || checker.check(self.0.from, self.0.message.clone());
        self.0.checked.get_or_init(check).clone()
    }
}
