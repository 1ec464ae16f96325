//! The dealer of threshold keys, in this process: what it says and shows while it works.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use ally_alliance::{Draft, ServerShares, ThresholdKeys};
use ally_threshold::{DealError, Progress, Scheme};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::spawn_blocking;

/// The keys cannot be dealt.
const NOT_DEALT: &str = "ALLY-0310";

/// What whoever uses a dealer has to know.
pub const BANNER: &str = "\
The threshold keys are dealt by this process alone. For a moment it holds the
whole key: whoever controls this machine now can sign in the alliance's name
for ever. The key is wiped once the shares are written.";

/// A generator seeded by the operating system.
///
/// # Errors
/// [`Failure`] if the system gives no random numbers.
pub fn rng() -> Result<StdRng, Failure> {
    StdRng::try_from_rng(&mut SysRng).map_err(|error| {
        let message = format_args!("the operating system gives no random numbers: {error}");
        Failure::new(Exit::Internal, "ALLY-0202", message)
    })
}

/// Deals the keys of a draft on threads of its own; shows how the search for primes goes if a person
/// watches. Dropping the future ends the search.
///
/// # Errors
/// [`Failure`] if the scheme cannot carry the policy.
pub async fn deal(
    draft: &Draft,
    scheme: Scheme,
    output: &Output,
) -> Result<(ThresholdKeys, Vec<ServerShares>), Failure> {
    let search = Search::new(scheme, output);
    let _guard = Guard(Arc::clone(&search.given_up));
    let (draft, mut rng) = (draft.clone(), rng()?);
    let dealt = spawn_blocking(move || {
        let dealt = draft.deal(scheme, &mut rng, &search);
        search.finish();
        dealt
    });
    dealt.await.map_err(Failure::internal)?.map_err(|error: DealError| {
        let message = format_args!("the {scheme} keys cannot be dealt: {error}");
        Failure::new(Exit::Input, NOT_DEALT, message).next("try `--scheme bls`")
    })
}

/// Gives up the search when nobody waits for it any more.
struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The search for safe primes, and its bar.
pub struct Search {
    bar: ProgressBar,
    given_up: Arc<AtomicBool>,
}

impl Search {
    /// Shows a bar if a person watches and the scheme needs primes.
    pub fn new(scheme: Scheme, output: &Output) -> Self {
        let watched = io::stderr().is_terminal() && !output.is_json();
        let target = match watched && scheme != Scheme::Bls12381 {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "  {bar:30} {msg} · {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_message(format!("{scheme}: looking for two safe primes on all cores"));
        Self { bar, given_up: Arc::default() }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Search {
    fn candidates(&self, tried: u64, expected: u64) {
        // Luck varies: a bar that would pass its end stays just before it.
        self.bar.set_length(expected.max(tried + 1));
        self.bar.set_position(tried);
    }

    fn cancelled(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}
