//! The servers, the network between them, and the script that the bytes are.

use super::Case;
use super::liar::Liars;
use super::server::{Leaving, Server};
use super::witness::Witness;
use crate::cursor::Cursor;
use ally_consensus::{
    CheckpointCertificate, Input, Message, Micros, Now, Recipients, Signed, Verified, Verifier,
};
use ally_model::keys::{self, Keys};
use ally_policy::ServerIndex;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many things happen in a run, at most: a run ends with its bytes or here.
const DEEDS_MAX: usize = 400;
/// How many inputs engines get in a run.
const INPUTS_MAX: usize = 3000;
/// How many messages are under way at once; the oldest are lost.
const PARCELS_MAX: usize = 1024;
/// How many messages one deed delivers.
const BURST: usize = 64;

/// A message on its way to an honest server.
struct Parcel {
    from: ServerIndex,
    to: ServerIndex,
    message: Signed<Message>,
}

struct World {
    case: Case,
    verifier: Verifier<Keys>,
    /// The honest ones.
    servers: Vec<Server>,
    liars: Liars,
    parcels: VecDeque<Parcel>,
    witness: Witness,
    now: Micros,
    inputs: usize,
}

/// Lets happen what the bytes say: `alliance (1) || who lies (1) || deeds`. Says how many blocks the
/// honest server that got furthest has decided.
pub(crate) fn play(data: &[u8]) -> usize {
    let mut script = Cursor::new(data);
    let mut world = World::new(Case::new(script.byte(), script.byte()));
    for _ in 0..DEEDS_MAX {
        if script.is_empty() || world.inputs >= INPUTS_MAX {
            break;
        }
        world.deed(&mut script);
    }
    world.servers.iter().map(|server| server.decided().count()).max().unwrap_or(0)
}

impl World {
    fn new(case: Case) -> Self {
        let honest = case.servers().filter(|server| !case.liars.contains(*server));
        let servers: Vec<_> = honest.map(|me| Server::new(&case, me)).collect();
        let verifier = Verifier::new(case.context, case.rotation.clone(), case.bounds(), Keys);
        let mut world = Self {
            liars: Liars::new(&case),
            verifier,
            servers,
            parcels: VecDeque::new(),
            witness: Witness::default(),
            now: Micros(1_000_000),
            inputs: 0,
            case,
        };
        for place in 0..world.servers.len() {
            world.input(place, Input::Work { waiting: true });
        }
        world
    }

    fn deed(&mut self, script: &mut Cursor<'_>) {
        match script.byte() {
            0..=29 => self.settle(),
            30..=59 => self.deliver_first(1 + script.below(8)),
            60..=84 => self.deliver(script.below(self.parcels.len())),
            85..=94 => drop(self.parcels.remove(script.below(self.parcels.len()))),
            95..=119 => self.flush(script.byte()),
            120..=139 => self.propose(script.byte(), script.flag(), script.byte()),
            140..=159 => self.pass_time(script.byte(), script.byte()),
            160..=169 => self.crash(script.below(self.servers.len()), script.below(8)),
            170..=174 => self.compact(script.below(self.servers.len())),
            175..=179 => {
                let peer = ServerIndex(script.below(self.case.policy.server_count()) as u16);
                let input = if script.flag() { Input::Connected } else { Input::Unheard };
                self.input(script.below(self.servers.len()), input(peer));
            }
            180..=187 => self.certify(script.byte(), script.byte()),
            188..=193 => self.sync(script.below(self.servers.len())),
            194..=199 => self.mood(script.below(self.servers.len()), script.byte()),
            _ => self.lie(script),
        }
    }

    /// Disks are done and everything arrives, over and over, for a while.
    fn settle(&mut self) {
        for _ in 0..4 {
            (0..self.servers.len()).for_each(|place| self.flush(place as u8));
            self.deliver_first(BURST);
        }
    }

    fn deliver_first(&mut self, count: usize) {
        for _ in 0..count.min(self.parcels.len()) {
            self.deliver(0);
        }
    }

    fn deliver(&mut self, at: usize) {
        let Some(Parcel { from, to, message }) = self.parcels.remove(at) else { return };
        let Some(place) = self.servers.iter().position(|server| server.me == to) else { return };
        let checked = if from == to {
            Verified::own(message)
        } else {
            match self.verifier.check(message) {
                Ok(checked) => checked,
                Err(error) => {
                    let lies = self.case.liars.contains(from);
                    return assert!(lies, "{from} says what does not verify: {error}");
                }
            }
        };
        let input = self.servers[place].hear(checked);
        self.input(place, input);
    }

    fn flush(&mut self, place: u8) {
        let place = usize::from(place) % self.servers.len();
        let leaving = self.servers[place].flush(&mut self.witness);
        self.post(place, leaving);
    }

