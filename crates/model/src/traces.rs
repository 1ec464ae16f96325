//! Random histories: real engines in an order that a seed draws, each word held against the
//! specification.

use crate::adversary::Adversary;
use crate::book::{Book, MessageId};
use crate::compare::{Comparison, Ear, Tally, as_server};
use crate::member::{Member, Step, Unwatched};
use crate::oracle::{Testimony, judge};
use crate::quiz;
use crate::random::Draws;
use crate::spec::{Deed, Id, Server};
use crate::{Setting, Violation};
use ally_policy::ServerIndex;
use std::collections::BTreeSet;

/// A history under way.
pub struct Trace {
    book: Book,
    adversary: Adversary,
    draws: Draws,
    members: Vec<Member>,
    ears: Vec<Ear>,
    heard: Vec<BTreeSet<MessageId>>,
    sharers: BTreeSet<(u64, Id, Server)>,
    votes: BTreeSet<(Server, Id)>,
    tally: Tally,
    log: Vec<String>,
}

impl Setting {
    /// A case that a seed draws: how many servers, which of them lie.
    pub fn draw(seed: u64) -> Self {
        let mut draws = Draws::new(seed);
        let cases = [(4, 1, 1), (4, 1, 0), (5, 1, 1), (7, 2, 1)];
        let (servers, faults, spare) = cases[draws.below(cases.len())];
        let mut liars = BTreeSet::new();
        while liars.len() < faults {
            // Mostly those who lead.
            let among = if draws.one_in(3) { usize::from(servers) } else { 2 };
            liars.insert(ServerIndex(draws.below(among) as u16));
        }
        Self {
            servers,
            faults,
            spare,
            liars: liars.into_iter().collect(),
            views: 2,
            heights: 3,
            votes_heard: true,
            bugs: ally_consensus::Bugs::NONE,
        }
    }
}

impl Trace {
    /// A history of this case, drawn by this seed.
    pub fn new(setting: Setting, seed: u64) -> Self {
        let honest = setting.honest();
        let mut book = Book::new(setting);
        let members: Vec<_> = honest.iter().map(|server| Member::new(&mut book, *server)).collect();
        Self {
            ears: vec![Ear::default(); members.len()],
            heard: vec![BTreeSet::new(); members.len()],
            members,
            book,
            adversary: Adversary::default(),
            draws: Draws::new(seed ^ 0x7261_6365),
            sharers: BTreeSet::new(),
            votes: BTreeSet::new(),
            tally: Tally::default(),
            log: Vec::new(),
        }
    }

    /// Draws so many steps.
    ///
    /// # Errors
    /// The first disagreement between engine and specification, or broken promise, with all steps up
    /// to it.
    pub fn run(mut self, steps: usize) -> Result<Tally, Violation> {
        for _ in 0..steps {
            let pool: BTreeSet<MessageId> =
                self.members.iter().flat_map(|member| member.sent.iter().copied()).collect();
            let offers = self.adversary.offers(&mut self.book, pool.iter().copied());
            let at = self.draws.below(self.members.len());
            let all: Vec<MessageId> = pool.iter().chain(offers.iter()).copied().collect();
            let Some(step) = self.draw(at, &all) else { continue };
            let verdict = self.take(at, step).and_then(|()| self.examine(at, &all));
            if let Err(what) = verdict {
                return Err(Violation { what, trace: self.log });
            }
        }
        let testimonies: Vec<_> = self.members.iter().map(Testimony::of).collect();
        judge(&self.book, &testimonies.iter().collect::<Vec<_>>())
            .map_err(|what| Violation { what, trace: self.log })?;
        Ok(self.tally)
    }

    fn draw(&mut self, at: usize, messages: &[MessageId]) -> Option<Step> {
        let member = &self.members[at];
        if member.may_propose(&self.book) && self.draws.one_in(2) {
            return Some(Step::Propose);
        }
        if member.may_leave(&self.book) && self.draws.one_in(25) {
            return Some(Step::Leave);
        }
        let (book, again) = (&self.book, self.draws.one_in(10));
        let for_it = messages.iter().copied().filter(|id| {
            let parcel = book.parcel(*id);
            parcel.from != member.me
                && parcel.to.is_none_or(|to| to == member.me)
                && (again || !self.heard[at].contains(id))
        });
        let for_it: Vec<_> = for_it.collect();
        self.draws.pick(&for_it).map(Step::Hear)
    }

    fn take(&mut self, at: usize, step: Step) -> Result<(), String> {
        let what = match step {
            Step::Hear(id) => {
                self.heard[at].insert(id);
                format!("hears {}", self.book.describe(id))
            }
            Step::Leave => "loses patience".to_owned(),
            Step::Propose => "proposes".to_owned(),
        };
        let member = &mut self.members[at];
        self.log.push(format!("s{} {what}", member.me.0));
        let mut comparison = Comparison {
            ear: &mut self.ears[at],
            sharers: &self.sharers,
            votes: &self.votes,
            tally: &mut self.tally,
            disagreement: None,
        };
        member.take(&mut self.book, step, &mut comparison);
        let overlooked = comparison.overlooked(&self.book, member);
        if let Some(what) = comparison.disagreement.or(overlooked) {
            return Err(what);
        }
        let server = as_server(member.me);
        for deed in &member.said {
            match *deed {
                Deed::Shared(view, tip) => {
                    self.sharers.insert((view, tip, server));
                }
                Deed::Voted(block) => {
                    self.votes.insert((server, block));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Now and then, asks the engine what it thinks of a choice of reports that exist.
    fn examine(&mut self, at: usize, messages: &[MessageId]) -> Result<(), String> {
        if !self.draws.one_in(4) {
            return Ok(());
        }
        let member = &self.members[at];
        let quiz = quiz::draw(&mut self.book, member, messages, &mut self.draws);
        let Some(quiz) = quiz else { return Ok(()) };
        self.tally.questions += 1;
        self.tally.conflicts += usize::from(quiz.conflict);
        let mut copy = member.clone();
        for id in &quiz.messages {
            copy.take(&mut self.book, Step::Hear(*id), &mut Unwatched);
        }
        let answer = copy.said.contains(&Deed::Shared(quiz.view, quiz.tip));
        if answer == quiz.right {
            return Ok(());
        }
        let (tip, verb) =
            (self.book.name(&self.book.block(quiz.tip)), if answer { "takes" } else { "refuses" });
        Err(format!("s{} {verb} the choice of {tip}: {}", member.me.0, quiz.reports))
    }
}
