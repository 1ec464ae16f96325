//! How long a server may go on without bringing the listener further.

use crate::listen::verifier::Verifier;
use std::time::Duration;
use tokio::time::Instant;

/// How long blocks may wait for their proof before another server is asked for it.
const PROOF_PATIENCE: Duration = Duration::from_secs(5);

/// How long nothing new may be proven before another server is asked: a server that withholds the
/// newest blocks looks like an alliance that is idle.
const SILENCE_PATIENCE: Duration = Duration::from_secs(30);

/// When to leave a server. What counts is what it proves: talk alone buys no time, so that a server
/// cannot keep a listener by sending what is known already.
#[derive(Debug)]
pub(crate) struct Patience {
    /// When something was proven last, or the stream began.
    news_at: Instant,
    /// Since when blocks wait for a proof.
    told_at: Option<Instant>,
    proven: Option<u64>,
}

impl Patience {
    /// A stream begins.
    pub(crate) fn new(verifier: &Verifier, now: Instant) -> Self {
        Self { news_at: now, told_at: None, proven: verifier.proven_height() }
    }

    /// A message was taken in.
    pub(crate) fn note(&mut self, verifier: &Verifier, now: Instant) {
        let proven = verifier.proven_height();
        if proven > self.proven {
            (self.proven, self.news_at) = (proven, now);
        }
        self.told_at = verifier.waits_for_proof().then(|| self.told_at.unwrap_or(now));
    }

    /// When the server is to be left if nothing changes.
    pub(crate) fn deadline(&self) -> Instant {
        match self.told_at {
            // Under load there are always blocks whose turn has not come.
            Some(told_at) => told_at.max(self.news_at) + PROOF_PATIENCE,
            None => self.news_at + SILENCE_PATIENCE,
        }
    }
}
