//! What was measured, for people and for programs.

use super::{Limits, Measured, Pace, Usage};
use crate::output::table;
use crate::statistics::{Latencies, duration, thousands};
use crate::wrap::{output_columns, wrap};
use anstyle::Style;
use serde_json::{Value, json};
use std::time::Duration;

/// A process before and after.
pub struct Process {
    /// The server's name, or `client`.
    pub name: String,
    /// When measuring began.
    pub before: Option<Usage>,
    /// When it ended.
    pub after: Option<Usage>,
}

/// Everything that one run has measured.
pub struct Report {
    /// How the load was made.
    pub pace: Pace,
    /// Clients, and bytes of a command.
    pub clients: usize,
    /// Bytes of a command.
    pub size: usize,
    /// How long it was measured.
    pub measure: Duration,
    /// Scheme of the certificates.
    pub scheme: &'static str,
    /// Whether servers wait for the disk.
    pub durability: String,
    /// What came of it.
    pub measured: Measured,
    /// Decisions in two steps, and all.
    pub decisions: (u64, u64),
    /// The servers, and this process.
    pub processes: Vec<Process>,
    /// The machine.
    pub limits: Limits,
}

impl Process {
    /// Seconds of processor time in each second.
    fn cpu(&self, measure: Duration) -> Option<f64> {
        let used = self.after?.cpu.saturating_sub(self.before?.cpu);
        Some(used.as_secs_f64() / measure.as_secs_f64())
    }
}

impl Report {
    fn rate(&self) -> f64 {
        self.measured.done as f64 / self.measure.as_secs_f64()
    }

    fn two_step_share(&self) -> Option<f64> {
        let (two, all) = self.decisions;
        (all > 0).then(|| two as f64 / all as f64)
    }

    fn load_text(&self) -> String {
        let pace = match self.pace {
            Pace::Open { rate } => format!("open loop at {}/s", thousands(rate as u64)),
            Pace::Closed { in_flight } => format!("closed loop, {in_flight} each under way"),
        };
        let line = format!(
            "{pace} · {} clients · {} bytes · {:.0} s · {} · durability {}",
            self.clients,
            self.size,
            self.measure.as_secs_f64(),
            self.scheme,
            self.durability
        );
        wrap(&line, output_columns(), 0)
    }

    /// For programs.
    pub fn json(&mut self) -> Value {
        let (loop_kind, rate, in_flight) = match self.pace {
            Pace::Open { rate } => ("open", Some(rate), None),
            Pace::Closed { in_flight } => ("closed", None, Some(in_flight)),
        };
        let measure = self.measure;
        let processes = self.processes.iter().map(|process| {
            json!({
                "name": process.name,
                "cpu": process.cpu(measure),
                "memory_peak_bytes": process.after.map(|usage| usage.memory_peak),
            })
        });
        let processes: Vec<_> = processes.collect();
        let (rate_done, share) = (self.rate(), self.two_step_share());
        json!({
            "loop": loop_kind,
            "rate": rate,
            "in_flight": in_flight,
            "clients": self.clients,
            "command_bytes": self.size,
            "seconds": measure.as_secs_f64(),
            "scheme": self.scheme,
            "durability": self.durability,
            "commands_per_second": rate_done,
            "commands": self.measured.done,
            "failed": self.measured.failed,
            "dropped": self.measured.dropped,
            "decided": self.measured.decided.json(),
            "certified": self.measured.certified.json(),
            "two_step_share": share,
            "processes": processes,
            "limits": {
                "fsync": self.limits.fsync.json(),
                "loopback_round_trip": self.limits.round_trip.json(),
                "certificate_share": self.limits.share.json(),
                "ed25519_verify": self.limits.ed25519.json(),
            },
        })
    }

    /// For people.
    pub fn text(&mut self) -> String {
        let bold = Style::new().bold();
        let load = self.load_text();
        let rate = thousands(self.rate() as u64);
        let share = self.two_step_share().map_or("unknown".to_owned(), |share| {
            format!("{:.1} % of the decisions", share * 100.0)
        });
        let mut text = format!("{load}\n\n{bold}{rate} commands/s{bold:#}");
        if self.measured.failed + self.measured.dropped > 0 {
            let (failed, dropped) = (self.measured.failed, self.measured.dropped);
            text += &format!(", {} failed, {} not sent", thousands(failed), thousands(dropped));
        }
        let rows = [
            row("to decision", &mut self.measured.decided),
            row("to certificate", &mut self.measured.certified),
        ];
        text += &format!("\n\n{}\n\n", table(["LATENCY", "P50", "P99", "MAX"], rows));
        text += &format!("two steps: {share}\n\n");
        text += &self.processes_text();
        let limits = &mut self.limits;
        let rows = [
            row("4 KiB append and fsync", &mut limits.fsync),
            row("loopback round trip", &mut limits.round_trip),
            row(&format!("{} share", self.scheme), &mut limits.share),
            row("Ed25519 verification", &mut limits.ed25519),
        ];
        text += &table(["LIMITS OF THIS MACHINE", "P50", "P99", "MAX"], rows);
        text
    }

    fn processes_text(&self) -> String {
        let rows = self.processes.iter().map(|process| {
            let cpu = process.cpu(self.measure);
            let memory = process.after.map(|usage| usage.memory_peak >> 20);
            [
                process.name.clone(),
                cpu.map_or("unknown".to_owned(), |cpu| format!("{:.0} %", cpu * 100.0)),
                memory.map_or("unknown".to_owned(), |mib| format!("{mib} MiB")),
            ]
        });
        format!("{}\n\n", table(["PROCESS", "OF A CORE", "PEAK MEMORY"], rows))
    }
}

fn row(name: &str, latencies: &mut Latencies) -> [String; 4] {
    let mut at = |share| latencies.percentile(share).map_or("-".to_owned(), duration);
    [name.to_owned(), at(0.5), at(0.99), at(1.0)]
}
