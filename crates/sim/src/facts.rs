//! What everybody knows of an alliance: what its document says.

use crate::keys::AllKeys;
use ally_consensus::{Context, Law, Rotation};
use ally_policy::TrustPolicy;
use std::sync::Arc;

/// What an outsider judges by.
#[derive(Clone)]
pub struct Facts {
    /// The alliance, its epoch and policy.
    pub context: Context,
    /// Who leads which view.
    pub rotation: Rotation,
    /// Who has to agree.
    pub policy: Arc<TrustPolicy>,
    /// Everybody's; here they only check.
    pub keys: Arc<AllKeys>,
}

impl Facts {
    /// What proofs are held against.
    pub fn law(&self) -> Law<'_> {
        let Self { context, rotation, policy, keys } = self;
        Law { context, rotation, policy: policy.as_ref(), judge: keys.as_ref() }
    }
}
