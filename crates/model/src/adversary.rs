//! Everything that the liars could say, given what they have seen.
//!
//! They see every honest message at once, hold their own keys only, and say anything that verifies:
//! two branches of blocks (one of them forked again), votes for everything, reports of any branch
//! that exists, any choice of a tip, shares of any NV, and certificates from honest shares and their
//! own. What they *can* say is always on offer; who hears it, and when, is the network's business,
//! which is theirs too.

use crate::book::{Book, MessageId};
use crate::spec;
use ally_consensus::{
    BatchRef, BlockHeader, BlockRef, Branch, Commit, CommitCertificate, Digest, Message, Micros,
    NewView, NewViewCertificate, NewViewShare, Proposal, ProposalParts, Recipients, Sequence,
    Signed, Statement, View, ViewChange, Vote, payload_digest,
};
use ally_policy::ServerIndex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The most sets of reports that a lying leader chooses from at a time.
const CHOICES_MAX: usize = 64;

/// The liars.
#[derive(Default)]
pub struct Adversary {
    known: HashMap<Vec<MessageId>, Arc<BTreeSet<MessageId>>>,
}

/// What the liars know at a moment.
#[derive(Default)]
struct Sight {
    offers: BTreeSet<MessageId>,
    /// Blocks that exist.
    blocks: BTreeSet<spec::Id>,
    /// Certificates that opened a view, or could.
    opened: BTreeMap<u64, BTreeMap<BlockRef, NewViewCertificate>>,
    /// Blocks for which there are votes enough.
    committable: BTreeSet<spec::Id>,
    reports: BTreeMap<u64, Vec<Arc<Signed<ViewChange>>>>,
}

impl Adversary {
    /// All that the liars can say after these honest messages.
    pub fn offers(
        &mut self,
        book: &mut Book,
        pool: impl IntoIterator<Item = MessageId>,
    ) -> Arc<BTreeSet<MessageId>> {
        let relevant = |id: &MessageId| match book.parcel(*id).body() {
            Message::Proposal(_) | Message::NewView(_) | Message::EnterView(_) => true,
            Message::NewViewShare(_) => true,
            Message::Vote(_) => book.setting.has_slow_path(),
            Message::ViewChange(report) => book.setting.lies(book.setting.leader(report.view.0)),
            _ => false,
        };
        let seen: Vec<MessageId> = pool.into_iter().filter(relevant).collect();
        if let Some(known) = self.known.get(&seen) {
            return known.clone();
        }
        let offers = Arc::new(Sight::default().offers(book, &seen));
        self.known.insert(seen, offers.clone());
        offers
    }
}

impl Sight {
    fn offers(mut self, book: &mut Book, seen: &[MessageId]) -> BTreeSet<MessageId> {
        self.look(book, seen);
        for view in 0..=book.setting.views {
            self.open(book, seen, view);
            self.propose(book, view);
            self.report(book, view + 1);
        }
        self.vote(book);
        self.commit(book);
        self.endorse(book, seen);
        self.offers
    }

    fn say(&mut self, book: &mut Book, from: ServerIndex, to: Recipients, message: Message) {
        let id = book.post(from, to, message);
        self.offers.insert(id);
    }

    fn look(&mut self, book: &Book, seen: &[MessageId]) {
        let mut votes = BTreeSet::new();
        for id in seen {
            let parcel = book.parcel(*id);
            match parcel.body() {
                Message::Proposal(proposal) => {
                    self.blocks.insert(book.id(&proposal.header.block_ref()));
                    self.know(proposal.new_view.as_ref());
                }
                Message::EnterView(certificate) => self.know(Some(certificate)),
                Message::Vote(vote) => {
                    votes.insert((parcel.from.0 as u8, book.id(&vote.block)));
                }
                Message::ViewChange(report) => {
                    let Message::ViewChange(body) = parcel.body() else { continue };
                    let signature = parcel.message.message().signature;
                    let signed = Signed { signer: parcel.from, signature, body: (**body).clone() };
                    self.reports.entry(report.view.0).or_default().push(Arc::new(signed));
                }
                _ => {}
            }
        }
        let policy = book.setting.policy();
        let voted: BTreeSet<_> = votes.iter().map(|(_, block)| *block).collect();
        for block in voted.iter().filter(|_| book.setting.has_slow_path()) {
            let all = book.setting.liars.iter().map(|liar| (liar.0 as u8, *block));
            let exact = votes.iter().copied().filter(|(_, other)| other == block).chain(all);
            let exact: BTreeSet<_> = exact.collect();
            if spec::commit_certificate_exists(&book.blocks, &policy, &exact, *block) {
                self.committable.insert(*block);
            }
        }
    }

