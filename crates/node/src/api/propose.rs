//! One propose stream: proposals in, answers out, bounded at both ends.

use crate::api::clients::{Budget, Charge};
use crate::api::limits::{BUSY_PATIENCE, RECEIPTS_PER_REPLY_MAX, REPLY_PATIENCE};
use crate::api::reads::Reads;
use crate::api::room::Toll;
use crate::api::runs::{Runs, Span};
use crate::api::{Backend, Busy, Notice, NoticeReader, Notices, Refusal, Submission, Tip};
use ally_alliance::keys::ClientPublic;
use ally_codec::Encode;
use ally_consensus::Height;
use ally_proto::Entry;
use ally_proto::limits::{REQUEST_BYTES_MAX, REQUEST_ENTRIES_MAX};
use ally_proto::v1::propose_event::Kind;
use ally_proto::v1::{
    Certified, IssuedReceipt, Ordered, ProposeEvent, ProposeReply, ProposeRequest, RejectCode,
    Rejected, Until,
};
use std::future::pending;
use std::mem;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// A stream between its client and the backend. One task runs it; it reads no further message
/// while one waits for the client's budget or for the ordering service, which makes HTTP/2 hold the
/// client back.
pub(crate) struct ProposeStream<B, S> {
    client: ClientPublic,
    reads: Reads<B>,
    budget: Arc<Budget>,
    /// `None` once the client has sent everything.
    inbound: Option<S>,
    /// What `inbound` occupies.
    toll: Toll,
    held: Held,
    next_tag: u64,
    runs: Runs,
    notices: Notices,
    reader: NoticeReader,
    tip: watch::Receiver<Tip>,
    stop: CancellationToken,
    replies: mpsc::Sender<Result<ProposeReply, Status>>,
}

/// A message that was read and not handed over.
enum Held {
    Nothing,
    /// Waits for the client's budget.
    Unpaid(Batch),
    /// Waits for the ordering service.
    Busy {
        batch: Batch,
        charge: Arc<Charge>,
        again_at: Instant,
        give_up_at: Instant,
    },
}

/// The checked content of one message.
struct Batch {
    submission: Submission,
    until: Until,
    /// What the message occupies among all clients'.
    room: Option<OwnedSemaphorePermit>,
}

