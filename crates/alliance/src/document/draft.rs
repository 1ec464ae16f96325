//! An alliance before its threshold keys are dealt.

use super::{
    AllianceDocument, DocumentError, KeyMismatch, Organisation, Parameters, ThresholdKeys,
};
use ally_consensus::Epoch;
use ally_log::Origin;
use ally_policy::{Definition, FaultModel, TrustPolicy};
use std::ops::RangeInclusive;

/// The longest name of an alliance.
const NAME_BYTES_MAX: usize = 200;

/// The configurations that there can be so far.
pub(super) const EPOCHS: RangeInclusive<u64> = 0..=0;

/// What an alliance is called and what it assumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// The first line of every checkpoint: a name that nobody else uses, by custom a domain and a
    /// path (`example.org/ally`); what an [`Origin`] may be.
    pub origin: String,
    /// The alliance's name, for people.
    pub name: String,
    /// The number of the configuration; 0 to found an alliance.
    pub epoch: Epoch,
    /// What a faulty server may be able to do.
    pub model: FaultModel,
}

impl Introduction {
    /// What no document may have: the key and what is wrong with its value.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        if let Err(error) = Origin::new(&self.origin) {
            return Some(("origin", error.to_string()));
        }
        let name = &self.name;
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            let reason = format!("1 to {NAME_BYTES_MAX} bytes without control characters");
            return Some(("name", reason));
        }
        let founds = EPOCHS.contains(&self.epoch.0);
        (!founds).then(|| {
            ("epoch", format!("{} is not 0, but only new alliances can be founded", self.epoch))
        })
    }
}

/// An alliance of which everything is settled but the threshold keys: the policy passed, so a dealer
/// can deal them over its formulas.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) introduction: Introduction,
    pub(super) formulas: Vec<(String, String)>,
    pub(super) policy: TrustPolicy,
    pub(super) organisations: Vec<Organisation>,
    pub(super) parameters: Parameters,
}

impl Draft {
    /// Checks the policy of a new alliance against its members.
    ///
    /// `policy` has `decide`, optional `fast` and `certify`, and rules of organisations. Mistakes in it
    /// are shown in the file that it was read from.
    ///
    /// # Errors
    /// [`DocumentError::Policy`]: a mistake in a formula, or a condition that fails; whoever wrote the
    /// policy is to blame. [`DocumentError::Value`]: a name, key or address that no document may have.
    pub fn new(
        introduction: Introduction,
        policy: Definition,
        organisations: Vec<Organisation>,
        parameters: Parameters,
    ) -> Result<Self, DocumentError> {
        // Before keys are dealt, which takes its time: no document comes out that cannot be read.
        let fault = introduction.fault().or_else(|| Organisation::fault(&organisations));
        if let Some((key, reason)) = fault {
            return Err(DocumentError::Value { key, reason });
        }
        let members = organisations.iter().map(Organisation::member).collect();
        let definition = policy.over(members)?;
        let formulas = definition.formulas();
        let formulas = formulas.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let policy = TrustPolicy::new(&definition, introduction.model)?;
        Ok(Self { introduction, formulas, policy, organisations, parameters })
    }

    /// The policy, over whose formulas the keys are to be dealt.
    pub fn policy(&self) -> &TrustPolicy {
        &self.policy
    }

    /// The number of the configuration, for which the keys are to be dealt.
    pub fn epoch(&self) -> Epoch {
        self.introduction.epoch
    }

    /// The first line of every checkpoint.
    pub fn origin(&self) -> &str {
        &self.introduction.origin
    }

    /// The alliance's name, for people.
    pub fn name(&self) -> &str {
        &self.introduction.name
    }

    /// The members.
    pub fn organisations(&self) -> &[Organisation] {
        &self.organisations
    }

    /// Completes the document; nobody has signed it yet.
    ///
    /// # Errors
    /// [`KeyMismatch`] if a key was dealt over another formula or for another epoch.
    pub fn seal(self, keys: ThresholdKeys) -> Result<AllianceDocument, KeyMismatch> {
        keys.check(&self.policy, self.introduction.epoch)?;
        let signatures = vec![None; self.organisations.len()];
        let mut document =
            AllianceDocument { draft: self, keys, id: Default::default(), signatures };
        document.id = document.compute_id();
        Ok(document)
    }
}
