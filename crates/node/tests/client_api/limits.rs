//! What clients may not do.

use crate::backend::{ALLIANCE, Fault};
use crate::world::{AMPLE, World, proposals};
use ally::{Error, Nonce, Proposal, Until};
use ally_alliance::keys::ClientKey;
use ally_node::api::limits::{
    CONNECTIONS_PER_CLIENT_MAX, HANDSHAKES_PER_ADDRESS_MAX, PROPOSE_STREAMS_PER_CLIENT_MAX,
    UNANSWERED_ENTRIES_PER_CLIENT_MAX,
};
use ally_proto::limits::{COMMAND_BYTES_MAX, REQUEST_ENTRIES_MAX};
use ally_proto::v1::alliance_client::AllianceClient;
use ally_proto::v1::{ListenRequest, ProposeRequest, ReceiptRequest, StatusRequest, Until as Wire};
use ally_transport::{Identity, Pins, client_config, server_name};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;
use hyper_util::rt::TokioIo;
use std::collections::BTreeSet;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::service_fn;

/// The bare API, for what the library would never do.
pub async fn bare(world: &World) -> AllianceClient<Channel> {
    let entry = world.entries().remove(0);
    let identity = Identity::new(ClientKey::from_seed(&[50; 32])).expect("an identity");
    let config = client_config(&identity, Pins::of([entry.transport]), &[b"h2"]);
    let connector = service_fn(move |_| {
        let (config, address) = (config.clone(), entry.address.clone());
        async move {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            TlsConnector::from(config).connect(server_name(), tcp).await.map(TokioIo::new)
        }
    });
    let endpoint = Endpoint::from_static("http://ally.invalid");
    AllianceClient::new(endpoint.connect_with_connector(connector).await.expect("connected"))
}

pub async fn propose(world: &World, requests: Vec<ProposeRequest>) -> Result<(), Status> {
    let mut replies =
        bare(world).await.propose(futures::stream::iter(requests)).await?.into_inner();
    while replies.message().await?.is_some() {}
    Ok(())
}

pub fn request(first_tag: u64, entries: Vec<Bytes>) -> ProposeRequest {
    ProposeRequest { first_tag, entries, until: Wire::Decided.into() }
}

#[tokio::test]
async fn bad_requests_are_refused_by_name() {
    let world = World::start(&[Fault::None]).await;
    let entry = || Bytes::from_static(b"0123456789abcdefx");
    let mut unset = request(0, vec![entry()]);
    unset.until = 0;
    let long = Bytes::from(vec![0; COMMAND_BYTES_MAX + 17]);
    let cases = [
        (vec![request(0, vec![])], "1 to 4096 entries"),
        (vec![request(0, vec![entry(); REQUEST_ENTRIES_MAX + 1])], "1 to 4096 entries"),
        (
            vec![request(0, vec![Bytes::from_static(b"0123456789abcdef")])],
            "tag 0: the command is empty",
        ),
        (vec![request(0, vec![entry(), long])], "tag 1: the command has 1048577 bytes"),
        (vec![request(3, vec![entry(); 2]), request(4, vec![entry()])], "tags must rise"),
        (vec![unset], "`until` is not set"),
    ];
    for (requests, reason) in cases {
        let status = propose(&world, requests).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(reason), "{} has no {reason}", status.message());
    }
    let mut api = bare(&world).await;
    let status = api.receipt(ReceiptRequest { by: None }).await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);
    let backwards = ListenRequest { from: 1, leaves_from: 2, after_height: None };
    let status = api.listen(backwards).await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(world.log.size(), 2, "the first of the two messages with bad tags was in order");
}

#[tokio::test]
async fn commands_are_checked_before_they_travel() {
    let error = Proposal::new(b"").expect_err("refused");
    assert!(matches!(error, Error::Command(_)), "{error}");
    let error = Proposal::with_nonce(Nonce([0; 16]), &vec![0; COMMAND_BYTES_MAX + 1]);
    assert!(matches!(error, Err(Error::Command(_))), "{error:?}");
}

#[tokio::test]
async fn the_longest_commands_pass() {
    let world = World::start(&[Fault::None]).await;
    let longest = |n| Proposal::new(&vec![n; COMMAND_BYTES_MAX]).expect("allowed");
    let proposals: Vec<_> = (0..5).map(longest).collect();
    let placed = world.client().propose_until(&proposals, Until::Decided, AMPLE).await;
    assert_eq!(placed.expect("placed").len(), 5);
}

