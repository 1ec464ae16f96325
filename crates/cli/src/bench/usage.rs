//! Processor time and memory of a process, from /proc.

use std::fs;
use std::time::Duration;

/// Clock ticks in a second, as /proc counts them: 100 on every Linux that anybody runs.
const TICKS_PER_SECOND: u64 = 100;

/// What a process has used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, of all its threads.
    pub cpu: Duration,
    /// The most memory it ever held, in bytes.
    pub memory_peak: u64,
}

impl Usage {
    /// Of a process so far; `None` if it is gone, or this is no Linux.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(Self { cpu: cpu(&stat)?, memory_peak: memory_peak(&status)? })
    }
}

/// Fields 14 and 15, user and system time. The second field is a name in parentheses that may hold
/// anything, spaces and parentheses included.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

fn memory_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_processes_do_not_confuse() {
        let stat = "12 (a) b) R 1 1 1 0 -1 4194304 1 2 3 4 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu("12 (a"), None);
        assert_eq!(memory_peak("Name:\tx\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(memory_peak("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let usage = Usage::of(std::process::id()).expect("this is Linux");
        assert!(usage.memory_peak > 1 << 16);
    }
}
