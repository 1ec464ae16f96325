//! The alliance document, `alliance.toml`: one file from which everything else follows.
//!
//! People read and write it as TOML; what is hashed and signed is its canonical encoding
//! (`canonical.rs`), so layout and remarks are free. [`AllianceDocument`] is a document that is right
//! in itself, its policy and keys included, signed or not; [`crate::Alliance`] is one that every
//! member has signed, and the only one that servers and applications take.

mod canonical;
mod dealing;
mod draft;
mod founding;
mod keys;
mod organisation;
mod parameters;
mod read;
mod render;
mod signature;

pub use dealing::ServerShares;
pub use draft::{Draft, Introduction};
pub use founding::Founding;
pub use keys::{KeyMismatch, KeyPurpose, ThresholdKeys};
pub use organisation::{Address, AddressError, Organisation, Server};
pub use parameters::Parameters;
pub use read::DocumentError;
pub use signature::{NotAMember, OtherDocument, SignatureState};

use ally_consensus::{AllianceId, Context, Epoch, PolicyDigest};
use ally_policy::TrustPolicy;

/// An alliance document that is right in itself: every value is in its range, the policy meets its
/// conditions, and the threshold keys are dealt over its formulas. It may lack signatures.
#[derive(Clone)]
pub struct AllianceDocument {
    draft: Draft,
    keys: ThresholdKeys,
    id: AllianceId,
    /// One for each organisation, in their order.
    signatures: Vec<Option<[u8; 64]>>,
}

impl AllianceDocument {
    /// The alliance's identity: SHA-256 of the canonical document without signatures.
    pub fn id(&self) -> AllianceId {
        self.id
    }

    /// The front of the identity for people to compare over the telephone: eight groups of four
    /// hexadecimal digits, 128 bits.
    pub fn fingerprint(&self) -> String {
        let groups = self.id.0[..16].chunks(2).map(hex::encode);
        groups.collect::<Vec<_>>().join("-")
    }

    /// The first line of every checkpoint, for instance `example.org/ally`.
    pub fn origin(&self) -> &str {
        &self.draft.introduction.origin
    }

    /// The alliance's name, for people.
    pub fn name(&self) -> &str {
        &self.draft.introduction.name
    }

    /// The number of the configuration. A document that founds an alliance has 0.
    pub fn epoch(&self) -> Epoch {
        self.draft.introduction.epoch
    }

    /// Who has to respond for a decision to stand.
    pub fn policy(&self) -> &TrustPolicy {
        &self.draft.policy
    }

    /// The formulas as they were written, as (name, formula).
    pub fn formulas(&self) -> impl Iterator<Item = (&str, &str)> {
        self.draft.formulas.iter().map(|(name, formula)| (name.as_str(), formula.as_str()))
    }

    /// The members.
    pub fn organisations(&self) -> &[Organisation] {
        &self.draft.organisations
    }

    /// What all servers must agree on besides keys and policy.
    pub fn parameters(&self) -> &Parameters {
        &self.draft.parameters
    }

    /// The threshold keys' public halves.
    pub fn keys(&self) -> &ThresholdKeys {
        &self.keys
    }

    /// What every signature in this alliance covers.
    pub fn context(&self) -> Context {
        Context {
            alliance: self.id,
            epoch: self.epoch(),
            policy: PolicyDigest(self.policy().digest()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
