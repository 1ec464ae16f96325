//! Kinds of observations, so that an invariant is shown those only that it looks at.

use crate::observation::Observation;

/// What an observation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Submitted,
    Said,
    Sent,
    Unheard,
    Durable,
    Delivered,
    Refused,
    Combined,
    Certified,
    View,
    Accused,
    Halted,
    Sampled,
    Crashed,
    Restarted,
    Healed,
}

impl Kind {
    /// How many there are.
    pub(super) const COUNT: usize = Self::Healed as usize + 1;

    /// The kind of an observation.
    pub(super) fn of(what: &Observation<'_>) -> Self {
        match what {
            Observation::Submitted { .. } => Self::Submitted,
            Observation::Said { .. } => Self::Said,
            Observation::Sent { .. } => Self::Sent,
            Observation::Unheard { .. } => Self::Unheard,
            Observation::Durable { .. } => Self::Durable,
            Observation::Delivered { .. } => Self::Delivered,
            Observation::Refused { .. } => Self::Refused,
            Observation::Combined { .. } => Self::Combined,
            Observation::Certified { .. } => Self::Certified,
            Observation::View { .. } => Self::View,
            Observation::Accused { .. } => Self::Accused,
            Observation::Halted { .. } => Self::Halted,
            Observation::Sampled { .. } => Self::Sampled,
            Observation::Crashed { .. } => Self::Crashed,
            Observation::Restarted { .. } => Self::Restarted,
            Observation::Healed => Self::Healed,
        }
    }
}
