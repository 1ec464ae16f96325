//! Clients: they give commands to servers, and remember what they were not given back.

use super::World;
use crate::observation::Observation;
use crate::scenario::Load;
use crate::server::Disk;
use ally_byzantine::Stream;
use ally_policy::ServerIndex;
use ally_replica::{DeliveredBlock, Input};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Length of a command of a crowd.
const CROWD_COMMAND_BYTES: usize = 400;

/// Every command that was submitted and is still owed.
pub(super) struct Clients {
    stream: Stream,
    submitted: u64,
    /// Commands that their server has taken and, if it did not crash since, has to get decided.
    owed: BTreeMap<Bytes, Owed>,
}

struct Owed {
    at: ServerIndex,
    /// The client's name for it, with the server.
    ticket: u64,
}

impl Clients {
    pub(super) fn new(seed: u64) -> Self {
        Self { stream: Stream::new(seed, "clients"), submitted: 0, owed: BTreeMap::new() }
    }

    /// When and where commands are submitted during the faults.
    pub(super) fn plan(&mut self, load: &Load, servers: usize) -> Vec<(u64, ServerIndex)> {
        let one = |stream: &mut Stream| {
            let server = ServerIndex(stream.below(servers as u64) as u16);
            (stream.below(load.until), server)
        };
        (0..load.commands).map(|_| one(&mut self.stream)).collect()
    }

    /// When and where many come at once.
    pub(super) fn plan_crowd(&mut self, load: &Load, servers: usize) -> Option<(u64, ServerIndex)> {
        (load.crowd > 0).then(|| {
            let server = ServerIndex(self.stream.below(servers as u64) as u16);
            (self.stream.below(load.until), server)
        })
    }

    /// A client's next command, of at least so many bytes.
    fn next(&mut self, at: ServerIndex, bytes: usize) -> (u64, Bytes) {
        self.submitted += 1;
        let ticket = self.submitted;
        let command = Bytes::from(format!("{:.<bytes$}", format!("{at}:{ticket}")));
        self.owed.insert(command.clone(), Owed { at, ticket });
        (ticket, command)
    }

    /// A server did not take it: nothing is owed.
    pub(super) fn refused(&mut self, ticket: u64) {
        self.owed.retain(|_, owed| owed.ticket != ticket);
    }

    /// A server delivered its own client's command: the client has its answer.
    pub(super) fn delivered(&mut self, server: ServerIndex, block: &DeliveredBlock) {
        for batch in block.batches.iter().filter(|b| b.reference().origin == server) {
            for command in batch.batch().commands() {
                self.owed.remove(&command);
            }
        }
    }

    /// A crash takes the commands that no batch on the disk holds; their clients would ask again. Of
    /// those that are decided the clients learn when they ask.
    pub(super) fn crashed(&mut self, server: ServerIndex, disk: &Disk) {
        let kept = disk.undecided_of(server);
        self.owed.retain(|command, owed| owed.at != server || kept.contains(command));
    }

    /// Commands that honest servers still owe.
    pub(super) fn owed_by(&self, is_honest: impl Fn(ServerIndex) -> bool) -> usize {
        self.owed.values().filter(|owed| is_honest(owed.at)).count()
    }
}

impl World {
    pub(super) fn submit(&mut self, server: ServerIndex) {
        for copy in self.copies_of(server) {
            self.submit_to(copy, server, 0);
        }
    }

    /// Many clients at once.
    pub(super) fn crowd(&mut self, server: ServerIndex) {
        for _ in 0..self.scenario.load.crowd {
            for copy in self.copies_of(server) {
                self.submit_to(copy, server, CROWD_COMMAND_BYTES);
            }
        }
    }

    fn submit_to(&mut self, copy: ServerIndex, server: ServerIndex, bytes: usize) {
        if !self.servers[copy.index()].is_up() {
            return;
        }
        let (ticket, command) = self.clients.next(server, bytes);
        self.observe(Observation::Submitted { server, command: &command });
        self.input(copy, Input::Submit { ticket, commands: vec![command] });
    }
}
