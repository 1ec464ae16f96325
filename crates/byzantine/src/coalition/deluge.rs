//! Beyond the limits: more messages of one kind than a server may remember of one other.

use super::{Coalition, Lie};
use ally_codec::Encode;
use ally_consensus::{
    BlockHash, BlockRef, Branch, Height, Message, Sequence, Signed, View, Vote, signing_bytes,
};
use ally_policy::ServerIndex;
use ally_replica::PeerMessage;
use bytes::Bytes;

/// Of a thousand messages heard, after how many the deluge comes.
const OFTEN: u64 = 20;
/// Where the blocks of a deluge are: above whatever a run decides.
const HEIGHT: u64 = 1 << 40;
/// Headers that a report gets besides its own: more than may be asked for at once.
const HEADERS: usize = 200;

impl Coalition {
    /// All at once from a member to one server, once in a run.
    pub(super) fn deluge(&mut self, member: ServerIndex) -> Vec<Lie> {
        let count = self.treachery.deluge;
        if count == 0 || self.deluged || !self.draw.permille(OFTEN) {
            return Vec::new();
        }
        let others = self.others(member);
        let Some(to) = self.draw.pick(&others).copied() else { return Vec::new() };
        self.deluged = true;
        self.tally.count("liar: deluge");
        let kind = self.draw.below(5);
        let drops = (0..count).filter_map(|number| self.drop(member, kind, number));
        drops.map(|message| Lie { from: member, to, message }).collect()
    }

    fn drop(&mut self, member: ServerIndex, kind: u64, number: u64) -> Option<PeerMessage> {
        let command = Bytes::copy_from_slice(&number.to_le_bytes());
        Some(match kind {
            0 => self.vote_on_nothing(member, self.newest_view(), HEIGHT + number, number),
            // Two for one height, view by view.
            1 => self.vote_on_nothing(member, View(number / 2), HEIGHT, number),
            2 => self.own_batch(member, Sequence(HEIGHT + number), &[command]),
            3 => self.own_batch(member, Sequence(HEIGHT), &[command]),
            _ => self.distant_proposal(member, number)?,
        })
    }

    fn vote_on_nothing(
        &self,
        member: ServerIndex,
        view: View,
        height: u64,
        number: u64,
    ) -> PeerMessage {
        let mut hash = [0xee; 32];
        hash[..8].copy_from_slice(&number.to_le_bytes());
        let block = BlockRef { height: Height(height), hash: BlockHash(hash) };
        let vote = Message::Vote(Vote { view, block, share: None });
        PeerMessage::Consensus(self.signed(member, vote))
    }

    /// A proposal of a view that is not open yet, which this member leads or not.
    fn distant_proposal(&mut self, member: ServerIndex, number: u64) -> Option<PeerMessage> {
        let mut proposal = (*self.some_proposal()?.body).clone();
        let servers = self.all.len() as u64;
        proposal.header.view = View(self.newest_view().0 + 1 + number % servers);
        proposal.header.height = Height(HEIGHT + number);
        proposal.new_view = None;
        Some(PeerMessage::Consensus(self.signed(member, Message::Proposal(proposal.into()))))
    }

    pub(super) fn newest_view(&self) -> View {
        self.left.max(self.memory.newest_view())
    }

    /// "I voted for all these", where the last block is our own: blocks that nobody has.
    pub(super) fn lengthen(&mut self, branch: &mut Branch) {
        for _ in 0..HEADERS {
            let Some(last) = branch.headers.last().cloned() else { return };
            let Signed { signer, body: below, .. } = last;
            if !self.contains(signer) {
                return;
            }
            let mut body = below.clone();
            (body.parent, body.height) = (below.hash(), below.height.next());
            let bytes = signing_bytes(&self.context, "block", &body.to_bytes());
            let signature = self.signer.sign(signer, &bytes);
            branch.headers.push(Signed { signer, signature, body });
        }
        self.tally.count("liar: long report");
    }
}
