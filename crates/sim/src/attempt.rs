//! A run that may end in any way: well, with something broken, or with a panic.

use crate::scenario::{Scenario, ScenarioError};
use crate::trace::Trace;
use crate::world::{Outcome, World};
use ally_consensus::Bugs;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

/// What the violations of a run that panicked begin with.
const PANIC: &str = "panic";

/// How an attempt to run a scenario ended.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What was run.
    pub scenario: Scenario,
    /// What broke; empty if all is well.
    pub violations: Vec<String>,
    /// What it came to; none if it panicked.
    pub outcome: Option<Outcome>,
    /// What was recorded; empty if nothing was to be, or if it panicked.
    pub trace: Trace,
}

impl Attempt {
    /// Runs a scenario. A panic, in a server or in the simulator itself, is a violation like others.
    ///
    /// # Errors
    /// [`ScenarioError`] if it cannot be run.
    pub fn run(scenario: Scenario, bugs: Bugs) -> Result<Self, ScenarioError> {
        Self::make(scenario, bugs, false)
    }

    /// Runs a scenario and keeps what is observed. A run that panics leaves what came before.
    ///
    /// # Errors
    /// [`ScenarioError`] if it cannot be run.
    pub fn record(scenario: Scenario, bugs: Bugs) -> Result<Self, ScenarioError> {
        Self::make(scenario, bugs, true)
    }

    fn make(scenario: Scenario, bugs: Bugs, recording: bool) -> Result<Self, ScenarioError> {
        // What is wrong with a scenario is a mistake of whoever wrote it, and nothing that broke.
        let mut world = match caught(|| World::new(scenario.clone(), bugs)) {
            Ok(world) if recording => world?.recording(),
            Ok(world) => world?,
            Err(message) => return Ok(Self::panicked(scenario, &message, Trace::new())),
        };
        Ok(match caught(|| world.advance()) {
            Ok(()) => match caught(|| world.end()) {
                Ok((outcome, trace)) => {
                    let violations = outcome.violations.clone();
                    Self { scenario, violations, outcome: Some(outcome), trace }
                }
                Err(message) => Self::panicked(scenario, &message, Trace::new()),
            },
            Err(message) => Self::panicked(scenario, &message, world.into_trace()),
        })
    }

    fn panicked(scenario: Scenario, message: &str, trace: Trace) -> Self {
        Self { scenario, violations: vec![format!("{PANIC}: {message}")], outcome: None, trace }
    }

    /// Whether something broke.
    pub fn is_broken(&self) -> bool {
        !self.violations.is_empty()
    }

    /// What kind of thing broke, as invariants name it: `agreement`, `no liveness`, `panic`. The first
    /// one, but what is merely not done comes last: it follows from worse.
    pub fn kind(&self) -> Option<&str> {
        let kinds = || {
            let kind =
                |what: &'_ String| what.split_once(':').map_or(what.len(), |(kind, _)| kind.len());
            self.violations.iter().map(move |what| &what[..kind(what)])
        };
        kinds().find(|kind| !kind.starts_with("no ")).or_else(|| kinds().next())
    }
}

thread_local! {
    /// Whether panics of this thread are caught, and need not be printed.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// Where the last one was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What comes of `run`, or the message and place of its panic.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |info| note(info, &otherwise)));
    });
    let before = CATCHING.replace(true);
    // Nothing of a run outlives it, so that nobody sees what a panic left half done.
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    CATCHING.set(before);
    result.map_err(|payload| {
        let place = PLACE.take().map(|place| format!(" ({place})"));
        format!("{}{}", message(&*payload), place.unwrap_or_default())
    })
}

fn note(info: &PanicHookInfo<'_>, otherwise: &dyn Fn(&PanicHookInfo<'_>)) {
    if CATCHING.get() {
        PLACE.set(info.location().map(ToString::to_string));
    } else {
        otherwise(info);
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Setting, Style};

    #[test]
    fn a_panic_is_a_violation_with_message_and_place() {
        let caught = caught(|| -> u8 { panic!("nine {}", 9) }).expect_err("it panics");
        assert!(caught.starts_with("nine 9 (") && caught.contains("attempt.rs:"), "{caught}");
        assert_eq!(super::caught(|| 7), Ok(7), "the next run goes on as if nothing had been");
    }

    #[test]
    fn a_scenario_with_numbers_that_run_over_breaks_the_run_and_nothing_else() {
        let setting = Setting::named("four").expect("a setting");
        let mut scenario = Scenario::draw(1, &setting, Style::Weather).expect("it is sound");
        scenario.network.delay.1 = u64::MAX;
        let attempt = Attempt::run(scenario, Bugs::NONE).expect("the policy is sound");
        assert_eq!(attempt.kind(), Some("panic"));
        assert!(attempt.outcome.is_none() && attempt.is_broken());
    }
}
