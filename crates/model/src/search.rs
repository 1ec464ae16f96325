//! Every order of events of a small case, with real engines.
//!
//! A state is what each honest server has become, nothing else: messages are never lost or used up,
//! so what is under way follows from what was sent, and what the liars can say follows from that
//! (`adversary.rs`). The engine is a pure function, so each of its steps is taken once, tabulated,
//! and looked up ever after: the search walks over tuples of numbers.
//!
//! Breadth first, so the first violation found is a shortest one.
//!
//! What is left out, and why nothing is lost by it, stands at [`Search::hears`] and in docs/model.md.

use crate::adversary::Adversary;
use crate::book::{Book, MessageId};
use crate::member::{Member, Step, Unwatched};
use crate::oracle::{Testimony, judge};
use crate::spec::{self, Deed};
use crate::{Setting, Violation};
use ally_consensus::{Message, View};
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

/// A server whose steps are tried; alone if it has any.
struct Turn {
    number: usize,
    alone: bool,
}

/// Where a server stands, as far as it matters to what it hears.
struct At {
    view: u64,
    open: bool,
    /// It leads the view that it wants to enter, and has sent its choice.
    chosen: bool,
    /// It has given its share for the view that it wants to enter.
    shared: bool,
}

impl At {
    fn of(book: &Book, member: &Member) -> Self {
        let place = spec::place(&member.said);
        let view = place.view;
        let chose = |id: &MessageId| matches!(book.parcel(*id).body(), Message::NewView(choice) if choice.view.0 == view);
        let gave = |deed: &Deed| matches!(deed, Deed::Shared(shared, _) if *shared == view);
        Self {
            view,
            open: place.tip.is_some(),
            chosen: member.sent.iter().any(chose),
            shared: member.said.iter().any(gave),
        }
    }
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
        for lane in self.in_turn(state) {
            let first = successors.len();
            for step in self.steps(lane.number, state[lane.number], pool.iter().chain(&*offers)) {
                let target = self.target(lane.number, state[lane.number], step);
                if target != state[lane.number] {
                    let mut successor = state;
                    successor[lane.number] = target;
                    successors.push(successor);
                }
            }
            if lane.alone && successors.len() > first {
                return successors.split_off(first);
            }
        }
        successors
    }

    /// Whose steps are to be tried: everybody's, but those first that depend on nobody else's.
    ///
    /// Where neither votes nor commits are heard, a server in view 0 hears its leader only: so each
    /// order of events comes to the same as one in which the leader, then the others one by one, do
    /// all that they do in view 0 and leave it. What is looked for, a decision or NV that should not
    /// be, never goes away again, so nothing is lost by letting a server leave that had stayed. Then
    /// an honest leader of the next view goes on alone until it has chosen: all that it could hear
    /// has been said, and nobody can enter that view without its choice.
    fn in_turn(&self, state: State) -> Vec<Turn> {
        let everybody = || (0..self.lanes.len()).map(|number| Turn { number, alone: false });
        let setting = &self.book.setting;
        if setting.votes_heard || setting.has_slow_path() {
            return everybody().collect();
        }
        let member = |lane: usize| &self.lanes[lane].members[state[lane] as usize];
        let place = |lane: usize| At::of(&self.book, member(lane));
        let leads = |lane: &usize, view: u64| member(*lane).me == setting.leader(view);
        let mut order: Vec<usize> = (0..self.lanes.len()).collect();
        order.sort_by_key(|lane| !leads(lane, 0));
        let first = order.iter().copied().find(|lane| place(*lane).view == 0);
        let first = first.filter(|_| setting.views > 0).or_else(|| {
            let at = |lane: &usize| place(*lane);
            order.into_iter().find(|lane| {
                leads(lane, 1) && at(lane).view == 1 && !at(lane).open && !at(lane).chosen
            })
        });
        let alone = first.map(|number| Turn { number, alone: true });
        alone.into_iter().chain(everybody()).collect()
    }

    fn steps<'a>(
        &self,
        lane: usize,
        local: u32,
        messages: impl Iterator<Item = &'a MessageId>,
    ) -> Vec<Step> {
        let member = &self.lanes[lane].members[local as usize];
        let at = At::of(&self.book, member);
        let heard = messages.filter(|id| self.hears(member, &at, **id)).map(|id| Step::Hear(*id));
        let mut steps: Vec<Step> = heard.collect();
        steps.extend(member.may_leave(&self.book).then_some(Step::Leave));
        steps.extend(member.may_propose(&self.book).then_some(Step::Propose));
        steps
    }

    /// Which messages a server hears, and when. Left out, because another order of events that is
    /// searched comes to the same:
    ///
    /// 1. Messages never used up: hearing one again is always allowed, and where it changes nothing it
    ///    is no step.
    /// 2. Reports are heard by the leader of the view they are for, once it wants to enter that view
    ///    and until it has chosen. To others, and earlier, they say only that it is time to leave,
    ///    which every server may do at any time anyway, and are kept; later they change nothing.
    /// 3. Choices are heard by who wants to enter their view, one each: earlier ones are not kept
    ///    (their reports are, see 2), later ones are ignored.
    /// 4. A block is heard after its parent and not before its view is open, a vote after its block.
    ///    Earlier they would be kept until then. (NV is on offer by itself, so a block is not needed
    ///    to enter its view.) Once its view is left, or another branch of its view is known, a block
    ///    is heard when the engine has asked for it: till then it would wait, or prove that it is
    ///    time to leave.
    /// 5. Who enters a view has left the one before: it has then said one thing more, its report,
    ///    which nobody has to hear. Proofs of equivocation say only that it is time to leave; questions for blocks are answered
    ///    by the blocks themselves, which are on offer to everybody for good.
    /// 6. Nothing of views beyond the case's last one: the bound.
    /// 7. Votes are not heard at all unless the case says so. What could be decided is then counted
    ///    from what was sent, which is at least what any server would find; what a server does after
    ///    it found a block decided is searched by the cases with votes.
    fn hears(&self, member: &Member, at: &At, id: MessageId) -> bool {
        let parcel = self.book.parcel(id);
        let setting = &self.book.setting;
        if parcel.from == member.me || parcel.to.is_some_and(|to| to != member.me) {
            return false;
        }
        let wants = |view: View| at.view == view.0 && !at.open && view.0 <= setting.views;
        match parcel.body() {
            Message::Proposal(proposal) => {
                let header = &proposal.header;
                let block = self.book.id(&header.block_ref());
                let open = header.view.0 == at.view && at.open;
                let rival = |other: &spec::Id| {
                    let blocks = &self.book.blocks;
                    blocks.0[other].view == header.view.0 && blocks.conflict(*other, block)
                };
                let first = open && !member.known.iter().any(rival);
                member.asked.contains(&header.hash())
                    || (first && member.known.contains(&self.book.blocks.0[&block].parent))
            }
            Message::ViewChange(report) => {
                wants(report.view) && setting.leader(at.view) == member.me && !at.chosen
            }
            Message::NewView(choice) => wants(choice.view) && !at.shared,
            Message::NewViewShare(share) => wants(share.view),
            Message::EnterView(certificate) => wants(certificate.view),
            Message::Vote(vote) => {
                setting.votes_heard && member.known.contains(&self.book.id(&vote.block))
            }
            Message::Commit(commit) => {
                let certificate = &commit.certificate;
                let view = certificate.view.0;
                let block = self.book.id(&certificate.block);
                member.known.contains(&block) && (view < at.view || (view == at.view && at.open))
            }
            _ => false,
        }
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
