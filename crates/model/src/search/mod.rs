//! Every order of events of a small case, with real engines.
//!
//! A state is what each honest server has become, nothing else: messages are never lost or used up,
//! so what is under way follows from what was sent, and what the liars can say follows from that
//! (`adversary.rs`). The engine is a pure function, so each of its steps is taken once, tabulated,
//! and looked up ever after: the search walks over tuples of numbers.
//!
//! Breadth first, so the first violation found is a shortest one.
//!
//! What is left out, and why nothing is lost by it, stands in `hearing.rs` (what servers hear) and
//! `order.rs` (whose turn it is), and in docs/model.md.

mod hearing;
mod order;
#[cfg(test)]
mod tests;

use crate::adversary::Adversary;
use crate::book::{Book, MessageId};
use crate::member::{Member, Step, Unwatched};
use crate::oracle::{Testimony, judge};
use crate::{Setting, Violation};
use ally_consensus::Message;
use hearing::{At, hears};
use order::Turn;
use std::collections::{BTreeSet, HashMap};

/// The most honest servers of a case.
const HONEST_MAX: usize = 4;

/// One number per honest server.
type State = [u32; HONEST_MAX];

/// What one server can become.
struct Lane {
    members: Vec<Member>,
    numbers: HashMap<[u64; 2], u32>,
    /// Where each step leads.
    moves: Vec<HashMap<Step, u32>>,
    /// What the invariants see of it, by number in `Search::testimonies`.
    testimonies: Vec<u32>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Distinct states.
    pub states: usize,
    /// Steps between them, those that change nothing left out.
    pub transitions: u64,
    /// What the honest servers became, one by one.
    pub local_states: Vec<usize>,
    /// The longest shortest path to a state.
    pub depth: usize,
    /// Whether every state was seen.
    pub complete: bool,
    /// A shortest way to break a promise.
    pub violation: Option<Violation>,
}

/// A search under way.
pub struct Search {
    book: Book,
    adversary: Adversary,
    lanes: Vec<Lane>,
    testimonies: HashMap<Testimony, u32>,
    verdicts: HashMap<State, Option<String>>,
    seen: HashMap<State, u32>,
    states: Vec<State>,
    parents: Vec<u32>,
    /// Whether everybody may move at any time: `order.rs` leaves nothing out.
    every_order: bool,
}

impl Search {
    /// A search of this case.
    ///
    /// # Panics
    /// If there are more than four honest servers.
    pub fn new(setting: Setting) -> Self {
        let honest = setting.honest();
        assert!(honest.len() <= HONEST_MAX, "a state holds four servers");
        let mut search = Self {
            book: Book::new(setting),
            adversary: Adversary::default(),
            lanes: Vec::new(),
            testimonies: HashMap::new(),
            verdicts: HashMap::new(),
            seen: HashMap::new(),
            states: Vec::new(),
            parents: Vec::new(),
            every_order: false,
        };
        for server in honest {
            let member = Member::new(&mut search.book, server);
            search.lanes.push(Lane {
                members: Vec::new(),
                numbers: HashMap::new(),
                moves: Vec::new(),
                testimonies: Vec::new(),
            });
            let lane = search.lanes.len() - 1;
            search.number(lane, member);
        }
        search.visit([0; HONEST_MAX], 0);
        search
    }

    /// Visits states until all are seen, a promise is broken, or there are `states_max`.
    pub fn run(mut self, states_max: usize) -> Found {
        let (mut transitions, mut next, mut depth, mut layer_end) = (0, 0, 0, 1);
        let mut violation = None;
        while next < self.states.len() && violation.is_none() && self.states.len() < states_max {
            if next == layer_end {
                depth += 1;
                layer_end = self.states.len();
            }
            for state in self.successors(self.states[next]) {
                transitions += 1;
                if self.visit(state, next as u32) {
                    violation = self.broken(state);
                    if violation.is_some() {
                        break;
                    }
                }
            }
            next += 1;
        }
        Found {
            states: self.states.len(),
            transitions,
            local_states: self.lanes.iter().map(|lane| lane.members.len()).collect(),
            depth,
            complete: next == self.states.len(),
            violation,
        }
    }

    /// Notes a state; false if it was there.
    fn visit(&mut self, state: State, parent: u32) -> bool {
        let number = self.states.len() as u32;
        let fresh = self.seen.insert(state, number);
        if let Some(known) = fresh {
            self.seen.insert(state, known);
            return false;
        }
        self.states.push(state);
        self.parents.push(parent);
        true
    }

