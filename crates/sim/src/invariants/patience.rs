//! Patience falls back: a decision ends the count of views that failed in a row.
//!
//! Seen from outside by samples: if something was decided since the last one, no more views can have
//! failed since that decision than were left since that sample.
//!
//! Source: docs/protocol.md#leaving.

use super::{Invariant, Kind};
use crate::observation::Observation;
use ally_consensus::{Height, Micros};
use ally_policy::ServerIndex;
use ally_replica::Status;
use std::collections::BTreeMap;

/// What each server may count.
#[derive(Default)]
pub(super) struct Patience {
    servers: BTreeMap<ServerIndex, Count>,
}

/// At the last sample.
#[derive(Default)]
struct Count {
    decided: Height,
    /// The most views that may have failed since the last decision.
    failed: u32,
    /// Views left since the sample.
    left: u32,
}

impl Patience {
    fn sampled(&mut self, server: ServerIndex, status: &Status) -> Result<(), String> {
        let count = self.servers.entry(server).or_default();
        let decided = status.agreement.decided.height;
        let before = if decided > count.decided { 0 } else { count.failed };
        *count = Count { decided, failed: before.saturating_add(count.left), left: 0 };
        let failed = status.agreement.failed_views;
        match failed > count.failed {
            true => Err(format!(
                "patience: {server} counts {failed} failed views, at most {} were left since its \
                 last decision",
                count.failed
            )),
            false => Ok(()),
        }
    }
}

impl Invariant for Patience {
    fn looks_at(&self) -> &'static [Kind] {
        &[Kind::View, Kind::Sampled]
    }

    fn see(&mut self, _: Micros, what: &Observation<'_>) -> Result<(), String> {
        match what {
            Observation::View { server, open: false, .. } => {
                self.servers.entry(*server).or_default().left += 1;
            }
            Observation::Sampled { server, status } => return self.sampled(*server, status),
            _ => {}
        }
        Ok(())
    }
}
