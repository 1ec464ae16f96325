//! Requests that no library would send: each is answered by a status that says what is wrong with it,
//! and the server goes on.

use crate::backend::Fault;
use crate::limits::{bare, propose};
use crate::world::{AMPLE, World, proposals};
use ally_alliance::keys::ClientKey;
use ally_proto::limits::{COMMAND_BYTES_MAX, ENTRY_BYTES_MAX, REQUEST_ENTRIES_MAX};
use ally_proto::v1::receipt_request::By;
use ally_proto::v1::{ListenRequest, ProposeRequest, ReceiptRequest};
use ally_transport::{Identity, Pins, client_config, server_name};
use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::{Code, Status};

/// Entries in the log before each test.
const SIZE: u64 = 10;

/// Draws values that lie at the edges of what is allowed.
struct Draw(ChaCha20Rng);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    fn one<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.0.next_u64() as usize % from.len()].clone()
    }

    fn number(&mut self) -> u64 {
        let any = self.0.next_u64();
        self.one(&[0, 1, SIZE - 1, SIZE, SIZE + 1, u64::MAX / 2, u64::MAX - 1, u64::MAX, any])
    }

    fn bytes(&mut self, lengths: &[usize]) -> Bytes {
        let mut bytes = vec![0; self.one(lengths)];
        self.0.fill_bytes(&mut bytes);
        bytes.into()
    }

    fn proposal(&mut self) -> ProposeRequest {
        let lengths = [0, 1, 15, 16, 17, 18, 40, ENTRY_BYTES_MAX, ENTRY_BYTES_MAX + 1];
        let count = self.one(&[0, 1, 2, 3, REQUEST_ENTRIES_MAX, REQUEST_ENTRIES_MAX + 1]);
        // Many entries are short, or this takes for ever; that they are too many does not.
        let lengths = if count > 3 { &lengths[3..6] } else { &lengths[..] };
        let entries = (0..count).map(|_| self.bytes(lengths)).collect();
        let until = self.one(&[-1, 0, 1, 2, 3, 4, i32::MAX]);
        ProposeRequest { first_tag: self.number(), entries, until }
    }
}

/// A status by which a client learns what it did wrong, or that the log has no such thing.
fn is_clear(status: &Status) -> bool {
    let codes = [Code::InvalidArgument, Code::NotFound, Code::OutOfRange, Code::Unavailable];
    codes.contains(&status.code()) && !status.message().is_empty()
}

async fn world() -> World {
    let world = World::start(&[Fault::None]).await;
    let entries = proposals(SIZE as usize);
    world.log.order(entries.iter().map(|one| one.entry().as_bytes().clone()).collect());
    world.log.certify();
    world
}

async fn still_serves(world: &World) {
    world.client().propose(&proposals(1)[0], AMPLE).await.expect("others are served");
}

#[tokio::test]
async fn prop_hostile_proposals_have_a_clear_answer() {
    let world = world().await;
    let mut draw = Draw::new(1);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..150 {
        let requests: Vec<_> = (0..draw.one(&[1, 1, 2, 3])).map(|_| draw.proposal()).collect();
        match timeout(AMPLE, propose(&world, requests)).await.expect("an answer") {
            Ok(()) => taken += 1,
            Err(status) => {
                assert!(is_clear(&status), "round {round}: {status:?}");
                refused += 1;
            }
        }
    }
    assert!(taken > 0 && refused > taken, "{taken} taken, {refused} refused");
    still_serves(&world).await;
}

#[tokio::test]
async fn prop_hostile_reads_have_a_clear_answer() {
    let world = world().await;
    let mut draw = Draw::new(2);
    let mut api = bare(&world).await;
    for round in 0..400 {
        let id = By::Id(draw.bytes(&[0, 1, 31, 32, 33, 64, COMMAND_BYTES_MAX]));
        let index = By::Index(draw.number());
        let by = draw.one(&[None, Some(id), Some(index)]);
        let receipt = timeout(AMPLE, api.receipt(ReceiptRequest { by })).await.expect("an answer");
        assert!(receipt.as_ref().err().is_none_or(is_clear), "round {round}: {receipt:?}");
        let (from, leaves_from) = (draw.number(), draw.number());
        let height = draw.number();
        let after_height = draw.one(&[None, Some(height)]);
        let request = ListenRequest { from, leaves_from, after_height };
        let began = match timeout(AMPLE, api.listen(request)).await.expect("an answer") {
            Ok(replies) => timeout(AMPLE, replies.into_inner().message()).await.expect("a start"),
            Err(status) => Err(status),
        };
        assert!(began.as_ref().err().is_none_or(is_clear), "round {round}: {request:?} {began:?}");
    }
    still_serves(&world).await;
}

/// What comes after the handshake may be anything.
#[tokio::test]
async fn prop_hostile_bytes_end_their_connection_and_nothing_else() {
    let world = world().await;
    let mut draw = Draw::new(3);
    let server = world.entries().remove(0);
    let identity = Identity::new(ClientKey::from_seed(&[51; 32])).expect("an identity");
    let config = client_config(&identity, Pins::of([server.transport]), &[b"h2"]);
    for round in 0..60 {
        let tcp = TcpStream::connect(&server.address).await.expect("accepted");
        let connector = TlsConnector::from(config.clone());
        let mut tls = connector.connect(server_name(), tcp).await.expect("admitted");
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.truncate(draw.one(&[0, 7, 24, 24, 24]));
        bytes.extend(draw.bytes(&[1, 9, 17, 200, 5000]));
        // It may be cut off while it speaks.
        _ = tls.write_all(&bytes).await;
        _ = tls.shutdown().await;
        let end = timeout(AMPLE, tls.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "round {round}: the connection stays open");
    }
    still_serves(&world).await;
}