    fn successors(&mut self, state: State) -> Vec<State> {
        let lanes = self.lanes.len();
        let mut pool = BTreeSet::new();
        for (lane, local) in state.iter().enumerate().take(lanes) {
            pool.extend(&self.lanes[lane].members[*local as usize].sent);
        }
        let offers = self.adversary.offers(&mut self.book, pool.iter().copied());
        let mut successors = Vec::new();
        for Turn { lanes } in self.turns(state) {
            for lane in lanes {
                for step in self.steps(lane, state[lane], pool.iter().chain(&*offers)) {
                    let target = self.target(lane, state[lane], step);
                    if target != state[lane] {
                        let mut successor = state;
                        successor[lane] = target;
                        successors.push(successor);
                    }
                }
            }
            if !successors.is_empty() {
                break;
            }
        }
        successors
    }

    /// Who is to move: the first of the turns in which anything can happen.
    fn turns(&self, state: State) -> Vec<Turn> {
        if self.every_order {
            return vec![Turn { lanes: (0..self.lanes.len()).collect() }];
        }
        let stand = |(lane, local): (&Lane, u32)| {
            let member = &lane.members[local as usize];
            (member.me, At::of(&self.book, member))
        };
        let servers: Vec<_> = self.lanes.iter().zip(state).map(stand).collect();
        order::turns(&self.book.setting, &servers)
    }

    fn steps<'a>(
        &self,
        lane: usize,
        local: u32,
        messages: impl Iterator<Item = &'a MessageId>,
    ) -> Vec<Step> {
        let member = &self.lanes[lane].members[local as usize];
        let at = At::of(&self.book, member);
        let heard =
            messages.filter(|id| hears(&self.book, member, &at, **id)).map(|id| Step::Hear(*id));
        let mut steps: Vec<Step> = heard.collect();
        steps.extend(member.may_leave(&self.book).then_some(Step::Leave));
        steps.extend(member.may_propose(&self.book).then_some(Step::Propose));
        steps
    }

    fn target(&mut self, lane: usize, local: u32, step: Step) -> u32 {
        if let Some(target) = self.lanes[lane].moves[local as usize].get(&step) {
            return *target;
        }
        let mut member = self.lanes[lane].members[local as usize].clone();
        member.take(&mut self.book, step, &mut Unwatched);
        let target = self.number(lane, member);
        self.lanes[lane].moves[local as usize].insert(step, target);
        target
    }

    fn number(&mut self, lane: usize, member: Member) -> u32 {
        let fresh = self.testimonies.len() as u32;
        let testimony = *self.testimonies.entry(Testimony::of(&member)).or_insert(fresh);
        let lane = &mut self.lanes[lane];
        let fresh = lane.members.len() as u32;
        let book = &self.book;
        let print = member.fingerprint(|id| {
            !matches!(book.parcel(id).body(), Message::Equivocation(_) | Message::Fetch(_))
        });
        let number = *lane.numbers.entry(print).or_insert(fresh);
        if number == fresh {
            lane.members.push(member);
            lane.moves.push(HashMap::new());
            lane.testimonies.push(testimony);
        }
        number
    }

    fn broken(&mut self, state: State) -> Option<Violation> {
        let mut key = [u32::MAX; HONEST_MAX];
        for (lane, local) in self.lanes.iter().zip(state).enumerate().map(|(i, (l, s))| ((i, l), s))
        {
            key[lane.0] = lane.1.testimonies[local as usize];
        }
        if !self.verdicts.contains_key(&key) {
            let testimonies: Vec<Testimony> = self
                .lanes
                .iter()
                .zip(state)
                .map(|(lane, local)| Testimony::of(&lane.members[local as usize]))
                .collect();
            let verdict = judge(&self.book, &testimonies.iter().collect::<Vec<_>>()).err();
            self.verdicts.insert(key, verdict);
        }
        let what = self.verdicts[&key].clone()?;
        Some(Violation { what, trace: self.trace(state) })
    }

    /// How a state was reached, for people.
    fn trace(&self, state: State) -> Vec<String> {
        let mut trace = Vec::new();
        let mut number = self.seen[&state];
        while number != 0 {
            let (from, to) = (self.parents[number as usize], self.states[number as usize]);
            let before = self.states[from as usize];
            let changed = (0..self.lanes.len()).find(|lane| before[*lane] != to[*lane]);
            if let Some(lane) = changed {
                let moves = &self.lanes[lane].moves[before[lane] as usize];
                let step = moves.iter().find(|(_, target)| **target == to[lane]);
                let me = self.lanes[lane].members[0].me;
                let what = match step.map(|(step, _)| *step) {
                    Some(Step::Hear(id)) => format!("hears {}", self.book.describe(id)),
                    Some(Step::Leave) => "loses patience".into(),
                    Some(Step::Propose) => "proposes".into(),
                    None => "?".into(),
                };
                trace.push(format!("s{} {what}", me.0));
            }
            number = from;
        }
        trace.reverse();
        trace
    }
}