#[tokio::test]
async fn a_client_without_answers_is_held_back_and_loses_nothing() {
    let world = World::start(&[Fault::Silent]).await;
    // Three connections with one key share one budget.
    let clients = [world.client(), world.client(), world.client()];
    let all = proposals(3 * 60_000);
    let sending = join_all(clients.iter().zip(all.chunks(60_000)).map(|(client, all)| {
        let messages = all.chunks(REQUEST_ENTRIES_MAX / 2);
        join_all(messages.map(|some| client.propose_until(some, Until::Decided, AMPLE)))
    }));
    let held = || -> usize {
        let held = world.servers[0].held.lock().expect("no panic");
        held.iter().map(|submission| submission.entries.len()).sum()
    };
    let released = async {
        // As many messages as fit into the budget, whatever their sizes came to be.
        while held() < UNANSWERED_ENTRIES_PER_CLIENT_MAX - REQUEST_ENTRIES_MAX {
            tokio::task::yield_now().await;
        }
        for client in &clients {
            client.status(AMPLE).await.remove(0).1.expect("other calls go through");
        }
        assert!(held() <= UNANSWERED_ENTRIES_PER_CLIENT_MAX, "{}", held());
        world.servers[0].set_fault(Fault::None);
        world.servers[0].release();
    };
    let (placed, ()) = futures::join!(
        sending,
        tokio::time::timeout(AMPLE, released).map(|in_time| {
            in_time.expect("the budget fills up");
        })
    );
    let placed = placed.into_iter().flatten().flat_map(|placed| placed.expect("placed"));
    let indexes: BTreeSet<u64> = placed.map(|place| place.index).collect();
    assert_eq!(indexes.len(), 3 * 60_000);
}

#[tokio::test]
async fn a_client_has_so_many_streams_that_propose_and_no_more() {
    let world = World::start(&[Fault::None]).await;
    let mut api = bare(&world).await;
    let mut open = Vec::new();
    for _ in 0..PROPOSE_STREAMS_PER_CLIENT_MAX {
        let stream = api.propose(futures::stream::pending()).await.expect("within the limit");
        open.push(stream.into_inner());
    }
    let status = api.propose(futures::stream::pending()).await.expect_err("one too many");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("too many streams"), "{}", status.message());
    // Others are not affected, nor are other calls.
    world.client().propose(&proposals(1)[0], AMPLE).await.expect("a receipt");
    api.status(StatusRequest {}).await.expect("it answers");
}

#[tokio::test]
async fn garbage_and_half_open_connections_keep_nobody_out() {
    let world = World::start(&[Fault::None]).await;
    let address = world.entries()[0].address.clone();
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(&address).await.expect("accepted"));
    }
    let mut garbage = TcpStream::connect(&address).await.expect("accepted");
    tokio::io::AsyncWriteExt::write_all(&mut garbage, b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("sent");
    let proposal = Proposal::new(b"please").expect("short");
    world.client().propose(&proposal, AMPLE).await.expect("a receipt");
    let mut answer = Vec::new();
    // Closed with an alert, or reset.
    _ = tokio::time::timeout(AMPLE, garbage.read_to_end(&mut answer)).await.expect("closed");
}

/// As many as one address can have; those who come from elsewhere get in while they stand.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_flood_of_half_open_connections_from_one_address_leaves_room_for_others() {
    let world = World::start(&[Fault::None]).await;
    let address = world.entries()[0].address.parse().expect("an address");
    let mut flood = Vec::new();
    for _ in 0..2 * HANDSHAKES_PER_ADDRESS_MAX {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.9:0".parse().expect("an address")).expect("all of 127/8 is here");
        flood.push(socket.connect(address).await.expect("accepted"));
    }
    let proposal = Proposal::new(b"please").expect("short");
    world.client().propose(&proposal, AMPLE).await.expect("a receipt");
    // The first of the flood is still in its handshake: nobody waited until it was given up.
    let waits = flood[0].try_read(&mut [0; 1]).expect_err("nothing to read");
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_client_has_so_many_connections_and_no_more() {
    let world = World::start(&[Fault::None]).await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_PER_CLIENT_MAX {
        let mut api = bare(&world).await;
        api.status(StatusRequest {}).await.expect("within the limit");
        open.push(api);
    }
    let mut one_more = bare(&world).await;
    one_more.status(StatusRequest {}).await.expect_err("turned away");
    // Others are not affected, and a place that becomes free can be taken.
    let status = world.client().status(AMPLE).await.remove(0).1.expect("another client");
    assert_eq!(status.alliance_id, ALLIANCE.0.to_vec());
    open.clear();
    let freed = async {
        while bare(&world).await.status(StatusRequest {}).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(AMPLE, freed).await.expect("a place becomes free");
}
