//! Holds each thing that an engine says against the specification, before it counts.
//!
//! The specification sees what the server has heard and said so far, and nothing of the engine.

use crate::book::Book;
use crate::member::{Member, Watch, deed};
use crate::spec::{self, Deed, Id, Server, Servers};
use ally_consensus::{Message, NewView, Output, Record, Signed, Verified, ViewChange};
use ally_policy::ServerIndex;
use std::collections::BTreeSet;

/// How often the specification was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Votes that the rule allowed.
    pub votes: usize,
    /// Commits that the rule allowed.
    pub commits: usize,
    /// Blocks decided on both sides.
    pub decisions: usize,
    /// Reports that were what they had to be.
    pub reports: usize,
    /// Choices of a tip that selection gives.
    pub choices: usize,
    /// Shares of NV that the rule allowed.
    pub shares: usize,
    /// Views entered with a certificate that a kernel stands behind.
    pub entries: usize,
    /// Choices shown to an engine to see whether it finds them right.
    pub questions: usize,
    /// Those among them where the leader had signed two branches.
    pub conflicts: usize,
}

impl Tally {
    /// Adds another's numbers.
    pub fn add(&mut self, other: &Self) {
        self.votes += other.votes;
        self.commits += other.commits;
        self.decisions += other.decisions;
        self.reports += other.reports;
        self.choices += other.choices;
        self.shares += other.shares;
        self.entries += other.entries;
        self.questions += other.questions;
        self.conflicts += other.conflicts;
    }
}

/// One server's ear, beside its engine's.
#[derive(Debug, Clone, Default)]
pub struct Ear {
    votes: BTreeSet<(Server, Id)>,
    commits: BTreeSet<(Server, Id)>,
    /// Choices by their view, tip, and what selection gives for their reports.
    choices: Vec<(u64, Id, Option<Id>)>,
}

/// Compares one server's step with the specification.
pub struct Comparison<'a> {
    /// What it has heard.
    pub ear: &'a mut Ear,
    /// Who of the others gave a share of NV for which view and tip.
    pub sharers: &'a BTreeSet<(u64, Id, Server)>,
    /// Everybody's votes.
    pub votes: &'a BTreeSet<(Server, Id)>,
    /// The numbers.
    pub tally: &'a mut Tally,
    /// The first disagreement.
    pub disagreement: Option<String>,
}

/// What the specification selects for these reports.
pub(crate) fn selected(
    book: &Book,
    reports: &[std::sync::Arc<Signed<ViewChange>>],
) -> Result<Id, spec::Undecided> {
    let reports: Vec<_> = reports.iter().map(|report| book.report(report)).collect();
    let leader = |view| book.setting.leader(view).0 as Server;
    spec::select(&book.blocks, &book.setting.policy(), leader, spec::GENESIS, &reports)
}

impl Watch for Comparison<'_> {
    fn hears(&mut self, book: &Book, _: &Member, message: &Verified) {
        let (sender, message) = (message.sender().0 as Server, &message.message().body);
        match message {
            Message::Vote(vote) => {
                self.ear.votes.insert((sender, book.id(&vote.block)));
            }
            Message::Commit(commit) => {
                self.ear.commits.insert((sender, book.id(&commit.certificate.block)));
            }
            Message::NewView(NewView { view, reports, tip }) => {
                let selected = selected(book, reports).ok();
                self.ear.choices.push((view.0, book.id(tip), selected));
            }
            _ => {}
        }
    }

    fn does(&mut self, book: &Book, member: &Member, output: &Output) {
        let verdict = match output {
            Output::Journal { record, .. } => self.record(book, member, record),
            Output::Send { message, .. } | Output::SendDurable { message, .. } => {
                self.message(book, member, message)
            }
            Output::Decided(decided) => self.decision(book, book.id(&decided.block)),
            Output::Halt(_) => Err("halts".to_owned()),
            _ => Ok(()),
        };
        if let Err(why) = verdict
            && self.disagreement.is_none()
        {
            self.disagreement = Some(format!("s{}: {why}", member.me.0));
        }
    }
}