impl<B: Backend, S> ProposeStream<B, S>
where
    S: Stream<Item = Result<ProposeRequest, Status>> + Unpin,
{
    pub(crate) fn new(
        client: ClientPublic,
        reads: Reads<B>,
        budget: Arc<Budget>,
        (inbound, toll): (S, Toll),
        stop: CancellationToken,
        replies: mpsc::Sender<Result<ProposeReply, Status>>,
    ) -> Self {
        let (notices, reader) = Notices::new();
        Self {
            client,
            budget,
            inbound: Some(inbound),
            toll,
            held: Held::Nothing,
            next_tag: 0,
            runs: Runs::default(),
            notices,
            reader,
            tip: reads.backend().tip(),
            stop,
            replies,
            reads,
        }
    }

    /// Runs until everything is answered, or the client is gone.
    pub(crate) async fn run(mut self) {
        if let Err(status) = self.serve().await {
            // A client that is gone needs no status, and one that does not read gets none.
            _ = self.replies.try_send(Err(status));
        }
    }

    async fn serve(&mut self) -> Result<(), Status> {
        while self.inbound.is_some() || !self.runs.is_empty() || self.is_holding() {
            tokio::select! {
                notices = self.reader.take() => self.tell(notices).await?,
                changed = self.tip.changed(), if self.runs.wants_certificate() => {
                    changed.map_err(|_| stopping())?;
                    self.certify().await?;
                }
                () = std::future::ready(()), if self.runs.receipts_due() => self.send_receipts().await?,
                message = next(&mut self.inbound), if !self.is_holding() => self.read(message)?,
                charge = pay(&self.budget, &self.held) => self.hand_over(charge).await?,
                () = try_again(&self.held) => self.try_again().await?,
                () = self.stop.cancelled(), if self.inbound.is_some() => self.inbound = None,
                () = self.replies.closed() => return Ok(()),
            }
        }
        Ok(())
    }

    fn is_holding(&self) -> bool {
        !matches!(self.held, Held::Nothing)
    }

    /// Takes a message from the client, or the end of them.
    fn read(&mut self, message: Option<Result<ProposeRequest, Status>>) -> Result<(), Status> {
        let Some(message) = message.transpose()? else {
            self.inbound = None;
            return Ok(());
        };
        let mut batch = check(message, self.next_tag, &self.notices)?;
        batch.room = self.toll.take();
        self.next_tag = batch.submission.first_tag + batch.submission.entries.len() as u64;
        self.held = Held::Unpaid(batch);
        Ok(())
    }

    async fn hand_over(&mut self, charge: Charge) -> Result<(), Status> {
        let Held::Unpaid(mut batch) = mem::replace(&mut self.held, Held::Nothing) else {
            return Ok(());
        };
        let charge = Arc::new(charge.with_room(batch.room.take()));
        self.answer_known(&mut batch, &charge);
        match batch.submission.entries.is_empty() {
            true => Ok(()),
            false => self.submit(batch, charge, Instant::now() + BUSY_PATIENCE).await,
        }
    }

    /// Answers the entries at the front of a message that the log holds already. They are those of a
    /// client that lost its answers and asks again; ordering them once more would help nobody.
    ///
    /// # Cost
    /// One hash and one look-up, and as many again as there are such entries.
    fn answer_known(&mut self, batch: &mut Batch, charge: &Arc<Charge>) {
        let Batch { submission, until, .. } = batch;
        let find = |entry: &Entry| self.reads.backend().find(&entry.id());
        let known: Vec<u64> = submission.entries.iter().map_while(find).collect();
        if known.is_empty() {
            return;
        }
        let first_tag = submission.first_tag;
        self.runs.open(first_tag, known.len() as u32, *until, charge.clone());
        submission.entries.drain(..known.len());
        submission.first_tag += known.len() as u64;
        for (tag, index) in (first_tag..).zip(known) {
            self.notices.tell(Notice::Repeated { tag, index });
        }
    }

    async fn try_again(&mut self) -> Result<(), Status> {
        match mem::replace(&mut self.held, Held::Nothing) {
            Held::Busy { batch, charge, give_up_at, .. } => {
                self.submit(batch, charge, give_up_at).await
            }
            held => {
                self.held = held;
                Ok(())
            }
        }
    }

    async fn submit(
        &mut self,
        batch: Batch,
        charge: Arc<Charge>,
        give_up_at: Instant,
    ) -> Result<(), Status> {
        let Batch { submission, until, .. } = batch;
        let (first_tag, count) = (submission.first_tag, submission.entries.len() as u32);
        // Notices may come before `submit` returns; they wait in their queue, and the run is open
        // before this task looks there.
        let Err(Busy { submission, retry_after }) =
            self.reads.backend().submit(self.client, submission)
        else {
            self.runs.open(first_tag, count, until, charge);
            return Ok(());
        };
        let again_at = Instant::now() + retry_after;
        if again_at < give_up_at {
            let batch = Batch { submission, until, room: None };
            self.held = Held::Busy { batch, charge, again_at, give_up_at };
            return Ok(());
        }
        let refusal = Refusal::Busy { retry_after };
        self.reply(vec![rejected(first_tag, count, &refusal)]).await
    }

    /// Passes on what became of entries.
    async fn tell(&mut self, notices: Vec<Notice>) -> Result<(), Status> {
        let mut heights = self.heights(&notices).await?.into_iter();
        let mut events = Vec::with_capacity(notices.len());
        let mut settled = Vec::new();
        for notice in &notices {
            let (event, span) = event(notice, &mut heights);
            events.push(event);
            settled.extend(span);
        }
        // The budget is given back only after the reply has left.
        self.reply(events).await?;
        for notice in &notices {
            if let Notice::Refused { first_tag, count, .. } = notice {
                self.runs.refused(*first_tag, *count);
            }
        }
        settled.into_iter().for_each(|span| self.runs.ordered(span));
        if self.runs.wants_certificate() { self.certify().await } else { Ok(()) }
    }

    /// The blocks of entries that the log held before, in the order of the notices about them.
    async fn heights(&self, notices: &[Notice]) -> Result<Vec<Height>, Status> {
        let repeated = notices.iter().filter_map(|notice| match notice {
            Notice::Repeated { index, .. } => Some(*index),
            _ => None,
        });
        let repeated: Vec<u64> = repeated.collect();
        let Some(last) = repeated.iter().max().copied() else { return Ok(Vec::new()) };
        // What is decided is known here a moment before it can be read.
        let mut tip = self.reads.backend().tip();
        tip.wait_for(|tip| last < tip.log_size).await.map_err(|_| stopping())?;
        let read =
            move |backend: &B| repeated.into_iter().map(|at| backend.height_of(at)).collect();
        self.reads.run(read).await
    }

    /// Passes on the newest certificate if somebody waits for it.
    async fn certify(&mut self) -> Result<(), Status> {
        let tip = *self.tip.borrow_and_update();
        if !self.runs.certified(tip.certified_log_size) {
            return Ok(());
        }
        let anchor = self.reads.run(move |backend| backend.anchor(tip.certified_height, 0)).await?;
        let anchor = anchor.ok_or_else(|| Status::internal("the newest certificate is missing"))?;
        let certificate = anchor.certificate.to_bytes().into();
        self.reply(vec![ProposeEvent { kind: Some(Kind::Certified(Certified { certificate })) }])
            .await
    }

    async fn send_receipts(&mut self) -> Result<(), Status> {
        let due = self.runs.take_due(RECEIPTS_PER_REPLY_MAX);
        let tags: Vec<u64> = due.iter().map(|(tag, _)| *tag).collect();
        let read = move |backend: &B| {
            due.iter().map(|(_, index)| backend.receipt(*index)).collect::<Result<Vec<_>, _>>()
        };
        let receipts = self.reads.run(read).await?;
        let mut events = Vec::with_capacity(tags.len());
        for (tag, receipt) in tags.iter().zip(receipts) {
            let (receipt, _) =
                receipt.ok_or_else(|| Status::internal("a certified entry has no receipt"))?;
            let receipt = IssuedReceipt { tag: *tag, receipt: receipt.to_bytes().into() };
            events.push(ProposeEvent { kind: Some(Kind::Receipt(receipt)) });
        }
        self.reply(events).await?;
        tags.into_iter().for_each(|tag| self.runs.receipt_sent(tag));
        Ok(())
    }

    async fn reply(&mut self, events: Vec<ProposeEvent>) -> Result<(), Status> {
        match timeout(REPLY_PATIENCE, self.replies.send(Ok(ProposeReply { events }))).await {
            Ok(sent) => sent.map_err(|_| Status::cancelled("the client is gone")),
            Err(_) => Err(Status::deadline_exceeded("the client does not read its answers")),
        }
    }
}

