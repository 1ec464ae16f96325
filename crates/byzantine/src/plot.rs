//! A plot: what a Byzantine leader and a network on its side do to one view, sharper than chance.
//!
//! The leader signs two branches. It shows the first to just as many honest servers as make, with
//! the coalition's votes, a decision, and lets one of them, the witness, learn of it; the others see
//! the second branch or nothing. Then reports reach the next leader from a smallest quorum only, and
//! the coalition's reports speak for the second branch. If selection is right, the witness's block
//! survives all the same.
//!
//! ```text
//!   shown the first branch:  coalition + just enough honest   ──votes──► witness decides
//!   shown the second branch: the other honest                 ──votes──► nobody, or themselves
//!   reports for the next view: a smallest quorum, the others come too late
//! ```

use crate::random::Stream;
use ally_consensus::{Message, Rotation, Support, View};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Percent of the runs in which the network spoils views of honest leaders too.
const SIEGES: u64 = 40;
/// The highest view that is the first which a member of the coalition leads in them.
const FIRST_LED_MAX: u64 = 2;
/// Percent of the views of honest leaders after that which are spoilt.
const VIEWS_BESIEGED: u64 = 30;
/// Percent of the honest servers that get no block of a besieged view, where that is drawn for each.
const NOTHING_REACHES: u64 = 35;
/// The most that the others get.
const BLOCKS_REACH: u64 = 5;

/// The plots of a run, one for each view that a member of the coalition leads.
pub struct Plots {
    seed: u64,
    policy: Arc<TrustPolicy>,
    coalition: ServerSet,
    rotation: Rotation,
    drawn: BTreeMap<View, Plot>,
    /// Whether the network spoils views of honest leaders too.
    besieges: bool,
    sieges: BTreeMap<View, Option<Siege>>,
}

/// A view of an honest leader that the network spoils: each server gets so many of its blocks, and hardly anybody hears who votes for them. So reports
/// differ.
struct Siege {
    /// How many of the view's blocks get to each server.
    reach: Vec<u64>,
    /// The one that hears all votes.
    witness: Option<ServerIndex>,
    /// The height of the view's first block that was seen.
    first: Option<u64>,
}

/// One view's plot.
#[derive(Debug, Clone)]
pub struct Plot {
    /// Honest servers that are shown the first branch.
    pub first: ServerSet,
    /// Honest servers that are shown the second branch.
    pub second: ServerSet,
    /// The one of `first` that learns of its decision.
    pub witness: Option<ServerIndex>,
    /// Whether those who are shown the same branch also hear each other's votes.
    pub open: bool,
    /// Whose reports for the next view come too late.
    pub unheard: ServerSet,
}

impl Plots {
    /// The plots of a seed.
    pub fn new(
        seed: u64,
        policy: Arc<TrustPolicy>,
        coalition: ServerSet,
        rotation: Rotation,
    ) -> Self {
        let besieges = Self::besieging(seed).is_some();
        let (drawn, sieges) = (BTreeMap::new(), BTreeMap::new());
        Self { seed, policy, coalition, rotation, drawn, besieges, sieges }
    }

    /// Which view is the first that a member of the coalition should lead, where the network spoils those
    /// before it; none where it spoils no views of honest leaders.
    pub fn besieging(seed: u64) -> Option<View> {
        let mut draw = Stream::new(seed, "sieges");
        draw.percent(SIEGES).then(|| View(draw.between(1, FIRST_LED_MAX)))
    }

    /// The plot for a view; none if an honest server leads it.
    pub fn of(&mut self, view: View) -> Option<&Plot> {
        if !self.coalition.contains(self.rotation.leader(view)) {
            return None;
        }
        if !self.drawn.contains_key(&view) {
            let plot = self.draw(view);
            self.drawn.insert(view, plot);
        }
        self.drawn.get(&view)
    }

    /// Whether the network keeps from `to` what the honest `from` says.
    pub fn hides(&mut self, from: ServerIndex, to: ServerIndex, message: &Message) -> bool {
        if let Some(hidden) = self.besieges(to, message) {
            return hidden;
        }
        let (view, report) = match message {
            Message::Vote(vote) => (vote.view, false),
            Message::Commit(commit) => (commit.certificate.view, false),
            Message::Support(support) => (view_of(support), false),
            Message::ViewChange(report) if self.rotation.leader(report.view) == to => {
                (View(report.view.0.saturating_sub(1)), true)
            }
            _ => return false,
        };
        let accomplice = self.coalition.contains(to);
        let Some(plot) = self.of(view) else { return false };
        if report {
            return plot.unheard.contains(from);
        }
        let same = plot.first.contains(from) == (plot.first.contains(to) || accomplice);
        let witnessed = plot.first.contains(from) && plot.witness == Some(to);
        !(witnessed || plot.open && same)
    }

