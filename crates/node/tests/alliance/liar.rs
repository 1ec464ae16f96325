//! A member that leads the first view and shows different blocks to different servers.

use crate::bed::Bed;
use ally_alliance::keys::SigningKey;
use ally_consensus::{
    BlockHeader, BlockRef, Height, Message, Micros, Proposal, ProposalParts, Signed, View, Vote,
    payload_digest, signing_bytes,
};
use ally_node::net::{LinkEvent, LinkKind, Links, LinksConfig};
use ally_policy::ServerIndex;
use ally_replica::{ChainState, HeldBatch, PeerMessage};
use ally_transport::Identity;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// A running liar; it goes on until the test ends.
pub struct Liar {
    me: ServerIndex,
    key: SigningKey,
    links: Links,
    context: ally_consensus::Context,
    servers: usize,
}

impl Liar {
    /// Takes the place of the leader of view 0, with its keys and its address. The answer comes when
    /// it is connected to all others.
    pub async fn start(bed: &Bed) -> oneshot::Receiver<()> {
        let (liar, mut events) = Self::connect(bed).await;
        let (met, all_met) = oneshot::channel();
        tokio::spawn(async move {
            let mut strangers = liar.servers - 1;
            let mut met = Some(met);
            while let Some(event) = events.next().await {
                if let LinkEvent::Connected(_) = event {
                    strangers = strangers.saturating_sub(1);
                    if strangers == 0 {
                        let _ = met.take().map(|met| met.send(()));
                    }
                }
                if let LinkEvent::Frame { bytes, .. } = event
                    && let Ok(PeerMessage::Batch(batch)) = PeerMessage::from_frame(bytes)
                {
                    liar.equivocate(&HeldBatch::trusted(batch));
                    return liar.stay(events).await;
                }
            }
        });
        all_met
    }

    /// Takes the same place, and proposes for a view that is not its own to whoever connects, each
    /// time. The channel tells of each.
    pub async fn babble(bed: &Bed) -> mpsc::UnboundedReceiver<ServerIndex> {
        let (liar, mut events) = Self::connect(bed).await;
        let (said, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let LinkEvent::Connected(server) = event {
                    let mut parts = (*liar.block(None, Micros(1))).clone();
                    parts.header.view = View(1);
                    liar.send(server, Message::Proposal(parts.into()));
                    let _ = said.send(server);
                }
            }
        });
        heard
    }

    async fn connect(bed: &Bed) -> (Self, ally_node::net::Events) {
        let me = bed.alliance.rotation().leader(View::ZERO);
        let config = bed.config(me.index());
        let listener = TcpListener::bind(config.listen_peers().as_str()).await.expect("free");
        let identity = Identity::new(bed.transport_key(me.index())).expect("a certificate");
        let links = LinksConfig::new(&bed.alliance, config, me, listener);
        let (links, events) = Links::start(links, identity).expect("peers make sense");
        let liar = Self {
            me,
            key: bed.signing_key(me.index()),
            links,
            context: bed.alliance.context(),
            servers: bed.alliance.policy().server_count(),
        };
        (liar, events)
    }

    /// Keeps the links up and says nothing more.
    async fn stay(self, mut events: ally_node::net::Events) {
        while events.next().await.is_some() {}
        drop(self);
    }

    /// Shows one block to two servers, another to the third, and its vote for the first block to
    /// one server only: that one decides, and the others cannot know it.
    fn equivocate(&self, batch: &HeldBatch) {
        let first = self.block(Some(batch), Micros(1));
        let second = self.block(Some(batch), Micros(2));
        let others: Vec<_> =
            (0..self.servers as u16).map(ServerIndex).filter(|s| *s != self.me).collect();
        let [witness, one, other] = others[..] else { panic!("four servers") };
        for (server, proposal) in [(witness, &first), (one, &first), (other, &second)] {
            self.send(server, Message::Proposal(proposal.clone()));
        }
        let block = first.header.block_ref();
        self.send(witness, Message::Vote(Vote { view: View::ZERO, block, share: None }));
    }

    fn block(&self, batch: Option<&HeldBatch>, timestamp_us: Micros) -> Proposal {
        let genesis = BlockRef::genesis(self.context.alliance, self.context.epoch);
        let log = ChainState::genesis(self.servers).extend(batch);
        let batches: Arc<[_]> = batch.iter().map(|batch| *batch.reference()).collect();
        let header = BlockHeader {
            alliance: self.context.alliance,
            epoch: self.context.epoch,
            height: Height(1),
            view: View::ZERO,
            parent: genesis.hash,
            payload_digest: payload_digest(&batches),
            log_size: log.log_size(),
            log_root: log.log_root(),
            timestamp_us,
        };
        Proposal::from(ProposalParts { header, batches, new_view: None })
    }

    fn send(&self, to: ServerIndex, body: Message) {
        let kind = body.signed_kind().expect("a liar signs what it says");
        let bytes = signing_bytes(&self.context, kind, &body.signed_content());
        let signed = Signed { signer: self.me, signature: self.key.sign(&bytes), body };
        let frame = PeerMessage::Consensus(signed).to_frame();
        let _ = self.links.send(to, LinkKind::Control, frame);
    }
}
