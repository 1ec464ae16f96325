//! Who is guilty: what each server signed, held against what else it signed.

use super::pool::Pool;
use crate::{
    BlockHash, Equivocation, Evidence, EvidenceKind, Height, NewView, Signed, SignedHeader, View,
    Vote,
};
use ally_policy::ServerIndex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One proof for each server and rule: the first that verifies.
struct Charges<'p, 'a> {
    pool: &'p Pool<'a>,
    proven: BTreeMap<(ServerIndex, EvidenceKind), Evidence>,
}

impl Charges<'_, '_> {
    fn is_proven(&self, culprit: ServerIndex, kind: EvidenceKind) -> bool {
        self.proven.contains_key(&(culprit, kind))
    }

    /// Adds a charge if it convicts, as anybody else would find it to.
    fn charge(&mut self, evidence: Evidence) {
        let key = (evidence.culprit(), evidence.kind());
        if !self.proven.contains_key(&key) && evidence.verify(&self.pool.law).is_ok() {
            self.proven.insert(key, evidence);
        }
    }
}

impl Pool<'_> {
    /// All that what was brought proves.
    pub(super) fn charges(&self) -> Vec<Evidence> {
        let mut charges = Charges { pool: self, proven: BTreeMap::new() };
        self.charge_leaders(&mut charges);
        self.charge_voters(&mut charges);
        self.charge_reporters(&mut charges);
        self.charge_committers(&mut charges);
        self.charge_choosers(&mut charges);
        charges.proven.into_values().collect()
    }

    /// Two headers of one leader and view, of one height or next to each other.
    fn charge_leaders(&self, charges: &mut Charges<'_, '_>) {
        let mut places: BTreeMap<(View, Height), BTreeMap<BlockHash, &SignedHeader>> =
            BTreeMap::new();
        for header in self.headers.values().filter_map(|known| known.signed.as_ref()) {
            let place = (header.body.view, header.body.height);
            places.entry(place).or_default().insert(header.body.hash(), header);
        }
        for ((view, height), headers) in &places {
            let leader = self.law.rotation.leader(*view);
            if charges.is_proven(leader, EvidenceKind::Headers) {
                continue;
            }
            let above = places.get(&(*view, height.next())).into_iter().flat_map(BTreeMap::values);
            let strays = above.filter(|above| !headers.contains_key(&above.body.parent));
            if let Some(first) = headers.values().next()
                && let Some(second) = headers.values().nth(1).copied().or(strays.copied().next())
            {
                let (first, second) = (SignedHeader::clone(first), second.clone());
                charges.charge(Evidence::Headers(Equivocation { first, second }));
            }
        }
    }

    /// Two votes of one view that are not on one chain.
    ///
    /// In ascending order it shows between two neighbours: where each lies on the chain of the next,
    /// all do.
    fn charge_voters(&self, charges: &mut Charges<'_, '_>) {
        for (signer, said) in &self.votes {
            let pairs = said.values().zip(said.values().skip(1));
            for (low, high) in pairs.filter(|(low, high)| low.body.view == high.body.view) {
                if charges.is_proven(*signer, EvidenceKind::Votes) {
                    break;
                }
                if let Some(headers) = self.headers_between(low, high) {
                    let (first, second) = (low.clone(), high.clone());
                    charges.charge(Evidence::Votes { first, second, headers });
                }
            }
        }
    }

    /// The signed headers from the higher block down to the one above the lower block's height.
    fn headers_between(
        &self,
        low: &Signed<Vote>,
        high: &Signed<Vote>,
    ) -> Option<Vec<SignedHeader>> {
        let blocks = self.down(high.body.block);
        let above = blocks.take_while(|block| block.height > low.body.block.height);
        above.map(|block| self.headers.get(&block.hash)?.signed.clone()).collect()
    }

    /// Reports that conceal a vote, or contradict each other.
    fn charge_reporters(&self, charges: &mut Charges<'_, '_>) {
        for (signer, reports) in &self.reports {
            for (place, report) in reports.iter().enumerate() {
                let votes = self.votes.get(signer).into_iter().flat_map(BTreeMap::values);
                if let Some(vote) =
                    votes.into_iter().find(|vote| report.body.conceals(&vote.body)).cloned()
                {
                    charges.charge(Evidence::Concealed { vote, report: Arc::clone(report) });
                }
                for other in &reports[place + 1..] {
                    let (first, second) = match report.body.view <= other.body.view {
                        true => (Arc::clone(report), Arc::clone(other)),
                        false => (Arc::clone(other), Arc::clone(report)),
                    };
                    if first.body.is_contradicted_by(&second.body) {
                        charges.charge(Evidence::Reports { first, second });
                    }
                }
            }
        }
    }

    /// Reports that conceal a commit.
    fn charge_committers(&self, charges: &mut Charges<'_, '_>) {
        for (signer, reports) in &self.reports {
            for report in reports {
                let commits = self.commits.get(signer).into_iter().flat_map(BTreeMap::values);
                for commit in commits {
                    if charges.is_proven(*signer, EvidenceKind::ConcealedCommit) {
                        break;
                    }
                    if !report.body.conceals_commit(&commit.body.certificate) {
                        continue;
                    }
                    let shown = report.body.certified.as_ref().map(|shown| shown.block.height);
                    let block = commit.body.certificate.block;
                    let above =
                        self.down(block).take_while(|b| shown.is_some_and(|h| b.height > h));
                    let headers = above.map(|b| Some(self.headers.get(&b.hash)?.header.clone()));
                    if let Some(headers) = headers.collect() {
                        let (commit, report) = (commit.clone(), Arc::clone(report));
                        charges.charge(Evidence::ConcealedCommit { commit, report, headers });
                    }
                }
            }
        }
    }

    /// Choices that their reports do not give, and two choices of one view.
    fn charge_choosers(&self, charges: &mut Charges<'_, '_>) {
        let mut first_of: BTreeMap<View, &Signed<NewView>> = BTreeMap::new();
        for choice in &self.choices {
            if !self.is_right(choice) {
                charges.charge(Evidence::Selection(choice.clone()));
            }
            let first = *first_of.entry(choice.body.view).or_insert(choice);
            if first.body.tip != choice.body.tip {
                let (first, second) = (first.clone(), choice.clone());
                charges.charge(Evidence::Choices { first, second });
            }
        }
    }

    /// Whether the reports of a choice give its tip.
    pub(super) fn is_right(&self, choice: &Signed<NewView>) -> bool {
        self.law.selected(&choice.body) == Some(choice.body.tip)
    }
}