    /// Whether a siege keeps a message from `to`; none if it is of no besieged view.
    fn besieges(&mut self, to: ServerIndex, message: &Message) -> Option<bool> {
        let (view, height) = match message {
            Message::Proposal(proposal) => (proposal.header.view, Some(proposal.header.height.0)),
            Message::Vote(vote) => (vote.view, None),
            Message::Commit(commit) => (commit.certificate.view, None),
            Message::Support(support) => (view_of(support), None),
            _ => return None,
        };
        if !self.sieges.contains_key(&view) {
            let siege = self.draw_siege(view);
            self.sieges.insert(view, siege);
        }
        let siege = self.sieges.get_mut(&view)?.as_mut()?;
        Some(match height {
            Some(height) => {
                let first = *siege.first.get_or_insert(height);
                height - first.min(height) >= siege.reach[to.index()]
            }
            None => siege.witness != Some(to),
        })
    }

    fn draw_siege(&self, view: View) -> Option<Siege> {
        let ours = |view: View| self.coalition.contains(self.rotation.leader(view));
        let mut draw = Stream::new(self.seed, &format!("siege {}", view.0));
        let early = !(0..=view.0).any(|view| ours(View(view)));
        let often = if early { 100 } else { VIEWS_BESIEGED };
        if !self.besieges || ours(view) || !draw.percent(often) {
            return None;
        }
        let servers = self.policy.server_count();
        let everyone = ServerSet::first(servers);
        let mut honest: Vec<_> = everyone.difference(&self.coalition).iter().collect();
        draw.shuffle(&mut honest);
        let leader = self.rotation.leader(view);
        honest.sort_by_key(|server| *server != leader);
        // A quorum can do without those who know more than the others.
        let rest = smallest(everyone, &honest, |set| self.policy.is_quorum(set));
        let least = draw.percent(60).then(|| draw.below(BLOCKS_REACH));
        let mut reach_of = |server| match least {
            _ if self.coalition.contains(server) => u64::MAX,
            Some(least) if rest.contains(server) => least,
            Some(least) => draw.between(least + 1, least + 2),
            None if draw.percent(NOTHING_REACHES) => 0,
            None => draw.between(1, BLOCKS_REACH),
        };
        let reach = everyone.iter().map(&mut reach_of).collect();
        // A leader that decides goes on proposing, to those who do not.
        let witness = match draw.percent(60) {
            true => Some(leader),
            false => draw.pick(&honest).copied().filter(|_| draw.percent(50)),
        };
        Some(Siege { reach, witness, first: None })
    }

    fn draw(&self, view: View) -> Plot {
        let policy = &*self.policy;
        let mut draw = Stream::new(self.seed, &format!("plot {}", view.0));
        let everyone = ServerSet::first(policy.server_count());
        let mut honest: Vec<_> = everyone.difference(&self.coalition).iter().collect();
        draw.shuffle(&mut honest);
        let slow = policy.has_slow_path() && draw.percent(50);
        let decides = |set: &ServerSet| match slow {
            true => policy.is_quorum(set),
            false => policy.is_fast_quorum(set),
        };
        let deciding = smallest(everyone, &honest, decides);
        let first = deciding.difference(&self.coalition);
        let mut second = everyone.difference(&deciding);
        if draw.percent(15) {
            second = second.iter().filter(|_| draw.percent(60)).collect();
        }
        draw.shuffle(&mut honest);
        let witness = honest.iter().copied().find(|server| first.contains(*server));
        let open = slow || draw.percent(30);
        // Half of the time the leader's own report is needed for a quorum.
        let leader = self.rotation.leader(view);
        let admitted = draw.percent(50);
        let next = self.rotation.leader(view.next());
        draw.shuffle(&mut honest);
        honest.retain(|server| *server != next);
        let heard = smallest(everyone, &honest, |set| {
            let mut counted = *set;
            if !admitted {
                counted.remove(leader);
            }
            policy.is_quorum(&counted)
        });
        Plot { first, second, witness, open, unheard: everyone.difference(&heard) }
    }
}

/// Takes away the candidates, one by one, that `enough` can do without.
fn smallest(
    all: ServerSet,
    candidates: &[ServerIndex],
    enough: impl Fn(&ServerSet) -> bool,
) -> ServerSet {
    let mut set = all;
    for server in candidates {
        let mut without = set;
        without.remove(*server);
        if enough(&without) {
            set = without;
        }
    }
    set
}

/// The view in which votes or commits that are passed on were given.
fn view_of(support: &Support) -> View {
    let voted = support.votes.first().map(|vote| vote.body.view);
    let committed = support.commits.first().map(|commit| commit.body.certificate.view);
    voted.or(committed).unwrap_or(View::ZERO)
}
