//! When the demonstration does not go as it has to.

use crate::failure::{Exit, Failure};
use std::fmt::Display;

/// Something did not go as it has to.
const UNEXPECTED: &str = "ALLY-0602";

/// The demonstration failed, and this is why.
pub fn unexpected(what: impl Display) -> Failure {
    Failure::new(Exit::Unavailable, UNEXPECTED, format_args!("the demonstration failed: {what}"))
        .next("look into the logs in alliance/*/*/log, and report it")
}
