//! Servers that say nothing, or nothing to this client: who is asked, and what the person reads.

use crate::backend::{Fault, Signature};
use crate::world::{AMPLE, World, client, proposals};
use ally::{Cause, Client, Error, ListenOptions, Membership, Options, ServerEntry, Until};
use ally_alliance::keys::TransportKey;
use ally_transport::{Identity, Pins, server_config};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// A server before the others that takes connections and never says a word.
struct Mute {
    entry: ServerEntry,
    connections: Arc<AtomicUsize>,
}

impl Mute {
    async fn start(world: &World) -> Self {
        Self::saying(world, None).await
    }

    /// One that is through with TLS and the first frame of HTTP/2 before it falls silent.
    async fn after_a_greeting(world: &World) -> Self {
        let identity = Identity::new(TransportKey::from_seed(&[1; 32])).expect("the key of `a`");
        Self::saying(world, Some(server_config(&identity, Pins::any(), &[b"h2"]).into())).await
    }

    async fn saying(world: &World, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let entry = ServerEntry {
            name: "mute".to_owned(),
            organisation: "org-mute".to_owned(),
            address: listener.local_addr().expect("bound").to_string(),
            transport: world.entries()[0].transport,
        };
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            let (mut silent, mut greeted) = (Vec::new(), Vec::new());
            while let Ok((tcp, _)) = listener.accept().await {
                count.fetch_add(1, Relaxed);
                let Some(acceptor) = &acceptor else {
                    silent.push(tcp);
                    continue;
                };
                let mut tls = acceptor.accept(tcp).await.expect("the test's client");
                tls.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.expect("no settings");
                greeted.push(tls);
            }
        });
        Self { entry, connections }
    }

    /// A client that asks it before the servers of `world`.
    fn client(&self, world: &World, options: Options) -> Client {
        let mut entries = vec![self.entry.clone()];
        entries.extend(world.entries());
        let known = world.membership();
        let origin = known.origin().clone();
        client(Membership::new(known.alliance(), origin, Signature, entries), options)
    }
}

/// So long that a call that waited for it would not be in time.
fn patient() -> Options {
    Options::default().patience(AMPLE * 100).connect_timeout(Duration::from_millis(200))
}

#[tokio::test]
async fn a_server_that_says_nothing_costs_one_call_and_not_each() {
    let world = World::start(&[Fault::None]).await;
    let mute = Mute::start(&world).await;
    // It is not given up before the patience is over; later calls do not go there first.
    let options = Options::default().patience(Duration::from_millis(300));
    let client = mute.client(&world, options.connect_timeout(AMPLE * 100));
    let proposals = proposals(400);
    let all = async {
        for proposal in &proposals {
            client.propose(proposal, AMPLE).await.expect("from the second");
        }
    };
    // 400 times the patience would be twice as long.
    timeout(AMPLE, all).await.expect("no call but the first waits for the silent server");
    client.receipt(7, AMPLE).await.expect("reads are spared too");
    let placed = client.propose_until(&proposals, Until::Decided, AMPLE).await;
    assert_eq!(placed.expect("placed").len(), 400);
    assert_eq!(mute.connections.load(Relaxed), 1, "one connection, for all the calls");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_given_up() {
    let world = World::start(&[Fault::None]).await;
    let mute = Mute::start(&world).await;
    let client = mute.client(&world, patient());
    client.propose(&proposals(1)[0], AMPLE).await.expect("from the second");
    let mut listener = client.listen(0, ListenOptions::default());
    let block = timeout(AMPLE, listener.next()).await.expect("from the second");
    assert_eq!(block.expect("no end").expect("no error").commands.len(), 1);
    let silent = client.status(AMPLE).await.remove(0).1.expect_err("it says nothing");
    assert!(silent.outcome.contains("says nothing within 0.2 s"), "{}", silent.outcome);
}

#[tokio::test]
async fn a_call_that_is_never_answered_is_given_up() {
    let world = World::start(&[Fault::None]).await;
    let mute = Mute::after_a_greeting(&world).await;
    let client = mute.client(&world, patient());
    client.propose(&proposals(1)[0], AMPLE).await.expect("from the second");
    let mut listener = client.listen(0, ListenOptions::default());
    timeout(AMPLE, listener.next()).await.expect("from the second");
    assert!(mute.connections.load(Relaxed) > 0);
}

#[tokio::test]
async fn a_server_that_was_silent_has_its_place_back_once_it_answers() {
    let world = World::start(&[Fault::Silent, Fault::None]).await;
    let client = world.client();
    client.propose(&proposals(1)[0], AMPLE).await.expect("from the second");
    let asked = |at: usize| world.servers[at].asked.load(Relaxed);
    assert_eq!((asked(0), asked(1)), (1, 1));
    client.propose(&proposals(1)[0], AMPLE).await.expect("from the second");
    assert_eq!((asked(0), asked(1)), (1, 2), "the first is not asked again so soon");
    world.servers[0].set_fault(Fault::None);
    let restored = async {
        let mut before = 0;
        // The trial goes along with a call that succeeds at the second.
        while asked(1) != before {
            before = asked(1);
            client.propose(&proposals(1)[0], AMPLE).await.expect("from either");
        }
    };
    timeout(AMPLE, restored).await.expect("the second is not needed any more");
}

#[tokio::test]
async fn a_key_that_nobody_admits_is_said_at_once() {
    let world = World::refusing(&[Fault::None, Fault::None], 2).await;
    let client = client(world.membership(), Options::default());
    let calls = [
        timeout(AMPLE, client.propose(&proposals(1)[0], AMPLE * 100)).await.map(|r| r.map(|_| ())),
        timeout(AMPLE, client.receipt(0, AMPLE * 100)).await.map(|r| r.map(|_| ())),
        timeout(AMPLE, client.reach(AMPLE * 100)).await,
    ];
    for call in calls {
        let error = call.expect("at once").expect_err("not admitted");
        let Error::NotAdmitted { key, attempts } = &error else { panic!("unexpected: {error}") };
        assert!(key.starts_with("client:"), "{key}");
        assert!(attempts.iter().all(|attempt| attempt.cause == Cause::NotAdmitted), "{error}");
        assert_eq!(error.code(), "ALLY-0214");
        let text = error.to_string();
        assert!(text.contains("org-a and org-b do not admit the client key"), "{text}");
    }
}

#[tokio::test]
async fn a_key_that_one_server_does_not_admit_works_at_another() {
    let world = World::refusing(&[Fault::None, Fault::None], 1).await;
    let client = client(world.membership(), Options::default());
    client.propose(&proposals(1)[0], AMPLE).await.expect("from the second");
    let mut listener = client.listen(0, ListenOptions::default());
    timeout(AMPLE, listener.next()).await.expect("from the second");
    let refusal = client.status(AMPLE).await.remove(0).1.expect_err("not admitted");
    assert_eq!(refusal.cause, Cause::NotAdmitted);
    assert!(refusal.outcome.contains("server.toml"), "{}", refusal.outcome);
}
