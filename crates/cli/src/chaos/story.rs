//! What a person sees while it goes on: a line for each fault.

use super::schedule::{Fault, Said, Step};
use crate::output::Output;
use std::time::Duration;

/// Tells faults as they begin, with how the clients fare.
pub struct Progress {
    output: Output,
    last: (Duration, u64),
}

impl Progress {
    /// Nothing has happened yet.
    pub fn new(output: &Output) -> Self {
        Self { output: *output, last: (Duration::ZERO, 0) }
    }

    /// A fault has begun.
    pub fn fault(&mut self, at: Duration, step: &Step, names: &[String], acknowledged: u64) {
        let passed = (at - self.last.0).as_secs_f64().max(1e-3);
        let rate = (acknowledged - self.last.1) as f64 / passed;
        self.last = (at, acknowledged);
        self.output.note(format_args!(
            "{:>7.1} s  {:<12} {:<44} {:>7} commands {:>6.0}/s",
            at.as_secs_f64(),
            step.fault.kind().name(),
            described(step, names),
            acknowledged,
            rate
        ));
    }
}

/// The last fault has ended.
pub fn healed(output: &Output, at: Duration, acknowledged: u64) {
    output.note(format_args!(
        "{:>7.1} s  {:<57} {acknowledged:>7} commands",
        at.as_secs_f64(),
        "healed; waiting until everything is decided"
    ));
}

/// To whom, what, and for how long.
fn described(step: &Step, names: &[String]) -> String {
    let name = |place: &usize| names.get(*place).map_or("?", String::as_str);
    let list = |places: &[usize]| match places.len() {
        0..=2 => places.iter().map(name).collect::<Vec<_>>().join(", "),
        count => format!("{count} servers"),
    };
    let seconds = step.for_ms as f64 / 1000.0;
    match &step.fault {
        Fault::Kill { server } | Fault::Pause { server } | Fault::Disk { server } => {
            format!("{} for {seconds:.1} s", name(server))
        }
        Fault::Outage => format!("all servers for {seconds:.1} s"),
        Fault::Cut { side } | Fault::Stall { side } => {
            format!("{} | the others for {seconds:.1} s", list(side))
        }
        Fault::OneWay { from, to } => {
            format!("{} -> {} for {seconds:.1} s", list(from), list(to))
        }
        Fault::Reset { server } => name(server).to_owned(),
        Fault::Delay { from, to, ms } => {
            format!("{} -> {} by {ms} ms for {seconds:.1} s", list(from), list(to))
        }
        Fault::Narrow { server, bytes_per_s } => {
            format!("{} to {} KiB/s for {seconds:.1} s", name(server), bytes_per_s >> 10)
        }
        Fault::ClientCut { servers } => {
            format!("applications | {} for {seconds:.1} s", list(servers))
        }
        Fault::ClientStall { servers, what } => {
            let way = match what {
                Said::Commands => "->",
                Said::Answers => "<-",
                Said::All => "|",
            };
            format!("applications {way} {} for {seconds:.1} s", list(servers))
        }
        Fault::ClientDelay { servers, ms } => {
            format!("applications - {} by {ms} ms for {seconds:.1} s", list(servers))
        }
        Fault::Clock { server, seconds: by } => {
            format!("{} by {by:+} s for {seconds:.1} s", name(server))
        }
    }
}
