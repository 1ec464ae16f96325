//! Lines of a text as commands.

use crate::failure::{Exit, Failure};
use crate::statistics::Latencies;
use ally::{Client, Placement, Proposal, Until};
use futures::{StreamExt, TryStreamExt, stream};
use std::time::{Duration, Instant};

/// Commands under way at a time.
const UNDER_WAY: usize = 64;
/// A text without a line.
const NOTHING: &str = "ALLY-0405";

/// What became of a load.
pub struct Load {
    /// Each command with its place in the log, in the order of the lines.
    pub placed: Vec<(Proposal, Placement)>,
    /// From proposing to the news of the decision.
    pub latencies: Latencies,
    /// From the first proposal to the last decision.
    pub took: Duration,
}

/// The lines of a text that say something.
///
/// # Errors
/// [`Failure`] if there is none.
pub fn commands_of(text: &[u8]) -> Result<Vec<&[u8]>, Failure> {
    let lines =
        text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    match lines.is_empty() {
        true => Err(Failure::new(Exit::Input, NOTHING, "the text has no line")),
        false => Ok(lines),
    }
}

/// Proposes every command and waits for the decisions.
///
/// # Errors
/// [`Failure`] if one is not decided `within` the time.
pub async fn propose_all(
    client: &Client,
    commands: &[&[u8]],
    within: Duration,
) -> Result<Load, Failure> {
    let begun = Instant::now();
    let proposed = commands.iter().map(|command| async {
        let proposal = Proposal::new(command)?;
        let sent = Instant::now();
        let one = std::slice::from_ref(&proposal);
        let placed = client.propose_until(one, Until::Decided, within).await?;
        let place = placed.first().copied().ok_or_else(|| Failure::internal("no answer came"))?;
        Ok::<_, Failure>((proposal, place, sent.elapsed()))
    });
    let done: Vec<_> = stream::iter(proposed).buffered(UNDER_WAY).try_collect().await?;
    let took = begun.elapsed();
    let mut latencies = Latencies::default();
    let placed = done.into_iter().map(|(proposal, place, latency)| {
        latencies.add(latency);
        (proposal, place)
    });
    Ok(Load { placed: placed.collect(), latencies, took })
}

impl Load {
    /// Commands decided in a second.
    pub fn rate(&self) -> f64 {
        self.placed.len() as f64 / self.took.as_secs_f64().max(1e-6)
    }
}