    /// The server that may propose does, with or without commands.
    fn propose(&mut self, from: u8, full: bool, salt: u8) {
        for offset in 0..self.servers.len() {
            let place = (usize::from(from) + offset) % self.servers.len();
            if let Some(draft) = self.servers[place].draft(full, salt) {
                return self.input(place, Input::Propose(draft));
            }
        }
    }

    /// Time passes: a little, or until a server wants to be woken.
    fn pass_time(&mut self, who: u8, how_long: u8) {
        let place = usize::from(who) % self.servers.len();
        let deadline = self.servers[place].deadline().filter(|_| how_long < 128);
        let later = self.now.0.saturating_add(u64::from(how_long) * 10_000);
        self.now = self.now.max(deadline.unwrap_or(Micros(later)));
        if deadline.is_some() {
            self.input(place, Input::Tick);
        }
    }

    fn crash(&mut self, place: usize, more: usize) {
        let Self { servers, case, witness, .. } = self;
        servers[place].crash(case, witness, more);
        self.input(place, Input::Work { waiting: true });
    }

    fn compact(&mut self, place: usize) {
        self.servers[place].compact();
    }

    /// The alliance certifies a block that somebody has decided, and a server learns of it.
    fn certify(&mut self, who: u8, which: u8) {
        let longest = self.servers.iter().max_by_key(|server| server.decided().count());
        let decided: Vec<_> = longest.into_iter().flat_map(Server::decided).collect();
        let Some(block) = decided.get(usize::from(which) % decided.len().max(1)) else { return };
        let unsigned = CheckpointCertificate {
            block: block.header.block_ref(),
            log_size: block.header.log_size,
            log_root: block.header.log_root,
            signature: Vec::new(),
        };
        let certificate = keys::certify(&self.case.context, unsigned);
        self.liars.learn(&certificate);
        let place = usize::from(who) % self.servers.len();
        let input = self.servers[place].certified(Arc::new(certificate));
        self.input(place, input);
    }

    /// A server that is behind gets the blocks that it lacks, if another has them.
    fn sync(&mut self, place: usize) {
        let Some(certificate) = self.servers[place].behind.take() else { return };
        let above = self.servers[place].decided().next_back();
        let from = above.map_or(0, |block| block.header.height.0);
        let wanted = |server: &Server| -> Vec<_> {
            let within = from + 1..=certificate.block.height.0;
            server.decided().filter(|block| within.contains(&block.header.height.0)).collect()
        };
        let ends_right = |blocks: &Vec<ally_consensus::SyncedBlock>| {
            blocks.last().is_some_and(|last| last.header.block_ref() == certificate.block)
        };
        if let Some(blocks) = self.servers.iter().map(wanted).find(ends_right) {
            self.input(place, Input::Synced { blocks, certificate });
        }
    }

    fn mood(&mut self, place: usize, which: u8) {
        let input = match which % 5 {
            0 => {
                let server = &mut self.servers[place];
                server.postpones = !server.postpones;
                return;
            }
            1 => Input::Starved,
            2 => Input::Stopping,
            3 => Input::Work { waiting: false },
            _ => Input::Work { waiting: true },
        };
        self.input(place, input);
    }

    /// A liar says something, to one server or to all.
    fn lie(&mut self, script: &mut Cursor<'_>) {
        let only = script.byte();
        let Some(message) = self.liars.say(&self.case, script) else { return };
        self.note(&message);
        let count = self.servers.len();
        for place in 0..count {
            if usize::from(only) >= count || usize::from(only) == place {
                let to = self.servers[place].me;
                self.send(message.signer, to, message.clone());
            }
        }
    }

    fn input(&mut self, place: usize, input: Input) {
        self.inputs += 1;
        // Clocks differ by a little.
        let unix = Micros(self.now.0 + 1000 * place as u64);
        let now = Now { monotonic: self.now, unix };
        let leaving = self.servers[place].take(&self.case, &mut self.witness, input, now);
        self.post(place, leaving);
    }

    fn post(&mut self, place: usize, leaving: Vec<Leaving>) {
        let from = self.servers[place].me;
        let slow_path = self.case.policy.has_slow_path();
        for Leaving { to, message } in leaving {
            let message = keys::sign(&self.case.context, from, slow_path, message);
            self.note(&message);
            self.liars.hear(&message);
            match to {
                Recipients::All => {
                    self.case.servers().for_each(|to| self.send(from, to, message.clone()));
                }
                Recipients::One(to) => self.send(from, to, message),
            }
        }
    }

    fn send(&mut self, from: ServerIndex, to: ServerIndex, message: Signed<Message>) {
        if self.parcels.len() == PARCELS_MAX {
            self.parcels.pop_front();
        }
        if !self.case.liars.contains(to) {
            self.parcels.push_back(Parcel { from, to, message });
        }
    }

    /// The witness has to know all headers.
    fn note(&mut self, message: &Signed<Message>) {
        match &message.body {
            Message::Proposal(proposal) => self.witness.saw(&proposal.header),
            Message::Fetched(proposal) => self.witness.saw(&proposal.body.header),
            _ => {}
        }
    }
}