/// Checks a message as far as it can be without the backend.
fn check(message: ProposeRequest, next_tag: u64, notices: &Notices) -> Result<Batch, Status> {
    let until = message.until();
    let submission = submission(message, next_tag, notices)?;
    Ok(Batch { submission, until, room: None })
}

/// What a message submits.
pub(super) fn submission(
    message: ProposeRequest,
    next_tag: u64,
    notices: &Notices,
) -> Result<Submission, Status> {
    if message.until() == Until::Unspecified {
        return Err(Status::invalid_argument("`until` is not set"));
    }
    let ProposeRequest { first_tag, entries, .. } = message;
    let bytes: usize = entries.iter().map(|entry| entry.len()).sum();
    if entries.is_empty() || entries.len() > REQUEST_ENTRIES_MAX || bytes > REQUEST_BYTES_MAX {
        return Err(Status::invalid_argument(format!(
            "a message takes 1 to {REQUEST_ENTRIES_MAX} entries of {REQUEST_BYTES_MAX} bytes in \
             all, not {} of {bytes}",
            entries.len()
        )));
    }
    if first_tag < next_tag || first_tag > u64::MAX / 2 {
        return Err(Status::invalid_argument(format!(
            "tags must rise: {first_tag} came where {next_tag} was next"
        )));
    }
    let entries = (first_tag..).zip(entries).map(|(tag, entry)| {
        Entry::from_bytes(entry)
            .map_err(|error| Status::invalid_argument(format!("entry with tag {tag}: {error}")))
    });
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    Ok(Submission { first_tag, entries, replies: notices.clone() })
}

async fn next<S>(inbound: &mut Option<S>) -> Option<S::Item>
where
    S: Stream + Unpin,
{
    match inbound {
        Some(inbound) => inbound.next().await,
        None => pending().await,
    }
}

async fn pay(budget: &Budget, held: &Held) -> Charge {
    match held {
        Held::Unpaid(Batch { submission, .. }) => {
            budget.charge(submission.bytes(), submission.entries.len()).await
        }
        _ => pending().await,
    }
}

async fn try_again(held: &Held) {
    match held {
        Held::Busy { again_at, .. } => sleep_until(*again_at).await,
        _ => pending().await,
    }
}

/// What the client is told, and the places of entries that are ordered. `heights` has one item for
/// each entry that the log held before.
fn event(
    notice: &Notice,
    heights: &mut impl Iterator<Item = Height>,
) -> (ProposeEvent, Option<Span>) {
    let (ordered, duplicate) = match *notice {
        Notice::Ordered { first_tag, count, first_index, height } => {
            ((first_tag, count, first_index, height), false)
        }
        Notice::Repeated { tag, index } => {
            ((tag, 1, index, heights.next().unwrap_or_default()), true)
        }
        Notice::Refused { first_tag, count, ref refusal } => {
            return (rejected(first_tag, count, refusal), None);
        }
    };
    let (first_tag, count, first_index, height) = ordered;
    let ordered = Ordered { first_tag, count, first_index, height: height.0, duplicate };
    let event = ProposeEvent { kind: Some(Kind::Ordered(ordered)) };
    (event, Some(Span { first_tag, first_index, count }))
}

fn rejected(first_tag: u64, count: u32, refusal: &Refusal) -> ProposeEvent {
    let (code, retry_after_ms) = match refusal {
        Refusal::Busy { retry_after } => {
            (RejectCode::Busy, u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX).max(1))
        }
        Refusal::Stopping => (RejectCode::Stopping, 0),
        Refusal::Malformed(_) => (RejectCode::Malformed, 0),
    };
    let reason = refusal.to_string();
    let code = code.into();
    let rejected = Rejected { first_tag, count, code, reason, retry_after_ms };
    ProposeEvent { kind: Some(Kind::Rejected(rejected)) }
}

fn stopping() -> Status {
    Status::unavailable("the server is shutting down")
}
