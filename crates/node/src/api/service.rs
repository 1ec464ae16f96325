//! The calls of the gRPC service.

use crate::api::clients::{Budget, Clients};
use crate::api::limits::{ANSWERS_BYTES_MAX, REPLIES_QUEUED_MAX, ROOM_PATIENCE};
use crate::api::listen::ListenStream;
use crate::api::metered::Tab;
use crate::api::propose::ProposeStream;
use crate::api::reads::Reads;
use crate::api::room::{Room, Toll};
use crate::api::sent::Sent;
use crate::api::{Backend, EvidenceView, PeerView, Progress, StatusView};
use ally_alliance::keys::ClientPublic;
use ally_codec::Encode;
use ally_consensus::Digest;
use ally_log::Hash;
use ally_proto::ProposalId;
use ally_proto::limits::ENTRY_BYTES_MAX;
use ally_proto::v1::alliance_server::Alliance;
use ally_proto::v1::receipt_request::By;
use ally_proto::v1::{
    self as proto, DocumentReply, DocumentRequest, EvidencePart, EvidenceSummary,
    FetchEvidenceRequest, ListEvidenceReply, ListEvidenceRequest, ListenRequest, PeerStatus,
    ProposeReply, ProposeRequest, ReceiptReply, ReceiptRequest, StatusReply, StatusRequest,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// The longest part of a proof in one message.
const EVIDENCE_PART_BYTES: usize = 256 << 10;

/// Answers calls from the backend.
pub(crate) struct Service<B> {
    reads: Reads<B>,
    clients: Arc<Clients>,
    /// For answers.
    room: Room,
    stop: CancellationToken,
}

impl<B: Backend> Service<B> {
    pub(crate) fn new(backend: Arc<B>, clients: Arc<Clients>, stop: CancellationToken) -> Self {
        let room = Room::new(ANSWERS_BYTES_MAX, ROOM_PATIENCE);
        Self { reads: Reads::new(backend), clients, room, stop }
    }

    /// Who calls, with a place for one more stream of theirs.
    fn stream<T>(
        &self,
        request: &Request<T>,
    ) -> Result<(ClientPublic, Arc<Budget>, OwnedSemaphorePermit), Status> {
        let client = *request
            .extensions()
            .get::<ClientPublic>()
            .ok_or_else(|| Status::unauthenticated("the connection shows no client key"))?;
        let budget = self
            .clients
            .budget(&client)
            .ok_or_else(|| Status::unauthenticated("the connection is gone"))?;
        let place = budget
            .stream()
            .ok_or_else(|| Status::resource_exhausted("this client has too many streams open"))?;
        Ok((client, budget, place))
    }
}

#[async_trait]
impl<B: Backend> Alliance for Service<B> {
    type ProposeStream = ReceiverStream<Result<ProposeReply, Status>>;
    type ListenStream = Sent;
    type FetchEvidenceStream = ReceiverStream<Result<EvidencePart, Status>>;

    async fn propose(
        &self,
        request: Request<Streaming<ProposeRequest>>,
    ) -> Result<Response<Self::ProposeStream>, Status> {
        let (client, budget, place) = self.stream(&request)?;
        let proposing = budget.propose_stream().ok_or_else(|| {
            Status::resource_exhausted("this client has too many streams open that propose")
        })?;
        let toll = request.extensions().get::<Toll>().cloned().unwrap_or_default();
        let (sender, receiver) = mpsc::channel(REPLIES_QUEUED_MAX);
        let (reads, stop) = (self.reads.clone(), self.stop.clone());
        let inbound = (request.into_inner(), toll);
        let stream = ProposeStream::new(client, reads, budget, inbound, stop, sender);
        tokio::spawn(async move {
            stream.run().await;
            drop((place, proposing));
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn listen(
        &self,
        request: Request<ListenRequest>,
    ) -> Result<Response<Self::ListenStream>, Status> {
        let (_, _, place) = self.stream(&request)?;
        let (sender, receiver) = mpsc::channel(REPLIES_QUEUED_MAX);
        let (reads, stop) = (self.reads.clone(), self.stop.clone());
        let (request, room) = (request.into_inner(), self.room.clone());
        let (stream, start) = ListenStream::open(request, reads, room, stop, sender).await?;
        tokio::spawn(async move {
            stream.run(start).await;
            drop(place);
        });
        Ok(Response::new(Sent::new(receiver)))
    }

    async fn receipt(
        &self,
        request: Request<ReceiptRequest>,
    ) -> Result<Response<ReceiptReply>, Status> {
        self.occupy(&request, ENTRY_BYTES_MAX).await?;
        let by = request.into_inner().by;
        let by = by.ok_or_else(|| Status::invalid_argument("neither index nor id is given"))?;
        let index = match by {
            By::Index(index) => index,
            By::Id(id) => self.index_of(&id)?,
        };
        let found = self.reads.run(move |backend| backend.receipt(index)).await?;
        let (receipt, entry) = found.ok_or_else(|| self.no_receipt(index))?;
        let (receipt, entry) = (receipt.to_bytes().into(), entry.into_bytes());
        Ok(Response::new(ReceiptReply { receipt, entry, index }))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusReply>, Status> {
        Ok(Response::new(status_reply(self.reads.backend().status())))
    }

    async fn list_evidence(
        &self,
        _: Request<ListEvidenceRequest>,
    ) -> Result<Response<ListEvidenceReply>, Status> {
        let kept = self.reads.run(|backend| backend.all_evidence()).await?;
        let evidence = kept.into_iter().map(evidence_summary).collect();
        Ok(Response::new(ListEvidenceReply { evidence }))
    }

    async fn fetch_evidence(
        &self,
        request: Request<FetchEvidenceRequest>,
    ) -> Result<Response<Self::FetchEvidenceStream>, Status> {
        let (_, _, place) = self.stream(&request)?;
        let digest = Digest(hash(&request.get_ref().id)?);
        let found = self.reads.run(move |backend| backend.evidence(digest)).await?;
        let found = found.ok_or_else(|| Status::not_found("no proof of this id is kept here"))?;
        let permit = self.room.take(found.len()).await?;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut rest = found;
            while !rest.is_empty() {
                let bytes = rest.split_to(rest.len().min(EVIDENCE_PART_BYTES));
                if sender.send(Ok(EvidencePart { bytes })).await.is_err() {
                    break;
                }
            }
            drop((place, permit));
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn document(
        &self,
        request: Request<DocumentRequest>,
    ) -> Result<Response<DocumentReply>, Status> {
        let document = self.reads.backend().document();
        self.occupy(&request, document.len()).await?;
        let toml = document.to_string();
        Ok(Response::new(DocumentReply { toml }))
    }
}

impl<B: Backend> Service<B> {
    /// Takes room for an answer, until it is sent.
    async fn occupy<T>(&self, request: &Request<T>, bytes: usize) -> Result<(), Status> {
        if let Some(Tab(toll)) = request.extensions().get() {
            toll.add(self.room.take(bytes).await?);
        }
        Ok(())
    }

    fn index_of(&self, id: &[u8]) -> Result<u64, Status> {
        let index = self.reads.backend().find(&ProposalId(Hash(hash(id)?)));
        index.ok_or_else(|| Status::not_found("no recent entry of the log has this id"))
    }

    fn no_receipt(&self, index: u64) -> Status {
        let tip = *self.reads.backend().tip().borrow();
        if index >= tip.log_size {
            return Status::not_found(format!("the log has {} entries so far", tip.log_size));
        }
        Status::unavailable(format!(
            "the entry is decided and not certified yet: certificates cover {} entries",
            tip.certified_log_size
        ))
    }
}

fn status_reply(view: StatusView) -> StatusReply {
    StatusReply {
        alliance_id: view.alliance.0.to_vec().into(),
        origin: view.origin,
        epoch: view.epoch.0,
        server: view.server,
        organisation: view.organisation,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        progress: progress(view.progress).into(),
        progress_for_ms: milliseconds(view.progress_for),
        view: view.view.0,
        leader: view.leader,
        height: view.tip.height.0,
        log_size: view.tip.log_size,
        certified_height: view.tip.certified_height.0,
        certified_log_size: view.tip.certified_log_size,
        two_step_decisions: view.two_step_decisions,
        three_step_decisions: view.three_step_decisions,
        view_changes: view.view_changes,
        undecided_commands: view.undecided_commands,
        peers: view.peers.into_iter().map(peer_status).collect(),
        missing_organisations: view.missing_organisations,
        margin: view.margin,
    }
}

fn evidence_summary(kept: EvidenceView) -> EvidenceSummary {
    EvidenceSummary {
        id: kept.digest.0.to_vec().into(),
        server: kept.server,
        organisation: kept.organisation,
        kind: kept.kind.to_owned(),
        size: kept.size as u64,
    }
}

fn hash(id: &[u8]) -> Result<[u8; 32], Status> {
    id.try_into().map_err(|_| {
        Status::invalid_argument(format!("an id has 32 bytes, this one has {}", id.len()))
    })
}

fn progress(progress: Progress) -> proto::Progress {
    match progress {
        Progress::Idle => proto::Progress::Idle,
        Progress::Committing => proto::Progress::Committing,
        Progress::Stalled => proto::Progress::Stalled,
        Progress::CatchingUp => proto::Progress::CatchingUp,
    }
}

fn peer_status(peer: PeerView) -> PeerStatus {
    let rtt_us = peer.rtt.map_or(0, |rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX));
    PeerStatus {
        server: peer.server,
        organisation: peer.organisation,
        connected: peer.connected,
        for_ms: milliseconds(peer.since),
        rtt_us,
        last_error: peer.last_error.unwrap_or_default(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
