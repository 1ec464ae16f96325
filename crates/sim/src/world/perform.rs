//! What servers ask for, done.

use super::letter::Letter;
use super::{Event, World};
use crate::observation::Observation;
use ally_byzantine::Keys;
use ally_consensus::{EvidenceKind as Agreement, Micros};
use ally_policy::ServerIndex;
use ally_replica::{
    EvidenceKind, Input, Outgoing, Output, PeerMessage, Recipients, Serve, StoreOp, Unsigned, When,
};

/// What lies most often come to.
const MISSTATEMENT: EvidenceKind = EvidenceKind::Consensus(Agreement::Misstated);

impl World {
    pub(super) fn perform(&mut self, server: ServerIndex, output: Output) {
        match output {
            Output::Write { position, op } => {
                if let StoreOp::Evidence(evidence) = &op {
                    self.observe(Observation::Accused { server, evidence });
                    self.tally.count("liar: convicted");
                    if evidence.kind() == MISSTATEMENT {
                        self.tally.count("liar: convicted of a misstatement");
                    }
                }
                self.servers[server.index()].disk.write(position, op);
            }
            Output::Send { when: When::Durable(after), to, message }
                if after > self.servers[server.index()].disk.durable() =>
            {
                self.servers[server.index()].hold_back(after, to, message);
            }
            Output::Send { to, message, .. } => self.say(server, to, message),
            Output::Run(job) => {
                let Some(done) = self.run_job(server, *job) else { return };
                let (shortest, longest) = self.scenario.paces.job;
                let delay = self.timing.between(shortest, longest);
                let life = self.servers[server.index()].life();
                let cost = Micros(delay);
                self.queue.after(delay, Event::Done { server, life, done: Box::new(done), cost });
            }
            Output::Serve { to, what } => self.serve(server, to, what),
            Output::Delivered(block) => {
                self.servers[server.index()].delivers(block.block.height);
                self.clients.delivered(server, &block);
                self.observe(Observation::Delivered { server, block: &block });
            }
            Output::Certified(_) => {}
            Output::Refused { ticket, .. } => {
                self.tally.count("command refused");
                self.clients.refused(ticket);
            }
            Output::View { view, open } => self.observe(Observation::View { server, view, open }),
            Output::Halt(breach) => self.observe(Observation::Halted { server, breach: &breach }),
            other => panic!("an output that the world does not know: {other:?}"),
        }
    }

    /// Signs and sends; a liar sends what its coalition makes of it.
    fn say(&mut self, from: ServerIndex, to: Recipients, message: Outgoing) {
        let name = self.name(from);
        let message = match message {
            Outgoing::Ready(message) => *message,
            Outgoing::ToSign(unsigned) => self.sign(from, unsigned),
        };
        let mut hearers = match to {
            Recipients::All | Recipients::Others => self.everyone(),
            Recipients::One(server) => [server].into_iter().collect(),
        };
        let itself = hearers.remove(name) && to != Recipients::Others;
        let letter = Letter::new(name, message);
        if itself {
            let life = self.servers[from.index()].life();
            self.queue.after(0, Event::Own { server: from, life, letter: letter.clone() });
        }
        if self.coalition.contains(name) && !self.has_two_faces(name) {
            let now = self.clocks(from).unix;
            let hearers: Vec<_> = hearers.iter().collect();
            let sent = self.coalition.send(name, &hearers, letter.message().clone(), now);
            return self.lie(sent);
        }
        self.observe(Observation::Said { server: name, message: letter.message() });
        for to in hearers.iter() {
            self.transmit(from, to, &letter);
        }
    }

    fn sign(&self, from: ServerIndex, mut unsigned: Unsigned) -> PeerMessage {
        let signer = &self.signers[from.index()];
        let from = self.name(from);
        if let Some(statement) = unsigned.share_statement(self.policy.has_slow_path()) {
            unsigned.set_share(signer.share(from, &self.context, &statement));
        }
        let bytes = unsigned.signing_bytes(&self.context);
        let signature = bytes.map_or([0; 64], |bytes| signer.sign(from, &bytes));
        unsigned.signed(from, signature)
    }

    fn serve(&mut self, from: ServerIndex, to: ServerIndex, what: Serve) {
        let disk = &self.servers[from.index()].disk;
        let messages: Vec<_> = match what {
            Serve::Batches(ids) => {
                let found = ids.iter().filter_map(|id| disk.batch(id));
                found.map(|batch| PeerMessage::Batch(batch.signed().clone())).collect()
            }
            Serve::Blocks { after } => {
                disk.blocks_after(after).into_iter().map(PeerMessage::SyncBlocks).collect()
            }
        };
        for message in messages {
            let name = self.name(from);
            if self.coalition.contains(name) && !self.has_two_faces(name) {
                let now = self.clocks(from).unix;
                let sent = self.coalition.send(name, &[to], message, now);
                self.lie(sent);
            } else {
                self.transmit(from, to, &Letter::new(name, message));
            }
        }
    }

    pub(super) fn start_sync(&mut self, server: ServerIndex) {
        let own = &mut self.servers[server.index()];
        if own.is_up() && own.disk.start_sync() {
            let life = own.life();
            let (shortest, longest) = self.scenario.disks.sync;
            let delay = self.timing.between(shortest, longest) * self.sync_slowness(server);
            self.queue.after(delay, Event::SyncEnds { server, life });
        }
    }

    /// A sync ends. If it failed, nobody knows what is on the disk, and the server stops.
    pub(super) fn synced(&mut self, server: ServerIndex) {
        if self.sync_fails(server) {
            return self.crash(server);
        }
        self.servers[server.index()].disk.end_sync();
        while let Some(op) = self.servers[server.index()].disk.pop_durable() {
            self.observe(Observation::Durable { server, op: &op });
            self.servers[server.index()].disk.keep(op);
        }
        while let Some((to, message)) = self.servers[server.index()].release() {
            if !self.survives(server) {
                return;
            }
            self.say(server, to, message);
        }
        let durable = self.servers[server.index()].disk.durable();
        self.input(server, Input::Durable(durable));
    }
}
