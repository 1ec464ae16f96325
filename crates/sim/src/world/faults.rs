//! Faults as they happen, and their end.

use super::{CutManner, Event, World};
use crate::observation::Observation;
use crate::server::{Fuse, Server};
use ally_consensus::Micros;
use ally_policy::ServerIndex;
use ally_replica::{Input, StoreOp};

/// How often servers are looked at while the faults last.
const SAMPLES: u64 = 32;

/// How long a crash goes unnoticed by the servers at the other ends of the links, µs at most.
const NOTICED_WITHIN: u64 = 5_000;

impl World {
    /// Puts everything that the scenario says into the queue, and starts all servers.
    pub(super) fn plan(&mut self) {
        self.servers.iter_mut().for_each(Server::start);
        self.plan_faces();
        for a in self.everyone().iter() {
            for b in self.everyone().iter().filter(|b| *b > a) {
                self.queue.after(0, Event::LinkUp { a, b });
            }
        }
        for (at, server) in self.clients.plan(&self.scenario.load, self.policy.server_count()) {
            self.queue.at(Micros(at), Event::Submit { server });
        }
        let crowd = self.clients.plan_crowd(&self.scenario.load, self.policy.server_count());
        if let Some((at, server)) = crowd {
            self.queue.at(Micros(at), Event::Crowd { server });
        }
        for crash in self.scenario.crashes.clone() {
            let server = ServerIndex(crash.server);
            let away = crash.back.saturating_sub(crash.at);
            match crash.after_outputs {
                None => {
                    self.queue.at(Micros(crash.at), Event::Crash(server));
                    self.queue.at(Micros(crash.back), Event::Restart(server));
                }
                Some(outputs) => {
                    let fuse = Fuse { outputs, away };
                    self.queue.at(Micros(crash.at), Event::Fuse { server, fuse });
                }
            }
        }
        self.plan_machines();
        for partition in self.scenario.network.partitions.clone() {
            for a in partition.side.iter() {
                for b in self.everyone().difference(&partition.side).iter() {
                    self.queue.at(Micros(partition.from), Event::LinkDown { a, b });
                    self.queue.at(Micros(partition.to), Event::LinkUp { a, b });
                }
            }
        }
        self.plan_cuts();
        self.queue.at(Micros(self.scenario.healed_at), Event::Heal);
        self.queue.after(self.sample_every(), Event::Sample);
    }

    /// A look at every server; the next one follows while anything else is to happen.
    pub(super) fn sample(&mut self) {
        for server in self.honest().iter() {
            self.look_at(server);
        }
        self.count_wrong_clocks();
        if !self.queue.is_empty() {
            self.queue.after(self.sample_every(), Event::Sample);
        }
    }

    /// Shows what an honest server holds now, if it runs.
    pub(super) fn look_at(&mut self, server: ServerIndex) {
        if self.honest().contains(server)
            && let Some(status) = self.servers[server.index()].status()
        {
            self.observe(Observation::Sampled { server, status: &status });
        }
    }

    fn sample_every(&self) -> u64 {
        (self.scenario.healed_at / SAMPLES).max(1)
    }

    /// The ends of a link learn of the cuts that can be noticed.
    fn plan_cuts(&mut self) {
        let cuts = self.scenario.network.cuts.clone();
        for cut in cuts.iter().filter(|cut| cut.manner == CutManner::Noticed) {
            for a in cut.speakers.iter() {
                for b in cut.hearers.iter().filter(|b| *b != a) {
                    self.queue.at(Micros(cut.from), Event::LinkDown { a, b });
                    self.queue.at(Micros(cut.to), Event::LinkUp { a, b });
                }
            }
        }
    }

    /// A crash between two steps.
    pub(super) fn crash_at_once(&mut self, server: ServerIndex) {
        if self.servers[server.index()].is_up() {
            self.tally.count("crash between steps");
        }
        self.crash(server);
    }

    /// Stops a server dead; of what it wrote last a part survives.
    pub(super) fn crash(&mut self, server: ServerIndex) {
        if !self.servers[server.index()].is_up() {
            return;
        }
        let at_risk = self.servers[server.index()].disk.at_risk() as u64;
        let kept = self.timing.between(0, at_risk) as usize;
        self.servers[server.index()].stop();
        self.stalled.remove(&server);
        for op in self.servers[server.index()].disk.crash(kept) {
            self.observe(Observation::Durable { server, op: &op });
            // A block that outlives a crash between its write and its delivery: applications find it
            // in the log that the server opens.
            if let StoreOp::Block(block) = &op
                && self.servers[server.index()].delivers(block.block.height)
            {
                self.observe(Observation::Delivered { server, block });
            }
        }
        let disk = &self.servers[server.index()].disk;
        self.clients.crashed(server, disk);
        let height = disk.height();
        self.observe(Observation::Crashed { server, height });
        let names = self.servers.iter().take(self.policy.server_count());
        if 2 * names.filter(|own| own.is_up()).count() < self.policy.server_count() {
            self.tally.count("most servers down at once");
        }
        for other in self.everyone().iter().filter(|other| *other != server) {
            let delay = self.timing.below(NOTICED_WITHIN);
            let life = self.servers[server.index()].life();
            self.queue.after(delay, Event::Gone { server, life, peer: other });
        }
    }

    /// Whether a server lives to do the next thing that a step of it asks for.
    pub(super) fn survives(&mut self, server: ServerIndex) -> bool {
        let own = &mut self.servers[server.index()];
        match &mut own.fuse {
            None => own.is_up(),
            Some(fuse) if fuse.outputs > 0 => {
                fuse.outputs -= 1;
                true
            }
            Some(fuse) => {
                let away = fuse.away;
                self.tally.count("crash within a step");
                self.crash(server);
                self.queue.after(away, Event::Restart(server));
                false
            }
        }
    }

    pub(super) fn restart(&mut self, server: ServerIndex) {
        let own = &self.servers[server.index()];
        if own.is_up() || !own.disk.opens() {
            return;
        }
        self.servers[server.index()].start();
        self.observe(Observation::Restarted { server });
        self.input(server, Input::Tick);
        for other in self.everyone().iter().filter(|other| *other != server) {
            // Who has not noticed yet that it was away does now.
            self.link(server, other, false);
            self.link(server, other, true);
        }
    }

    /// The links between two servers go up or down, and both learn of it.
    pub(super) fn link(&mut self, a: ServerIndex, b: ServerIndex, up: bool) {
        let both = self.servers[a.index()].is_up() && self.servers[b.index()].is_up();
        if up && !both {
            return;
        }
        for (name, peer) in [(a, b), (b, a)] {
            for server in self.copies_of(name) {
                let life = self.servers[server.index()].life();
                self.queue.after(0, Event::Link { server, life, peer, up });
            }
        }
    }

    /// All faults end: servers and links come back.
    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.observe(Observation::Healed);
        for server in self.everyone().iter() {
            self.servers[server.index()].fuse = None;
            self.resume(server);
            self.restart(server);
        }
        for a in self.everyone().iter() {
            for b in self.everyone().iter().filter(|b| *b > a) {
                self.link(a, b, false);
                self.link(a, b, true);
            }
        }
        let honest: Vec<_> = self.living().iter().collect();
        for number in 0..self.scenario.load.after_healing {
            let server = honest[number as usize % honest.len()];
            self.queue.after(number * 1_000, Event::Submit { server });
        }
    }
}
