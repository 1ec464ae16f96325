//! What clients did and saw: the record that a run is judged by.

use ally::{Proposal, ProposalId, Receipt};
use serde::Serialize;

/// One command of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Which client.
    pub client: usize,
    /// Its number among this client's.
    pub number: u64,
    /// The proposal's name.
    pub id: ProposalId,
    /// When it was first asked for, ms after the start.
    pub asked_ms: u64,
    /// When its receipt was here; a client asks for the next command only then.
    pub acknowledged: Option<Acknowledged>,
    /// How often it was proposed.
    pub attempts: u32,
}

/// A receipt has come, and verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// When, ms after the start.
    pub at_ms: u64,
    /// Where the command stands, as the receipt proves.
    pub index: u64,
}

/// What a client has done, in order.
#[derive(Debug, Default)]
pub struct History {
    /// All its commands.
    pub operations: Vec<Operation>,
    /// Some of its receipts, with what they are for.
    pub sample: Vec<(Proposal, Receipt)>,
    /// Answers that did not verify.
    pub forged: Vec<Forged>,
}

/// An answer that did not verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forged {
    /// Whose it was.
    pub server: String,
    /// What is wrong with it.
    pub fault: String,
}

/// An entry as a listener was given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Its place.
    pub index: u64,
    /// The proposal's name.
    pub id: ProposalId,
    /// Whether it was marked as a repetition.
    pub duplicate_of: Option<u64>,
}

impl Operation {
    /// A line of the file that holds the history.
    pub fn line(&self) -> serde_json::Value {
        serde_json::json!({
            "client": self.client,
            "number": self.number,
            "id": self.id.to_string(),
            "asked_ms": self.asked_ms,
            "acknowledged": self.acknowledged,
            "attempts": self.attempts,
        })
    }
}
