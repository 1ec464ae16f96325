//! A broken promise, and how it came to that.

use std::fmt;

/// What broke, and the steps that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What broke.
    pub what: String,
    /// The steps, in order.
    pub trace: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        self.trace.iter().try_for_each(|step| writeln!(f, "  {step}"))
    }
}