    fn know(&mut self, certificate: Option<&NewViewCertificate>) {
        if let Some(certificate) = certificate {
            let opened = self.opened.entry(certificate.view.0).or_default();
            opened.insert(certificate.tip, certificate.clone());
        }
    }

    /// Makes NV of honest shares and their own, as far as they lead and were sent the shares.
    fn open(&mut self, book: &mut Book, seen: &[MessageId], view: u64) {
        let mut shares: BTreeMap<BlockRef, spec::Servers> = BTreeMap::new();
        for id in seen {
            let parcel = book.parcel(*id);
            if let Message::NewViewShare(share) = parcel.body()
                && share.view.0 == view
                && parcel.to.is_some_and(|to| book.setting.lies(to))
            {
                shares.entry(share.tip).or_default().insert(parcel.from.0 as u8);
            }
        }
        let policy = book.setting.policy();
        for (tip, mut sharers) in shares {
            sharers.extend(book.setting.liars.iter().map(|liar| liar.0 as u8));
            if spec::may_enter(&policy, &sharers) {
                let view = View(view);
                let signature = book.combine(&Statement::NewView { view, tip });
                let certificate = NewViewCertificate { view, tip, signature };
                self.know(Some(&certificate));
                let from = book.setting.liars[0];
                self.say(book, from, Recipients::All, Message::EnterView(certificate));
            }
        }
    }

    /// The tips of a view, each with its certificate.
    fn tips(&self, book: &Book, view: u64) -> Vec<(BlockRef, Option<NewViewCertificate>)> {
        if view == 0 {
            return vec![(book.block(spec::GENESIS), None)];
        }
        let opened = self.opened.get(&view).into_iter().flatten();
        opened.map(|(tip, certificate)| (*tip, Some(certificate.clone()))).collect()
    }

    /// Two branches on each tip of a view that a liar leads, the first forked at its second block.
    fn propose(&mut self, book: &mut Book, view: u64) {
        let leader = book.setting.leader(view);
        if !book.setting.lies(leader) {
            return;
        }
        for (tip, certificate) in self.tips(book, view) {
            for salts in [[1, 1, 1], [1, 2, 1], [2, 1, 1]] {
                let mut parent = tip;
                for salt in salts {
                    if parent.height.0 >= book.setting.heights {
                        break;
                    }
                    let proposal = block(book, view, parent, salt, certificate.clone());
                    parent = proposal.header.block_ref();
                    self.say(book, leader, Recipients::All, Message::Proposal(proposal));
                    self.blocks.insert(book.id(&parent));
                }
            }
        }
    }

    fn vote(&mut self, book: &mut Book) {
        for id in self.blocks.clone() {
            let view = View(book.blocks.0[&id].view);
            let vote = Vote { view, block: book.block(id), share: None };
            for liar in book.setting.liars.clone() {
                self.say(book, liar, Recipients::All, Message::Vote(vote.clone()));
            }
        }
    }

    fn commit(&mut self, book: &mut Book) {
        for id in self.committable.clone() {
            let certificate = certificate(book, id);
            for liar in book.setting.liars.clone() {
                let commit = Commit { certificate: certificate.clone() };
                self.say(book, liar, Recipients::All, Message::Commit(commit));
            }
        }
    }

    /// What a report can say of a branch that ends in a block.
    fn branch(&self, book: &Book, top: spec::Id) -> Option<Branch> {
        let chain = book.blocks.same_view(top);
        let view = book.blocks.0[&top].view;
        let tip = book.block(book.blocks.0[chain.last()?].parent);
        let new_view = match view {
            0 => None,
            _ => Some(self.opened.get(&view)?.get(&tip)?.clone()),
        };
        let headers = chain.iter().rev().filter_map(|id| book.proposal(*id)).map(|proposal| {
            let Signed { signer, signature, body } = proposal;
            Signed { signer: *signer, signature: *signature, body: body.header.clone() }
        });
        Some(Branch { view: View(view), new_view, headers: headers.collect() })
    }

