//! What liars say: anything that their keys and ears allow, right in form as often as the bytes like.

use super::Case;
use super::server::BAD_PAYLOAD;
use crate::cursor::Cursor;
use ally_codec::Decode;
use ally_consensus::{
    BlockHeader, BlockRef, Branch, CheckpointCertificate, Commit, CommitCertificate, Digest,
    Equivocation, Message, Micros, NewView, NewViewCertificate, NewViewShare, Proposal,
    ProposalParts, Signed, SignedHeader, Statement, Support, View, ViewChange, Vote,
    payload_digest,
};
use ally_model::keys;
use ally_policy::{ServerIndex, ServerSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How much of each kind liars remember.
const REMEMBERED_MAX: usize = 256;
/// The highest view that they speak of.
const VIEWS: usize = 12;
/// How many bytes they send as they come.
const RAW_BYTES: usize = 400;

/// All liars together: they tell each other everything.
pub(super) struct Liars {
    liars: Vec<ServerIndex>,
    proposals: Vec<Signed<Proposal>>,
    reports: Vec<Arc<Signed<ViewChange>>>,
    votes: Vec<Signed<Vote>>,
    certificates: Vec<CheckpointCertificate>,
    /// Whose shares on a statement were heard.
    shares: BTreeMap<Statement, ServerSet>,
}

impl Liars {
    pub(super) fn new(case: &Case) -> Self {
        Self {
            liars: case.liars.iter().collect(),
            proposals: Vec::new(),
            reports: Vec::new(),
            votes: Vec::new(),
            certificates: Vec::new(),
            shares: BTreeMap::new(),
        }
    }

    /// They hear what an honest server says, whomever it says it to.
    pub(super) fn hear(&mut self, message: &Signed<Message>) {
        let Signed { signer, signature, body } = message;
        if let Some(statement) = body.share_statement(true) {
            self.shares.entry(statement).or_insert(ServerSet::EMPTY).insert(*signer);
        }
        match body {
            Message::Proposal(body) => {
                let (signer, signature) = (*signer, *signature);
                self.remember(Signed { signer, signature, body: body.clone() });
            }
            Message::Fetched(proposal) => self.remember(proposal.clone()),
            Message::Vote(vote) if self.votes.len() < REMEMBERED_MAX => {
                let (signer, signature, body) = (*signer, *signature, vote.clone());
                self.votes.push(Signed { signer, signature, body });
            }
            Message::ViewChange(body) if self.reports.len() < REMEMBERED_MAX => {
                let (signer, signature) = (*signer, *signature);
                self.reports.push(Arc::new(Signed { signer, signature, body: (**body).clone() }));
            }
            _ => {}
        }
    }

    /// They learn of a certificate.
    pub(super) fn learn(&mut self, certificate: &CheckpointCertificate) {
        if self.certificates.len() < REMEMBERED_MAX {
            self.certificates.push(certificate.clone());
        }
    }

    fn remember(&mut self, proposal: Signed<Proposal>) {
        if self.proposals.len() < REMEMBERED_MAX && !self.proposals.contains(&proposal) {
            self.proposals.push(proposal);
        }
    }

    /// What one of them says next; none if there is nobody, or nothing to say it about.
    pub(super) fn say(&mut self, case: &Case, script: &mut Cursor<'_>) -> Option<Signed<Message>> {
        let liar = *script.pick(&self.liars)?;
        let kind = script.byte() % 13;
        let body = match kind {
            0 | 1 => Message::Proposal(self.proposal(case, liar, script)),
            2 => Message::Vote(self.vote(case, script)?),
            3 => Message::Commit(self.commit(case, script)?),
            4 => Message::ViewChange(Box::new(self.report(case, script))),
            5 => Message::NewView(self.choice(case, liar, script)),
            6 => self.tip_share(case, script),
            7 => Message::EnterView(self.new_view(case, view(script))?),
            8 => {
                let (first, second) = (self.header(script)?, self.header(script)?);
                Message::Equivocation(Box::new(Equivocation { first, second }))
            }
            9 => Message::Fetch(self.block(case, script).hash),
            10 => Message::Fetched(script.pick(&self.proposals)?.clone()),
            11 => Message::Support(Box::new(self.support(script))),
            _ => Message::from_bytes(script.bytes(RAW_BYTES)).ok()?,
        };
        let slow_path = case.policy.has_slow_path();
        // Half of the time the share is whatever is in there.
        let said = match script.flag() {
            true => keys::sign_as_is(&case.context, liar, body),
            false => keys::sign(&case.context, liar, slow_path, body),
        };
        if let Message::Proposal(body) = said.body.clone() {
            self.remember(Signed { signer: liar, signature: said.signature, body });
        }
        if let Message::ViewChange(body) = said.body.clone() {
            let (signer, signature) = (liar, said.signature);
            self.reports.push(Arc::new(Signed { signer, signature, body: *body }));
            self.reports.truncate(REMEMBERED_MAX);
        }
        Some(said)
    }

    /// Votes that were heard, for the same block or not.
    fn support(&self, script: &mut Cursor<'_>) -> Support {
        let picked = (0..4).filter_map(|_| script.pick(&self.votes));
        let votes: BTreeMap<_, _> = picked.map(|vote| (vote.signer, vote.clone())).collect();
        Support { votes: votes.into_values().collect(), commits: Vec::new() }
    }

    fn proposal(&self, case: &Case, liar: ServerIndex, script: &mut Cursor<'_>) -> Proposal {
        let servers = case.policy.server_count() as u64;
        let view = View(u64::from(liar.0) + servers * u64::from(script.byte() % 3));
        let parent = script.pick(&self.proposals).map(|one| one.body.header.clone());
        let genesis = BlockRef::genesis(case.context.alliance, case.context.epoch);
        let below = parent.as_ref().map_or(genesis, BlockHeader::block_ref);
        let (salt, bad) = (script.byte(), script.byte() >= 240);
        let time = parent.map_or(1_000_000, |parent| parent.timestamp_us.0);
        let header = BlockHeader {
            alliance: case.context.alliance,
            epoch: case.context.epoch,
            height: below.height.next(),
            view,
            parent: below.hash,
            payload_digest: payload_digest(&[]),
            log_size: u64::from(salt),
            log_root: Digest([if bad { BAD_PAYLOAD } else { salt % BAD_PAYLOAD }; 32]),
            timestamp_us: Micros(time.wrapping_add_signed(i64::from(script.byte() as i8) << 20)),
        };
        let new_view = if script.byte() < 200 { self.new_view(case, view) } else { None };
        ProposalParts { header, batches: [].into(), new_view }.into()
    }

    fn vote(&self, case: &Case, script: &mut Cursor<'_>) -> Option<Vote> {
        let header = &script.pick(&self.proposals)?.body.header;
        let share = case.policy.has_slow_path().then(|| vec![script.byte(); 32]);
        let view = View(header.view.0 + u64::from(script.byte() / 250));
        Some(Vote { view, block: header.block_ref(), share })
    }

    /// A commit certificate that the liars can make with the shares that they heard.
    fn commit(&self, case: &Case, script: &mut Cursor<'_>) -> Option<Commit> {
        let header = &script.pick(&self.proposals)?.body.header;
        let (view, block) = (header.view, header.block_ref());
        self.commit_certificate(case, view, block).map(|certificate| Commit { certificate })
    }

    fn commit_certificate(
        &self,
        case: &Case,
        view: View,
        block: BlockRef,
    ) -> Option<CommitCertificate> {
        let statement = Statement::Commit { view, block };
        let enough = case.policy.is_quorum(&self.with_ours(case, &statement));
        let signature = keys::combine(&case.context, &statement);
        enough.then_some(CommitCertificate { view, block, signature })
    }

    /// NV of a view, if the liars can make it; none of the first view.
    fn new_view(&self, case: &Case, wanted: View) -> Option<NewViewCertificate> {
        let statements = self.shares.keys();
        let mut tips = statements.filter_map(|statement| match statement {
            Statement::NewView { view, tip } if *view == wanted => Some((statement, *tip)),
            _ => None,
        });
        let (statement, tip) =
            tips.find(|(statement, _)| case.policy.is_kernel(&self.with_ours(case, statement)))?;
        let signature = keys::combine(&case.context, statement);
        Some(NewViewCertificate { view: wanted, tip, signature })
    }

    fn with_ours(&self, case: &Case, statement: &Statement) -> ServerSet {
        self.shares.get(statement).unwrap_or(&ServerSet::EMPTY).union(&case.liars)
    }

    fn report(&self, case: &Case, script: &mut Cursor<'_>) -> ViewChange {
        let wanted = view(script);
        let certified = script.flag().then(|| script.pick(&self.certificates).cloned()).flatten();
        let voted = self.branch(case, certified.as_ref(), script);
        let committed = script.flag().then(|| {
            let branch = self.branch(case, certified.as_ref(), script)?;
            let block = branch.headers.last()?.body.block_ref();
            Some((self.commit_certificate(case, branch.view, block)?, branch))
        });
        ViewChange { view: wanted, certified, voted, committed: committed.flatten() }
    }

    /// The branch that ends in some block, as long as its headers are known.
    fn branch(
        &self,
        case: &Case,
        certified: Option<&CheckpointCertificate>,
        script: &mut Cursor<'_>,
    ) -> Option<Branch> {
        let mut at = script.pick(&self.proposals)?;
        let view = at.body.header.view;
        let floor = certified.map(|certificate| certificate.block.hash);
        let new_view = self.new_view(case, view);
        let tip = new_view.as_ref().map(|certificate| certificate.tip.hash);
        let mut headers = vec![signed_header(at)];
        while headers.len() < REMEMBERED_MAX {
            let parent = at.body.header.parent;
            let known = self.proposals.iter().find(|one| one.body.header.hash() == parent);
            let ends = Some(parent) == floor || Some(parent) == tip;
            let Some(below) = known.filter(|one| !ends && one.body.header.view == view) else {
                break;
            };
            headers.push(signed_header(below));
            at = below;
        }
        headers.reverse();
        Some(Branch { view, new_view, headers })
    }

    fn choice(&self, case: &Case, liar: ServerIndex, script: &mut Cursor<'_>) -> NewView {
        let servers = case.policy.server_count() as u64;
        let view = View(u64::from(liar.0) + servers * u64::from(script.byte() % 3));
        let (left_out, oldest) = (script.byte(), script.flag());
        let mut reports: BTreeMap<ServerIndex, &Arc<Signed<ViewChange>>> = BTreeMap::new();
        for report in self.reports.iter().filter(|report| report.body.view == view) {
            if left_out >> (report.signer.0 % 8) & 1 == 0 || left_out > 200 {
                let slot = reports.entry(report.signer).or_insert(report);
                *slot = if oldest { *slot } else { report };
            }
        }
        let reports = reports.into_values().cloned().collect();
        NewView { view, reports, tip: self.block(case, script) }
    }

    fn tip_share(&mut self, case: &Case, script: &mut Cursor<'_>) -> Message {
        let (view, tip) = (view(script), self.block(case, script));
        Message::NewViewShare(NewViewShare { view, tip, share: vec![script.byte(); 32] })
    }

    /// Some block, or the one that everything starts from.
    fn block(&self, case: &Case, script: &mut Cursor<'_>) -> BlockRef {
        let genesis = BlockRef::genesis(case.context.alliance, case.context.epoch);
        let place = script.below(self.proposals.len() + 1);
        self.proposals.get(place).map_or(genesis, |one| one.body.header.block_ref())
    }

    fn header(&self, script: &mut Cursor<'_>) -> Option<SignedHeader> {
        script.pick(&self.proposals).map(signed_header)
    }
}

fn view(script: &mut Cursor<'_>) -> View {
    View(script.below(VIEWS) as u64)
}

fn signed_header(proposal: &Signed<Proposal>) -> SignedHeader {
    let Signed { signer, signature, body } = proposal;
    Signed { signer: *signer, signature: *signature, body: body.header.clone() }
}
