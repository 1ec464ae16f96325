//! The way of a message: how long, how often, and whether at all.

use super::letter::Letter;
use super::{CutManner, Event, World};
use crate::observation::Observation;
use ally_policy::ServerIndex;
use ally_replica::{Link, PeerMessage};
use std::collections::BTreeMap;

/// Links of limited bandwidth: until when each direction of each is busy, µs.
#[derive(Default)]
pub(super) struct Queues(BTreeMap<(ServerIndex, ServerIndex, Link), u64>);

impl Queues {
    /// Puts a message in the queue; gives how long it takes until the last byte has left.
    fn put(
        &mut self,
        link: (ServerIndex, ServerIndex, Link),
        bytes: u64,
        per_ms: u64,
        now: u64,
    ) -> u64 {
        let free = self.0.entry(link).or_insert(now);
        *free = (*free).max(now) + bytes * 1_000 / per_ms;
        *free - now
    }
}

/// How long the copies of a message take, µs: the message itself, sent twice, replayed.
type Delays = [Option<u64>; 3];

/// A message that never arrives.
const LOST: Delays = [None; 3];

impl World {
    /// Puts a message on the network, which may lose, delay, reorder or repeat it.
    pub(super) fn transmit(&mut self, copy: ServerIndex, to: ServerIndex, letter: &Letter) {
        let Some(letter) = self.carried(letter) else { return };
        for hearer in self.copies_of(to) {
            self.transmit_to((copy, hearer), to, &letter);
        }
    }

    fn transmit_to(
        &mut self,
        (copy, hearer): (ServerIndex, ServerIndex),
        to: ServerIndex,
        letter: &Letter,
    ) {
        let (from, message) = (letter.from(), letter.message());
        let delays = self.delays(from, to, message);
        if delays == LOST {
            self.observe(Observation::Sent { from: copy, to: hearer, message, delay: None });
        }
        for delay in delays.into_iter().flatten() {
            let sent = Observation::Sent { from: copy, to: hearer, message, delay: Some(delay) };
            self.observe(sent);
            let letter = letter.clone();
            self.queue.after(delay, Event::Deliver { copy, to: hearer, letter });
        }
    }

    /// What comes out of a link, if messages travel as bytes.
    fn carried(&mut self, letter: &Letter) -> Option<Letter> {
        if !self.scenario.network.frames {
            return Some(letter.clone());
        }
        let (from, message) = (letter.from(), letter.message());
        let frame = message.to_frame();
        self.tally.count("carried as bytes");
        if let Some(garbage) = self.coalition.garble(from, &frame) {
            let read = PeerMessage::from_frame(garbage).ok();
            self.tally.count(match read {
                Some(_) => "garbage that is a message",
                None => "refused by the decoder",
            });
            return read.map(|message| Letter::new(from, message));
        }
        let read = PeerMessage::from_frame(frame);
        if read.as_ref() != Ok(message) {
            self.invariants.violate(format!("frame: {message:?} is read as {read:?}"));
        }
        read.ok().map(|message| Letter::new(from, message))
    }

    /// How long the copies of a message take; none if it is lost. What is sent before the healing
    /// arrives at the latest one longest delay after it.
    fn delays(&mut self, from: ServerIndex, to: ServerIndex, message: &PeerMessage) -> Delays {
        if self.healed {
            return [Some(self.ordinary_delay(from, to)), None, None];
        }
        if self.is_kept_secret(message) {
            return LOST;
        }
        let held = match self.cut(from, to) {
            Some((CutManner::Held, until)) => until,
            Some((_, _)) => return LOST,
            None => 0,
        };
        let now = self.queue.now().0;
        let network = &self.scenario.network;
        let (loss, duplicate, replay) =
            (network.loss_permille, network.duplicate_permille, network.replay_permille);
        if self.network.permille(loss) {
            self.tally.count("lost");
            return LOST;
        }
        let latest = self.scenario.healed_at.saturating_sub(now) + self.longest_delay;
        let queued = self.queued(from, to, message);
        let once = held.saturating_sub(now) + queued + self.delay(from, to);
        let mut delays = [Some(once.min(latest)), None, None];
        if self.network.permille(duplicate) {
            self.tally.count("sent twice");
            delays[1] = Some(self.delay(from, to).max(once).min(latest));
        }
        if self.network.permille(replay) {
            self.tally.count("replayed");
            delays[2] = Some(self.network.between(once.min(latest), latest));
        }
        delays
    }

    /// How a link is cut now, if it is, and until when.
    fn cut(&mut self, from: ServerIndex, to: ServerIndex) -> Option<(CutManner, u64)> {
        let now = self.queue.now().0;
        let network = &self.scenario.network;
        let split = network.partitions.iter().any(|partition| {
            (partition.from..partition.to).contains(&now)
                && partition.side.contains(from) != partition.side.contains(to)
        });
        if split {
            self.tally.count("lost in a partition");
            return Some((CutManner::Noticed, now));
        }
        let number = network.cuts.iter().position(|cut| {
            let there = cut.speakers.contains(from) && cut.hearers.contains(to);
            // A link that both know to be down carries nothing either way.
            let back = cut.speakers.contains(to) && cut.hearers.contains(from);
            (cut.from..cut.to).contains(&now) && (there || back && cut.manner == CutManner::Noticed)
        })?;
        let cut = network.cuts[number];
        match cut.manner {
            CutManner::Lost => self.tally.count("lost in a silent cut"),
            CutManner::Noticed => self.tally.count("lost in a noticed cut"),
            CutManner::Held => self.tally.count("held by a clogged link"),
        }
        self.tally.count(self.cut_shapes[number]);
        Some((cut.manner, cut.to))
    }

    fn queued(&mut self, from: ServerIndex, to: ServerIndex, message: &PeerMessage) -> u64 {
        let per_ms = self.scenario.network.bytes_per_ms;
        if per_ms == 0 {
            return 0;
        }
        let (bytes, now) = (message.to_frame().len() as u64, self.queue.now().0);
        let wait = self.queues.put((from, to, message.link()), bytes, per_ms, now);
        if wait > self.longest_delay {
            self.tally.count("queued for longer than a delay");
        }
        wait
    }

    /// A delay as it comes during the faults.
    fn delay(&mut self, from: ServerIndex, to: ServerIndex) -> u64 {
        let (slow, slow_delay) =
            (self.scenario.network.slow_permille, self.scenario.network.slow_delay);
        if self.network.permille(slow) {
            self.tally.count("slow message");
            let shortest = self.scenario.network.delay.0;
            return self.network.between(shortest.min(slow_delay), slow_delay);
        }
        let ordinary = self.ordinary_delay(from, to);
        let tail = self.scenario.network.wide_area.as_ref();
        let Some((permille, factor)) = tail.map(|area| (area.tail_permille, area.tail_factor))
        else {
            return ordinary;
        };
        if self.network.permille(permille) {
            self.tally.count("caught in the tail");
            return self.network.between(ordinary, ordinary * factor.max(1));
        }
        ordinary
    }

    fn ordinary_delay(&mut self, from: ServerIndex, to: ServerIndex) -> u64 {
        let (shortest, longest) = self.scenario.network.delay;
        let near = self.network.between(shortest.min(longest), longest);
        let Some(area) = &self.scenario.network.wide_area else { return near };
        let least = area.least(from.index(), to.index());
        near + least + self.network.below(least * area.jitter_percent / 100 + 1)
    }
}
