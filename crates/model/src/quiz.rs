//! A question to an engine: is this the tip that these reports give?
//!
//! The reports exist, or liars could make them; the choice is signed as the leader would, whether
//! the leader lies or not: the engine that is asked is a copy, and forgotten after the answer.

use crate::book::{Book, MessageId};
use crate::compare::selected;
use crate::member::Member;
use crate::random::Draws;
use crate::spec::{self, Deed, Id};
use ally_consensus::{Message, NewView, Recipients, Signed, View, ViewChange};
use ally_policy::ServerIndex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A question.
pub(crate) struct Quiz {
    pub view: u64,
    pub tip: Id,
    /// What the engine hears: the choice, then every block that it may lack.
    pub messages: Vec<MessageId>,
    /// Whether the specification gives this tip.
    pub right: bool,
    /// Whether the reports show two branches of one view.
    pub conflict: bool,
    /// For people.
    pub reports: String,
}

/// Draws a question that a server can answer now: it wants to enter a view, and has neither heard a
/// choice for it nor given a share.
pub(crate) fn draw(
    book: &mut Book,
    member: &Member,
    messages: &[MessageId],
    draws: &mut Draws,
) -> Option<Quiz> {
    let place = spec::place(&member.said);
    let shared = |deed: &Deed| matches!(deed, Deed::Shared(view, _) if *view >= place.view);
    let asked = member.choices.contains(&place.view);
    if place.tip.is_some() || asked || member.said.iter().any(shared) {
        return None;
    }
    let mut by_sender: BTreeMap<ServerIndex, Vec<Arc<Signed<ViewChange>>>> = BTreeMap::new();
    for id in messages {
        let parcel = book.parcel(*id);
        if let Message::ViewChange(report) = parcel.body()
            && report.view.0 == place.view
        {
            let signature = parcel.message.message().signature;
            let report = Signed { signer: parcel.from, signature, body: (**report).clone() };
            by_sender.entry(parcel.from).or_default().push(Arc::new(report));
        }
    }
    let mut reports = Vec::new();
    for candidates in by_sender.values() {
        if !draws.one_in(5) {
            reports.push(candidates[draws.below(candidates.len())].clone());
        }
    }
    let all: Vec<Id> = book.blocks.0.keys().copied().collect();
    let right = selected(book, &reports);
    let tip = match right {
        Ok(tip) if !draws.one_in(3) => tip,
        _ => draws.pick(&all)?,
    };
    let said: Vec<_> = reports.iter().map(|report| book.report(report)).collect();
    let lines: Vec<_> =
        said.iter().flat_map(|report| report.voted.iter().chain(&report.committed)).collect();
    let conflict = lines
        .iter()
        .any(|a| lines.iter().any(|b| a.view == b.view && book.blocks.conflict(a.top, b.top)));
    let view = View(place.view);
    let choice = NewView { view, reports, tip: book.block(tip) };
    let leader = book.setting.leader(place.view);
    let mut messages = vec![book.post(leader, Recipients::All, Message::NewView(choice))];
    // Highest first: that is the order in which they are asked for.
    for id in book.blocks.line(tip) {
        if let Some(proposal) = book.proposal(id).cloned() {
            let body = proposal.body.with_new_view(None);
            let fetched = Message::Fetched(Signed { body, ..proposal });
            messages.push(book.post(leader, Recipients::All, fetched));
        }
    }
    let reports = format!("{said:?} give {right:?}");
    Some(Quiz { view: place.view, tip, messages, right: right == Ok(tip), conflict, reports })
}