impl Comparison<'_> {
    fn record(&mut self, book: &Book, member: &Member, record: &Record) -> Result<(), String> {
        let name = |id: Id| book.name(&book.block(id));
        match deed(book, record) {
            Some(Deed::Voted(block)) => {
                self.tally.votes += 1;
                if !member.known.contains(&block) {
                    return Err(format!("votes for {}, which it never heard of", name(block)));
                }
                spec::may_vote(&book.blocks, &member.said, block)
                    .map_err(|why| format!("votes for {}, but {why}", name(block)))
            }
            Some(Deed::Committed(block)) => self.commit(book, member, block),
            Some(Deed::Shared(view, tip)) => {
                self.tally.shares += 1;
                let heard = self.ear.choices.iter();
                let mut heard = heard.filter(|(at, to, _)| (*at, *to) == (view, tip));
                let selected = heard.find_map(|(.., selected)| *selected);
                spec::may_share(&book.blocks, &member.said, view, tip, selected, &member.known)
                    .map_err(|why| format!("gives a share of NV({view}, {}), but {why}", name(tip)))
            }
            Some(Deed::Entered(view, tip)) => {
                self.tally.entries += 1;
                self.entry(book, view, tip)
            }
            Some(Deed::Left(_)) | None => Ok(()),
        }
    }

    fn commit(&mut self, book: &Book, member: &Member, block: Id) -> Result<(), String> {
        self.tally.commits += 1;
        let liars = book.setting.liars.iter().map(|liar| (liar.0 as Server, block));
        let votes = self.votes.iter().copied().chain(liars).chain(self.ear.votes.iter().copied());
        let (blocks, policy) = (&book.blocks, book.setting.policy());
        if !spec::commit_certificate_exists(blocks, &policy, &votes.collect(), block) {
            return Err("commits without votes of a quorum".to_owned());
        }
        if !member.known.contains(&block) {
            return Err("commits to a block that it does not hold".to_owned());
        }
        spec::may_commit(blocks, &member.said, block).map_err(str::to_owned)
    }

    fn entry(&self, book: &Book, view: u64, tip: Id) -> Result<(), String> {
        let shares = self.sharers.iter().filter(|(at, to, _)| (*at, *to) == (view, tip));
        let mut sharers: Servers = shares.map(|(.., sharer)| *sharer).collect();
        sharers.extend(book.setting.liars.iter().map(|liar| liar.0 as Server));
        if spec::may_enter(&book.setting.policy(), &sharers) {
            return Ok(());
        }
        Err(format!("enters view {view} without shares of a kernel"))
    }

    fn message(&mut self, book: &Book, member: &Member, message: &Message) -> Result<(), String> {
        match message {
            Message::ViewChange(report) => self.report(book, member, report),
            Message::NewView(choice) => {
                self.tally.choices += 1;
                match selected(book, &choice.reports) {
                    Ok(tip) if tip == book.id(&choice.tip) => Ok(()),
                    other => {
                        let name = book.name(&choice.tip);
                        Err(format!("chooses {name}, but the reports give {other:?}"))
                    }
                }
            }
            _ => Ok(()),
        }
    }

    fn report(&mut self, book: &Book, member: &Member, report: &ViewChange) -> Result<(), String> {
        self.tally.reports += 1;
        let signed = Signed { signer: member.me, signature: [0; 64], body: report.clone() };
        let said = book.report(&signed);
        let shown = said.committed.map(|line| line.top);
        let owed = member.said.iter().rev().find_map(|deed| match deed {
            Deed::Committed(block) => Some(*block),
            _ => None,
        });
        let place = |id: Id| (book.blocks.0[&id].view, book.blocks.0[&id].height);
        if shown.map(place) < owed.map(place) {
            return Err("reports a lower commit than its own".to_owned());
        }
        let due = spec::report(&book.blocks, &member.said, member.me.0 as Server, shown);
        if said == due {
            return Ok(());
        }
        Err(format!("reports {said:?}, but owes {due:?}"))
    }

    fn decision(&mut self, book: &Book, block: Id) -> Result<(), String> {
        self.tally.decisions += 1;
        let policy = book.setting.policy();
        let decided = spec::decided(&book.blocks, &policy, &self.ear.votes, &self.ear.commits);
        if decided.contains(&block) {
            return Ok(());
        }
        Err(format!("decides {}, but has not heard enough", book.name(&book.block(block))))
    }

    /// What the server must have decided by now: blocks of the open view that it is in, all of whose
    /// undecided ancestors are of that view and known to it, so that nothing is left to wait for.
    pub fn overlooked(&self, book: &Book, member: &Member) -> Option<String> {
        let place = spec::place(&member.said);
        place.tip?;
        let policy = book.setting.policy();
        // A vote speaks for the ancestors that its hearer can follow it to.
        let linked = |(_, block): &&(Server, Id)| {
            book.blocks.same_view(*block).iter().all(|id| member.known.contains(id))
        };
        let said = |all: &BTreeSet<(Server, Id)>| all.iter().filter(linked).copied().collect();
        // Of commits whose block it lacks, it need only keep each sender's highest.
        let rank = |id: Id| (book.blocks.0[&id].view, book.blocks.0[&id].height);
        let highest = |(server, block): &&(Server, Id)| {
            let others = self.ear.commits.iter().filter(|(other, _)| other == server);
            others.map(|(_, other)| rank(*other)).max() == Some(rank(*block))
        };
        let commits = self.ear.commits.iter().filter(highest).copied().collect();
        let (votes, commits) = (said(&self.ear.votes), said(&commits));
        let decided = spec::decided(&book.blocks, &policy, &votes, &commits);
        let now = decided.into_iter().filter(|block| book.blocks.0[block].view == place.view);
        let due = |block: &Id| {
            let undecided = book.blocks.line(*block).into_iter();
            let mut undecided =
                undecided.filter(|id| *id != spec::GENESIS && !member.decided.contains(id));
            undecided.all(|id| member.known.contains(&id) && book.blocks.0[&id].view == place.view)
        };
        let mut late = now.filter(|block| !member.decided.contains(block) && due(block));
        // Two branches of a lying leader are not both kept: the second is only proof.
        let forked = |block: Id| {
            member.known.iter().any(|other| {
                book.blocks.0[other].view == place.view && book.blocks.conflict(*other, block)
            })
        };
        late.find(|block| !forked(*block)).map(|block| {
            format!("s{} has not decided {}", member.me.0, book.name(&book.block(block)))
        })
    }
}

/// Whose word counts as a liar's.
pub(crate) fn as_server(server: ServerIndex) -> Server {
    server.0 as Server
}
