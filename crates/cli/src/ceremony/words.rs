//! What becomes of a ceremony, in words, with the names of servers.

use super::folder::BAD_CEREMONY;
use crate::failure::{Exit, Failure};
use ally_ceremony::{Board, DealerFault, Failure as Cause, Stage};
use ally_policy::{ServerIndex, ServerSet};
use ally_threshold::PlanError;

/// The ceremony came to nothing.
pub const FAILED: &str = "ALLY-0318";

/// A stage as it is called in files and tables.
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Hello => "hello",
        Stage::Dealing => "dealing",
        Stage::Verdict => "verdict",
        Stage::Confirmation => "confirmation",
        Stage::Abort => "abort",
    }
}

/// Whom a ceremony waits for, and for what.
pub fn waiting(board: &Board, stage: Stage, missing: &ServerSet) -> String {
    let names: Vec<&str> = missing.iter().map(|server| name(board, server)).collect();
    let due = match stage {
        Stage::Hello => "to join",
        Stage::Dealing => "to deal",
        Stage::Verdict => "to check what was dealt",
        Stage::Confirmation => "to accept",
        Stage::Abort => "to give up",
    };
    format!("{} {due}", names.join(", "))
}

/// A ceremony that failed, with who is to blame and what to do.
pub fn failed(board: &Board, cause: &Cause) -> Failure {
    let name = |server: &ServerIndex| name(board, *server);
    let end = |message: String, next: &str| Failure::new(Exit::No, FAILED, message).next(next);
    match cause {
        Cause::Aborted { by, reason } => {
            end(format!("{} gave up: {reason}", name(by)), "propose another ceremony")
        }
        Cause::Equivocation { by } => end(
            format!("{} signed two different records of one stage", name(by)),
            "keep the folder as evidence, and propose another ceremony without that server; if \
             it was restored from a backup, it was no ill will",
        ),
        Cause::Diverged { by, stage } => end(
            format!(
                "the {} of {} answers to other records than those here",
                stage_name(*stage),
                name(by)
            ),
            "copy everybody's `records` into one folder: whoever told you different things shows",
        ),
        Cause::Dealers { key, faults } => {
            let message = format!("the {key} key cannot be made: its dealers did not deal rightly");
            let failure = end(message, "propose another ceremony with other dealers");
            faults.iter().fold(failure, |failure, (dealer, fault)| {
                failure.detail("to blame", format!("{}: {}", name(dealer), describe(board, fault)))
            })
        }
        Cause::Confirmation { key, by, reason } => end(
            format!("{} did not sign rightly with its share of the {key} key: {reason}", name(by)),
            "propose another ceremony without that server",
        ),
        Cause::Key { key, error: PlanError::CommonFactor { first, second } } => {
            // An RSA key has all of its dealers, in the order of the proposal.
            let task = board.proposal().keys().iter().find(|task| task.name == *key);
            let dealer = |at: &usize| task.and_then(|task| task.dealers.get(*at)).map_or("?", name);
            let (one, other) = (dealer(first), dealer(second));
            end(
                format!("the moduli of {one} and {other} for the {key} key have a common factor"),
                "propose another ceremony without these two: one copied from the other, or both \
                 have bad randomness",
            )
        }
        other => end(other.to_string(), "propose another ceremony"),
    }
}

/// What a dealer did, with the name of whom it did it to.
pub fn describe(board: &Board, fault: &DealerFault) -> String {
    match fault {
        DealerFault::Same { key, other } => {
            format!("it dealt the same as {} for the {key} key", name(board, *other))
        }
        DealerFault::Letter { key, reader } => {
            let reader = name(board, *reader);
            format!("what it sealed for {reader} for the {key} key cannot be opened")
        }
        DealerFault::Part { key, reader, fault } => {
            format!("it gave {} a wrong part of the {key} key: {fault}", name(board, *reader))
        }
        other => other.to_string(),
    }
}

/// A participant by name.
pub fn name(board: &Board, server: ServerIndex) -> &str {
    board.proposal().participants().get(server.index()).map_or("?", |one| one.name.as_str())
}

/// The participant of this name.
///
/// # Errors
/// [`Failure`] if nobody of this name takes part.
pub fn find(board: &Board, server: &str) -> Result<ServerIndex, Failure> {
    let participants = board.proposal().participants();
    match participants.iter().position(|one| one.name == server) {
        Some(at) => Ok(ServerIndex(at as u16)),
        None => {
            let names: Vec<&str> = participants.iter().map(|one| one.name.as_str()).collect();
            let message = format_args!("{server} has no part in this ceremony");
            Err(Failure::new(Exit::Input, BAD_CEREMONY, message)
                .detail("participants", names.join(", "))
                .next("name the configuration of one of these with --config"))
        }
    }
}
