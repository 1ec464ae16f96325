//! Lines of a text as commands.

use crate::demo::Bar;
use crate::failure::{Exit, Failure};
use crate::statistics::Latencies;
use ally::{Client, Placement, Proposal, Until};
use ally_proto::limits::COMMAND_BYTES_MAX;
use futures::{StreamExt, TryStreamExt, stream};
use std::time::{Duration, Instant};

/// Commands under way at a time.
const UNDER_WAY: usize = 256;
/// A line that no command can be.
const TOO_LONG: &str = "ALLY-0201";
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

/// The lines of a text that say something, whatever bytes they are. `name` is the text's in messages.
///
/// # Errors
/// [`Failure`] if there is none, or one is longer than a command can be.
pub fn commands_of<'a>(text: &'a [u8], name: &str) -> Result<Vec<&'a [u8]>, Failure> {
    let mut commands = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > COMMAND_BYTES_MAX {
            let (number, bytes) = (at + 1, line.len());
            let message = format_args!(
                "{name}: line {number} has {bytes} bytes, a command has at most {COMMAND_BYTES_MAX}"
            );
            return Err(Failure::new(Exit::Input, TOO_LONG, message)
                .next("give a text with shorter lines: each of them becomes one command"));
        }
        if !line.is_empty() {
            commands.push(line);
        }
    }
    match commands.is_empty() {
        true => Err(Failure::new(Exit::Input, NOTHING, format_args!("{name}: there is no line"))
            .next("give a text: each of its lines becomes one command")),
        false => Ok(commands),
    }
}

/// Proposes every command and waits for the decisions; `bar` counts them.
///
/// # Errors
/// [`Failure`] if one is not decided `within` the time.
pub async fn propose_all(
    client: &Client,
    commands: &[&[u8]],
    within: Duration,
    bar: &Bar,
) -> Result<Load, Failure> {
    let begun = Instant::now();
    let proposed = commands.iter().map(|command| async {
        let proposal = Proposal::new(command)?;
        let sent = Instant::now();
        let one = std::slice::from_ref(&proposal);
        let placed = client.propose_until(one, Until::Decided, within).await?;
        let place = placed.first().copied().ok_or_else(|| Failure::internal("no answer came"))?;
        bar.more(1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_with_something_in_it_is_a_command() {
        let lines = commands_of(b"one\n\ntwo\r\n\xff\x00\nlast", "poem").expect("lines");
        assert_eq!(lines, [&b"one"[..], b"two", b"\xff\x00", b"last"]);
    }

    #[test]
    fn a_text_without_commands_is_refused_by_name() {
        for text in [&b""[..], b"\n", b"\r\n\n"] {
            assert!(format!("{:?}", commands_of(text, "poem")).contains("poem: there is no line"));
        }
        let long = [&b"short\n"[..], &vec![b'x'; COMMAND_BYTES_MAX + 1]].concat();
        assert!(format!("{:?}", commands_of(&long, "poem")).contains("poem: line 2 has 1048577"));
        assert!(commands_of(&long[..long.len() - 1], "poem").is_ok(), "the longest there is");
    }
}
