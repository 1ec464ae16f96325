//! Whether a listener has a server to listen to.

use crate::Attempt;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Whether a listener has a server to listen to. A server that is silent for want of news is one.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Contact {
    /// A server is followed, or servers are being asked for the first time.
    #[default]
    Held,
    /// All servers were asked in vain, one after the other. The listener keeps asking.
    Lost {
        /// When the last one was heard of.
        since: Instant,
        /// What came of asking each of them last.
        attempts: Vec<Attempt>,
    },
}

/// Keeps book of who was asked in vain since a server was heard of.
#[derive(Debug)]
pub(super) struct Search {
    heard_at: Instant,
    failures: Vec<Option<Attempt>>,
    contact: watch::Sender<Contact>,
}

impl Search {
    /// Nobody of so many servers was asked yet.
    pub(super) fn new(servers: usize, now: Instant) -> Self {
        Self { heard_at: now, failures: vec![None; servers], contact: watch::Sender::default() }
    }

    /// What the application may watch.
    pub(super) fn contact(&self) -> watch::Receiver<Contact> {
        self.contact.subscribe()
    }

    /// A server was of use until now.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.failures.fill(None);
        self.found();
    }

    /// A server is followed.
    pub(super) fn found(&self) {
        self.contact.send_if_modified(|contact| {
            let lost = matches!(contact, Contact::Lost { .. });
            *contact = Contact::Held;
            lost
        });
    }

    /// A server was asked in vain.
    pub(super) fn failed(&mut self, at: usize, attempt: Attempt) {
        self.failures[at] = Some(attempt);
        if let Some(attempts) = self.failures.iter().cloned().collect() {
            self.contact.send_replace(Contact::Lost { since: self.heard_at, attempts });
        }
    }

    /// What came of asking everybody, if nobody has been heard of for so long.
    pub(super) fn in_vain(&self, limit: Duration, now: Instant) -> Option<Vec<Attempt>> {
        if now < self.heard_at + limit {
            return None;
        }
        self.failures.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;

    fn attempt() -> Attempt {
        let (server, organisation) = ("a".to_owned(), "org-a".to_owned());
        Attempt { server, organisation, outcome: "down".to_owned(), cause: Cause::Other }
    }

    #[test]
    fn contact_is_lost_once_everybody_was_asked_and_held_with_the_first_who_answers() {
        let begin = Instant::now();
        let at = |second| begin + Duration::from_secs(second);
        let mut search = Search::new(2, begin);
        let contact = search.contact();
        search.failed(0, attempt());
        search.failed(0, attempt());
        assert!(matches!(*contact.borrow(), Contact::Held));
        assert!(search.in_vain(Duration::ZERO, at(9)).is_none(), "one was not asked");
        search.failed(1, attempt());
        assert!(matches!(*contact.borrow(), Contact::Lost { since, .. } if since == begin));
        assert!(search.in_vain(Duration::from_secs(10), at(9)).is_none());
        assert_eq!(search.in_vain(Duration::from_secs(9), at(9)).map(|all| all.len()), Some(2));
        search.heard(at(10));
        assert!(matches!(*contact.borrow(), Contact::Held));
        search.failed(1, attempt());
        assert!(search.in_vain(Duration::ZERO, at(99)).is_none(), "the other was heard since");
    }
}
