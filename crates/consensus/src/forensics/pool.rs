//! All that several servers kept, checked and sorted.

use super::findings::Findings;
use super::testimony::{Backing, Testimony};
use crate::{
    BlockHash, BlockHeader, BlockRef, Branch, CheckpointCertificate, Commit, Height, Law, Message,
    NewView, NewViewCertificate, Signed, SignedHeader, View, ViewChange, Vote,
};
use ally_policy::ServerIndex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a server said about blocks, by view and block.
type Words<T> = BTreeMap<ServerIndex, BTreeMap<(View, BlockRef), Signed<T>>>;

/// A header, and its leader's signature where it was seen.
pub(super) struct Known {
    pub header: BlockHeader,
    pub signed: Option<SignedHeader>,
}

/// What several servers kept, in one place. Who brought what is forgotten: every part stands for
/// itself, by its signature.
///
/// # Cost
/// Linear in what is put in.
pub struct Pool<'a> {
    pub(super) law: Law<'a>,
    pub(super) headers: BTreeMap<BlockHash, Known>,
    pub(super) votes: Words<Vote>,
    pub(super) commits: Words<Commit>,
    pub(super) reports: BTreeMap<ServerIndex, Vec<Arc<Signed<ViewChange>>>>,
    pub(super) choices: Vec<Signed<NewView>>,
    pub(super) new_views: BTreeSet<(View, BlockRef)>,
    pub(super) quorums: BTreeSet<(View, BlockRef)>,
    pub(super) certified: BTreeSet<BlockRef>,
    refused: usize,
}

impl<'a> Pool<'a> {
    /// An empty pool for one alliance.
    pub fn new(law: Law<'a>) -> Self {
        Self {
            law,
            headers: BTreeMap::new(),
            votes: BTreeMap::new(),
            commits: BTreeMap::new(),
            reports: BTreeMap::new(),
            choices: Vec::new(),
            new_views: BTreeSet::new(),
            quorums: BTreeSet::new(),
            certified: BTreeSet::new(),
            refused: 0,
        }
    }

    /// Puts in what some server kept. Parts that are not what their signers signed are left out, and
    /// counted: whoever brought them is wrong or lies, and nobody else is worse off.
    ///
    /// # Cost
    /// One signature check for each part.
    pub fn take(&mut self, testimony: &Testimony) {
        match testimony {
            Testimony::Backing(backing) => self.take_backing(backing),
            Testimony::Choice(choice) => self.take_choice(choice),
        }
    }

    /// Puts in a header, to show which block extends which; that takes no signature.
    pub fn take_header(&mut self, header: BlockHeader) {
        let known = || Known { header: header.clone(), signed: None };
        self.headers.entry(header.hash()).or_insert_with(known);
    }

    /// Puts in a checkpoint's certificate.
    ///
    /// # Cost
    /// One check of a threshold signature.
    pub fn take_certificate(&mut self, certificate: &CheckpointCertificate) {
        if self.law.judge.checkpoint(self.law.context, certificate) {
            self.certified.insert(certificate.block);
        } else {
            self.refused += 1;
        }
    }

    /// How many parts were left out.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// Who is guilty, and whether that explains what happened.
    ///
    /// # Cost
    /// Linear in the pool, but for each report one pass over its sender's votes.
    pub fn findings(&self) -> Findings {
        let decided = self.decided();
        let conflict = self.conflict(&decided);
        let charges = self.charges();
        let guilty = charges.iter().map(crate::Evidence::culprit).collect();
        let beyond_policy = self.law.policy.is_kernel(&guilty);
        let open = conflict.as_ref().filter(|_| !beyond_policy);
        let ends = open.map_or_else(Vec::new, |conflict| self.trail_ends(conflict));
        Findings { conflict, charges, beyond_policy, ends }
    }

    fn take_backing(&mut self, backing: &Backing) {
        let Backing { new_view, headers, votes, commits } = backing;
        if let Some(certificate) = new_view {
            let message = Message::EnterView(certificate.clone());
            // Certificates stand for themselves, whoever shows them.
            let shown = Signed { signer: ServerIndex(0), signature: [0; 64], body: message };
            match self.law.message(shown) {
                Ok(()) => self.note_new_view(certificate),
                Err(_) => self.refused += 1,
            }
        }
        for header in headers {
            self.take_signed_header(header);
        }
        for vote in votes {
            match self.law.vote(vote) {
                Ok(()) => {
                    let said = self.votes.entry(vote.signer).or_default();
                    said.insert((vote.body.view, vote.body.block), vote.clone());
                }
                Err(_) => self.refused += 1,
            }
        }
        for commit in commits {
            self.take_commit(commit);
        }
    }

    fn take_commit(&mut self, commit: &Signed<Commit>) {
        if self.law.commit(commit).is_err() {
            self.refused += 1;
            return;
        }
        let certificate = &commit.body.certificate;
        let key = (certificate.view, certificate.block);
        self.quorums.insert(key);
        self.commits.entry(commit.signer).or_default().insert(key, commit.clone());
    }

    fn take_signed_header(&mut self, header: &SignedHeader) {
        match self.law.header(header) {
            Ok(()) => self.note_header(header),
            Err(_) => self.refused += 1,
        }
    }

    fn take_choice(&mut self, choice: &Signed<NewView>) {
        if self.choices.contains(choice) {
            return;
        }
        // This checks all its reports too, and all that they hold.
        if self.law.choice(choice).is_err() {
            self.refused += 1;
            return;
        }
        for report in &choice.body.reports {
            self.note_report(report);
        }
        self.choices.push(choice.clone());
    }

    fn note_report(&mut self, report: &Arc<Signed<ViewChange>>) {
        let said = self.reports.entry(report.signer).or_default();
        if said.contains(report) {
            return;
        }
        said.push(Arc::clone(report));
        let ViewChange { view: _, certified, voted, committed } = &report.body;
        self.certified.extend(certified.as_ref().map(|certificate| certificate.block));
        if let Some((certificate, branch)) = committed {
            self.quorums.insert((certificate.view, certificate.block));
            self.note_branch(branch);
        }
        if let Some(branch) = voted {
            self.note_branch(branch);
        }
    }

    fn note_branch(&mut self, branch: &Branch) {
        if let Some(certificate) = &branch.new_view {
            self.note_new_view(certificate);
        }
        branch.headers.iter().for_each(|header| self.note_header(header));
    }

    fn note_new_view(&mut self, certificate: &NewViewCertificate) {
        self.new_views.insert((certificate.view, certificate.tip));
    }

    fn note_header(&mut self, header: &SignedHeader) {
        let known = || Known { header: header.body.clone(), signed: None };
        let known = self.headers.entry(header.body.hash()).or_insert_with(known);
        known.signed = Some(header.clone());
    }

    /// The block below a known one.
    pub(super) fn parent(&self, block: BlockRef) -> Option<BlockRef> {
        let header = &self.headers.get(&block.hash)?.header;
        let height = Height(block.height.0.checked_sub(1)?);
        (header.height == block.height).then_some(BlockRef { height, hash: header.parent })
    }

    /// The blocks from this one downwards, itself first, as far as they are known.
    pub(super) fn down(&self, block: BlockRef) -> impl Iterator<Item = BlockRef> {
        std::iter::successors(Some(block), |block| self.parent(*block))
    }

    /// Whether `low` is `high` or one of its ancestors; none if what is known does not say.
    pub(super) fn extends(&self, high: BlockRef, low: BlockRef) -> Option<bool> {
        if high.height < low.height {
            return Some(false);
        }
        let met = self.down(high).find(|block| block.height == low.height)?;
        Some(met == low)
    }
}
