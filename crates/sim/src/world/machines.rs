//! Machines that fail in other ways than by stopping: disks, processes that stand still.

use super::{Event, World};
use crate::scenario::{ClockFault, Trouble};
use ally_consensus::Micros;
use ally_policy::ServerIndex;

/// How often a server whose disk is full is started again before there is room, at most.
const RESTARTS: u64 = 4;

impl World {
    pub(super) fn plan_machines(&mut self) {
        for pause in self.scenario.pauses.clone() {
            let server = ServerIndex(pause.server);
            self.queue.at(Micros(pause.at), Event::Pause(server));
            self.queue.at(Micros(pause.until), Event::Resume(server));
        }
        for fault in self.scenario.disk_faults.clone() {
            let server = ServerIndex(fault.server);
            match fault.trouble {
                Trouble::SyncError | Trouble::Slow(_) => {}
                Trouble::Full => {
                    let step = (fault.back.saturating_sub(fault.at) / RESTARTS).max(1);
                    for turn in 1..RESTARTS {
                        self.queue.at(Micros(fault.at + turn * step), Event::Restart(server));
                    }
                }
                Trouble::Rot => self.queue.at(Micros(fault.at), Event::Rot(server)),
                Trouble::RolledBack(to) => {
                    self.queue.at(Micros(to), Event::Snapshot(server));
                    self.queue.at(Micros(fault.at), Event::RollBack(server));
                }
            }
            self.queue.at(Micros(fault.back), Event::Restart(server));
        }
    }

    /// Whether a sync that ends now fails.
    pub(super) fn sync_fails(&mut self, server: ServerIndex) -> bool {
        if self.healed {
            return false;
        }
        let now = self.queue.now().0;
        let faults = self.scenario.disk_faults.iter().enumerate();
        let failing = faults
            .filter(|(_, fault)| fault.server == server.0 && (fault.at..fault.back).contains(&now));
        for (number, fault) in failing {
            match fault.trouble {
                Trouble::Full => {
                    self.tally.count("disk full");
                    return true;
                }
                // One failed sync each; the server is started again later.
                Trouble::SyncError if self.synced_wrongly.insert(number) => {
                    self.tally.count("sync failed");
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// How many times longer than usual a sync takes now.
    pub(super) fn sync_slowness(&mut self, server: ServerIndex) -> u64 {
        let now = self.queue.now().0;
        let slow = self.scenario.disk_faults.iter().find_map(|fault| match fault.trouble {
            Trouble::Slow(factor)
                if fault.server == server.0
                    && !self.healed
                    && (fault.at..fault.back).contains(&now) =>
            {
                Some(factor)
            }
            _ => None,
        });
        if slow.is_some() {
            self.tally.count("slow sync");
        }
        slow.unwrap_or(1)
    }

    /// The disk is damaged: the store will not open again.
    pub(super) fn rot(&mut self, server: ServerIndex) {
        self.crash(server);
        self.servers[server.index()].disk.rot();
        self.tally.count("disk rotten");
    }

    pub(super) fn roll_back(&mut self, server: ServerIndex) {
        self.crash(server);
        if let Some(disk) = self.snapshots.remove(&server)
            && !self.servers[server.index()].is_up()
        {
            if disk.height() < self.servers[server.index()].disk.height() {
                self.tally.count("disk rolled back over decisions");
            }
            self.servers[server.index()].disk = disk;
            self.tally.count("disk rolled back");
        }
    }

    pub(super) fn snapshot(&mut self, server: ServerIndex) {
        let disk = self.servers[server.index()].disk.surviving();
        self.snapshots.insert(server, disk);
    }

    /// Counts clocks by which a server lives at this moment and that are wrong.
    pub(super) fn count_wrong_clocks(&mut self) {
        let now = self.queue.now().0;
        let (clocks, servers) = (&self.scenario.clocks, &self.servers);
        let lives_by = |fault: &&ClockFault| {
            (fault.from..fault.to).contains(&now) && servers[usize::from(fault.server)].is_up()
        };
        for fault in clocks.faults.iter().filter(lives_by) {
            if fault.off != 0 {
                self.tally.count("clock off");
            }
            if fault.drift != 0 {
                self.tally.count("clock drifts");
            }
        }
        if clocks.set_back.is_some_and(|set_back| set_back.at <= now) {
            self.tally.count("clocks set back");
        }
        let mut timers = clocks.paces.iter().zip(servers);
        if timers.any(|(pace, own)| *pace != 1_000 && own.deadline().is_some()) {
            self.tally.count("timer runs fast or slow");
        }
    }

    pub(super) fn pause(&mut self, server: ServerIndex) {
        if self.servers[server.index()].is_up() {
            self.stalled.entry(server).or_default();
        }
    }

    /// Everything that came while it stood still comes to it now.
    pub(super) fn resume(&mut self, server: ServerIndex) {
        let Some(waiting) = self.stalled.remove(&server) else { return };
        self.tally.count("stood still");
        for event in waiting {
            self.queue.after(0, event);
        }
    }
}