    /// Every report that a liar can make for a view.
    fn report(&mut self, book: &mut Book, view: u64) {
        if view > book.setting.views {
            return;
        }
        let earlier = |id: &&spec::Id| book.blocks.0[id].view < view;
        let voted = self.blocks.iter().filter(earlier).map(|id| self.branch(book, *id));
        let voted: Vec<_> = [None].into_iter().chain(voted.filter(Option::is_some)).collect();
        let committed = self.committable.iter().filter(earlier);
        let committed = committed.map(|id| Some((certificate(book, *id), self.branch(book, *id)?)));
        let committed: Vec<_> =
            [None].into_iter().chain(committed.filter(Option::is_some)).collect();
        let leader = book.setting.leader(view);
        let mut lies = Vec::new();
        for liar in book.setting.liars.clone() {
            for (voted, committed) in
                voted.iter().flat_map(|voted| committed.iter().map(move |cc| (voted, cc)))
            {
                let (voted, committed) = (voted.clone(), committed.clone());
                let report = ViewChange { view: View(view), certified: None, voted, committed };
                let id =
                    book.post(liar, Recipients::All, Message::ViewChange(Box::new(report.clone())));
                self.offers.insert(id);
                let signature = book.parcel(id).message.message().signature;
                lies.push(Arc::new(Signed { signer: liar, signature, body: report }));
            }
        }
        if book.setting.lies(leader) {
            self.choose(book, view, leader, &lies);
        }
    }

    /// As leader of a view: each quorum of reports with each lie of its own, and what selection gives
    /// for it. Another tip convinces nobody: every acceptor recomputes it, and leaves.
    fn choose(
        &mut self,
        book: &mut Book,
        view: u64,
        leader: ServerIndex,
        lies: &[Arc<Signed<ViewChange>>],
    ) {
        let policy = book.setting.policy();
        let honest = self.reports.get(&view).cloned().unwrap_or_default();
        let mut choices = Vec::new();
        for chosen in 0..1_usize << honest.len().min(10) {
            let bits = honest.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1);
            let some: Vec<_> = bits.map(|(_, report)| report.clone()).collect();
            choices.push(some.clone());
            let own = lies.iter().filter(|lie| lie.signer == leader);
            choices.extend(own.map(|lie| [some.clone(), vec![lie.clone()]].concat()));
        }
        for mut reports in choices.into_iter().rev().take(CHOICES_MAX) {
            reports.sort_by_key(|report| report.signer);
            let said: Vec<_> = reports.iter().map(|report| book.report(report)).collect();
            let leads = |view| book.setting.leader(view).0 as u8;
            let tip = spec::select(&book.blocks, &policy, leads, spec::GENESIS, &said);
            if let Ok(tip) = tip {
                let choice = NewView { view: View(view), reports, tip: book.block(tip) };
                self.say(book, leader, Recipients::All, Message::NewView(choice));
            }
        }
    }

    /// Shares of NV for whatever anybody chose.
    fn endorse(&mut self, book: &mut Book, seen: &[MessageId]) {
        for id in seen {
            let Message::NewView(choice) = book.parcel(*id).body() else { continue };
            let (view, tip) = (choice.view, choice.tip);
            let to = Recipients::One(book.setting.leader(view.0));
            for liar in book.setting.liars.clone() {
                let share = NewViewShare { view, tip, share: Vec::new() };
                self.say(book, liar, to, Message::NewViewShare(share));
            }
        }
    }
}

fn certificate(book: &Book, id: spec::Id) -> CommitCertificate {
    let (view, block) = (View(book.blocks.0[&id].view), book.block(id));
    let signature = book.combine(&Statement::Commit { view, block });
    CommitCertificate { view, block, signature }
}

/// A liar's block: `salt` tells it from others at its place.
fn block(
    book: &Book,
    view: u64,
    parent: BlockRef,
    salt: u8,
    new_view: Option<NewViewCertificate>,
) -> Proposal {
    let origin = book.setting.leader(view);
    let batch = BatchRef {
        origin,
        sequence: Sequence(u64::from(salt)),
        digest: Digest([salt; 32]),
        commands: 1,
        bytes: 1,
    };
    let batches: Arc<[BatchRef]> = Arc::new([batch]);
    let context = book.setting.context();
    let header = BlockHeader {
        alliance: context.alliance,
        epoch: context.epoch,
        height: parent.height.next(),
        view: View(view),
        parent: parent.hash,
        payload_digest: payload_digest(&batches),
        log_size: parent.height.0 + 1,
        log_root: Digest([salt; 32]),
        timestamp_us: Micros::ZERO,
    };
    let first = new_view.filter(|certificate| certificate.tip == parent);
    Proposal::from(ProposalParts { header, batches, new_view: first })
}
