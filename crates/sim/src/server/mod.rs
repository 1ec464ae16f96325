//! A server: the real replica, with a modelled machine around it.
//!
//! The world performs what the replica asks for. What a crash takes away is everything here but the
//! disk.

mod disk;

pub use disk::Disk;

use ally_consensus::{Height, Micros, Now, Phase, View};
use ally_replica::{Config, Input, Outgoing, Output, Recipients, Replica, Status, WritePosition};

/// One server of a world; while it is down it has no replica.
pub struct Server {
    config: Config,
    replica: Option<Replica>,
    /// Its disk.
    pub disk: Disk,
    /// Messages that wait for the disk.
    held_back: Vec<(WritePosition, Recipients, Outgoing)>,
    /// Counts starts; what was under way in an earlier life is lost.
    life: u32,
    /// The earliest wake that is planned.
    pub wake: Option<Micros>,
    /// The height of the last block that it told its applications of, or has on its disk.
    delivered: Height,
    /// If set, it dies after doing so many more of the things that its steps ask for.
    pub fuse: Option<Fuse>,
}

/// A death in the middle of a step.
#[derive(Debug, Clone, Copy)]
pub struct Fuse {
    /// What it does before.
    pub outputs: u32,
    /// How long it is away, µs.
    pub away: u64,
}

impl Server {
    /// A server that is down and has never run.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            replica: None,
            disk: Disk::default(),
            held_back: Vec::new(),
            life: 0,
            wake: None,
            delivered: Height::ZERO,
            fuse: None,
        }
    }

    /// Starts from its disk.
    ///
    /// # Panics
    /// If the replica refuses its own disk.
    pub fn start(&mut self) {
        let restored = Replica::restore(self.config.clone(), self.disk.recover());
        self.replica = Some(restored.unwrap_or_else(|error| panic!("restart: {error}")));
        self.life += 1;
        self.wake = None;
        self.delivered = self.disk.height();
    }

    /// Whether applications learn of a block now for the first time in this life.
    pub fn delivers(&mut self, height: Height) -> bool {
        let first = height > self.delivered;
        self.delivered = self.delivered.max(height);
        first
    }

    /// Stops dead: everything but the disk is gone.
    pub fn stop(&mut self) {
        self.replica = None;
        self.fuse = None;
        self.held_back.clear();
        self.life += 1;
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        self.replica.is_some()
    }

    /// Its life, to tell what belongs to an earlier one.
    pub fn life(&self) -> u32 {
        self.life
    }

    /// Takes an input; appends what is to be done.
    pub fn step(&mut self, input: Input, now: Now, outputs: &mut Vec<Output>) {
        if let Some(replica) = &mut self.replica {
            replica.step(input, now, outputs);
        }
    }

    /// Keeps a message until a write is durable.
    pub fn hold_back(&mut self, until: WritePosition, to: Recipients, message: Outgoing) {
        self.held_back.push((until, to, message));
    }

    /// The next message whose write is durable now.
    pub fn release(&mut self) -> Option<(Recipients, Outgoing)> {
        let durable = self.disk.durable();
        let ready = self.held_back.iter().position(|(after, ..)| *after <= durable)?;
        let (_, to, message) = self.held_back.remove(ready);
        Some((to, message))
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Micros> {
        self.replica.as_ref().and_then(Replica::deadline)
    }

    /// Its replica's picture; none while it is down.
    pub fn status(&self) -> Option<Status> {
        self.replica.as_ref().map(Replica::status)
    }

    /// The view it is in; none while it is down.
    pub fn view(&self) -> Option<View> {
        self.status().map(|status| status.agreement.view)
    }

    /// Whether it has left a view and is not in the next one yet.
    pub fn is_leaving(&self) -> bool {
        self.status().is_some_and(|status| status.agreement.phase == Phase::Changing)
    }
}
