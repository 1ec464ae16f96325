//! What a server hears, and when: everything that could matter to it.

use crate::book::{Book, MessageId};
use crate::member::Member;
use crate::spec::{self, Deed};
use ally_consensus::{Message, View};

/// Where a server stands, as far as it matters to what it hears.
pub(super) struct At {
    /// The view that it is in or wants to enter.
    pub(super) view: u64,
    /// Whether it has entered it.
    pub(super) open: bool,
    /// It leads the view that it wants to enter, and has sent its choice.
    pub(super) chosen: bool,
    /// It has given its share for the view that it wants to enter.
    shared: bool,
}

impl At {
    /// A server's.
    pub(super) fn of(book: &Book, member: &Member) -> Self {
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
///    which nobody has to hear. Proofs of equivocation say only that it is time to leave; questions
///    for blocks are answered by the blocks themselves, which are on offer to everybody for good.
/// 6. Nothing of views beyond the case's last one: the bound.
/// 7. Votes are not heard at all unless the case says so. What could be decided is then counted
///    from what was sent, which is at least what any server would find; what a server does after
///    it found a block decided is searched by the cases with votes.
pub(super) fn hears(book: &Book, member: &Member, at: &At, id: MessageId) -> bool {
    let parcel = book.parcel(id);
    let setting = &book.setting;
    if parcel.from == member.me || parcel.to.is_some_and(|to| to != member.me) {
        return false;
    }
    let wants = |view: View| at.view == view.0 && !at.open && view.0 <= setting.views;
    match parcel.body() {
        Message::Proposal(proposal) => {
            let header = &proposal.header;
            let block = book.id(&header.block_ref());
            let open = header.view.0 == at.view && at.open;
            let rival = |other: &spec::Id| {
                let blocks = &book.blocks;
                blocks.0[other].view == header.view.0 && blocks.conflict(*other, block)
            };
            let first = open && !member.known.iter().any(rival);
            member.asked.contains(&header.hash())
                || (first && member.known.contains(&book.blocks.0[&block].parent))
        }
        Message::ViewChange(report) => {
            wants(report.view) && setting.leader(at.view) == member.me && !at.chosen
        }
        Message::NewView(choice) => wants(choice.view) && !at.shared,
        Message::NewViewShare(share) => wants(share.view),
        Message::EnterView(certificate) => wants(certificate.view),
        Message::Vote(vote) => setting.votes_heard && member.known.contains(&book.id(&vote.block)),
        Message::Commit(commit) => {
            let certificate = &commit.certificate;
            let view = certificate.view.0;
            let block = book.id(&certificate.block);
            member.known.contains(&block) && (view < at.view || (view == at.view && at.open))
        }
        _ => false,
    }
}
