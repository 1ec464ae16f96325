use super::*;
use crate::net::frame::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Server 1, which knows servers 0 and 2 and is dialled by 0. It dials 2, and gets through to itself
/// only, so the last error about 2 is one of keys unless the test makes another.
async fn victim(change: impl Fn(&mut LinksConfig)) -> (Links, Events, SocketAddr) {
    let (listener, at) = listener().await;
    let peers = vec![peer(0, key(0).public(), at), peer(2, key(2).public(), at)];
    let mut config = config(1, listener, peers);
    // Once is enough: the error that a test waits for must not be followed by others.
    config.timing.retry_min = Duration::from_secs(3600);
    config.timing.retry_max = Duration::from_secs(3600);
    change(&mut config);
    let (links, events) = start(config);
    until("it has met itself", || last_error(&links, 2).contains("not expected here")).await;
    (links, events, at)
}

/// Both links of server 0 to the victim, without anything behind them.
async fn both(at: SocketAddr) -> [TlsStream<TcpStream>; 2] {
    let control = dial_as(0, 1, LinkKind::Control, at).await;
    [control, dial_as(0, 1, LinkKind::Bulk, at).await]
}

/// Whatever state the connection is in, it ends.
async fn closed(stream: &mut (impl AsyncReadExt + Unpin)) {
    let ended = async { while !matches!(stream.read(&mut [0; 1024]).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the connection stays open");
}

fn header(length: u32, kind: u8) -> Vec<u8> {
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes
}

#[tokio::test]
async fn a_peer_with_another_key_is_named_on_both_sides() {
    let (zero, zero_at) = listener().await;
    let (one, one_at) = listener().await;
    // Server 0 expects key 5 where server 1, with key 1, listens.
    let (zero, _zero_events) = start(config(0, zero, vec![peer(1, key(5).public(), one_at)]));
    let (one, _one_events) = start(config(1, one, vec![peer(0, key(0).public(), zero_at)]));
    until("the dialler says so", || last_error(&zero, 1).contains("a key that is not expected"))
        .await;
    until("the other side says so", || {
        one.status().refused.iter().any(|refused| refused.reason.contains("refuses our transport"))
    })
    .await;
}

#[tokio::test]
async fn a_dialler_whose_key_is_unknown_learns_that() {
    let (zero, zero_at) = listener().await;
    let (one, one_at) = listener().await;
    let (zero, _zero_events) = start(config(0, zero, vec![peer(1, key(1).public(), one_at)]));
    let (one, _one_events) = start(config(1, one, vec![peer(0, key(5).public(), zero_at)]));
    until("the dialler says so", || last_error(&zero, 1).contains("refuses our transport key"))
        .await;
    until("the other side says so", || {
        one.status().refused.iter().any(|refused| refused.reason.contains("not expected here"))
    })
    .await;
}

#[tokio::test]
async fn a_peer_of_another_alliance_epoch_or_policy_is_named_on_both_sides() {
    type Difference = fn(&mut Context);
    let differences: [(Difference, &str); 3] = [
        (|context| context.alliance = AllianceId([9; 32]), "in another alliance: 0"),
        (|context| context.epoch = Epoch(3), "in epoch "),
        (|context| context.policy = PolicyDigest([9; 32]), "another trust policy: 0"),
    ];
    for (difference, wanted) in differences {
        let [(zero, _zero_events), (one, _one_events)] = pair(|config| {
            if config.own == ServerIndex(1) {
                difference(&mut config.context);
            }
        })
        .await;
        until(wanted, || last_error(&zero, 1).contains(wanted)).await;
        until(wanted, || last_error(&one, 0).contains(&wanted.replace(": 0", ""))).await;
    }
}

#[tokio::test]
async fn somebody_elses_hello_is_worth_nothing() {
    let (links, mut events, at) = victim(|_| ()).await;
    let [control, bulk] = both(at).await;
    assert_eq!(connected(&mut events).await, ServerIndex(0));
    // Server 2 repeats byte for byte what server 0 has said.
    let mut replayed = dial_raw(2, 1, at).await;
    let (from, to) = (ServerIndex(0), ServerIndex(1));
    let hello = Hello { context: context(), from, to, link: LinkKind::Control };
    hello.send(&mut replayed).await.unwrap();
    closed(&mut replayed).await;
    until("it is named", || {
        last_error(&links, 2).contains("says it is server 0, but its key is that of server 2")
    })
    .await;
    assert!(links.status().peers[0].connected_for.is_some());
    drop((control, bulk));
}

#[tokio::test]
async fn a_server_that_should_be_dialled_may_not_dial() {
    let (links, _events, at) = victim(|_| ()).await;
    let mut wrong_way = dial_as(2, 1, LinkKind::Control, at).await;
    closed(&mut wrong_way).await;
    until("it is named", || last_error(&links, 2).contains("it is this server that dials")).await;
}

#[tokio::test]
async fn a_second_hello_is_no_frame() {
    let (_links, mut events, at) = victim(|_| ()).await;
    let [mut control, _bulk] = both(at).await;
    connected(&mut events).await;
    let (from, to) = (ServerIndex(0), ServerIndex(1));
    let hello = Hello { context: context(), from, to, link: LinkKind::Control };
    hello.send(&mut control).await.unwrap();
    let error = disconnected(&mut events).await;
    assert!(error.contains("unknown kind"), "{error}");
}

#[tokio::test]
async fn a_frame_above_the_limit_ends_the_connection_before_it_is_read() {
    for link in LinkKind::ALL {
        let (_links, mut events, at) = victim(|_| ()).await;
        let mut streams = both(at).await;
        connected(&mut events).await;
        let stream = &mut streams[link.index()];
        stream.write_all(&header(u32::MAX, 0)).await.unwrap();
        stream.flush().await.unwrap();
        let error = disconnected(&mut events).await;
        assert!(error.contains("4294967295 bytes, at most 16777216"), "{error}");
        closed(stream).await;
    }
}

#[tokio::test]
async fn garbage_ends_the_connection_and_nothing_else() {
    let (links, mut events, at) = victim(|_| ()).await;
    let mut plain = TcpStream::connect(at).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: ally\r\n\r\n").await.unwrap();
    closed(&mut plain).await;
    until("it is refused", || {
        links.status().refused.iter().any(|refused| refused.reason.contains("TLS handshake"))
    })
    .await;
    let mut hello = dial_raw(0, 1, at).await;
    hello.write_all(&[0xAA; 87]).await.unwrap();
    closed(&mut hello).await;
    until("it is named", || last_error(&links, 0).contains("does not speak the protocol")).await;
    let [mut control, _bulk] = both(at).await;
    connected(&mut events).await;
    control.write_all(&header(8, 77)).await.unwrap();
    let error = disconnected(&mut events).await;
    assert!(error.contains("unknown kind 77"), "{error}");
}

#[tokio::test]
async fn a_peer_that_never_reads_is_given_up() {
    let (links, mut events, at) = victim(|config| {
        config.timing.silence_max = Duration::from_millis(300);
        config.limits.bulk_queue_bytes = 16 << 20;
    })
    .await;
    let [control, bulk] = both(at).await;
    connected(&mut events).await;
    // It lives and pings, but reads nothing.
    let pinging = tokio::spawn(async move {
        let mut streams = [control, bulk];
        let mut ping = Vec::new();
        Frame::Ping(1).write_head(&mut ping);
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            for stream in &mut streams {
                if stream.write_all(&ping).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        }
    });
    let large = bytes::Bytes::from(vec![0; 1 << 20]);
    while links.send(ServerIndex(0), LinkKind::Bulk, large.clone()) == Sent::Queued {
        tokio::task::yield_now().await;
    }
    let error = disconnected(&mut events).await;
    assert!(error.contains("has not read for 300ms"), "{error}");
    pinging.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_given_up() {
    let silent = |config: &mut LinksConfig| config.timing.silence_max = Duration::from_millis(200);
    let (_links, mut events, at) = victim(silent).await;
    let [_control, _bulk] = both(at).await;
    connected(&mut events).await;
    let error = disconnected(&mut events).await;
    assert!(error.contains("nothing heard from the peer for 200ms"), "{error}");
}

#[tokio::test]
async fn a_peer_that_stops_in_the_middle_of_a_frame_is_given_up() {
    let silent = |config: &mut LinksConfig| config.timing.silence_max = Duration::from_millis(200);
    let (_links, mut events, at) = victim(silent).await;
    let [mut control, _bulk] = both(at).await;
    connected(&mut events).await;
    control.write_all(&header(1000, 0)).await.unwrap();
    control.write_all(&[1; 999]).await.unwrap();
    control.flush().await.unwrap();
    let error = disconnected(&mut events).await;
    assert!(error.contains("nothing heard"), "{error}");
}

#[tokio::test]
async fn whoever_connects_anew_takes_the_place_of_the_old_connection() {
    let (_links, mut events, at) = victim(|_| ()).await;
    let [mut old, _bulk] = both(at).await;
    connected(&mut events).await;
    let _new = dial_as(0, 1, LinkKind::Control, at).await;
    let error = disconnected(&mut events).await;
    assert!(error.contains("connected anew"), "{error}");
    assert_eq!(connected(&mut events).await, ServerIndex(0));
    closed(&mut old).await;
}

#[tokio::test]
async fn a_member_that_connects_without_end_is_held_to_its_places() {
    let (_links, mut events, at) = victim(|config| {
        config.limits.half_open_per_address = 4;
        config.limits.events = 1;
    })
    .await;
    // "Connected" fills the driver's queue; each further connection has to say first that the one
    // before it is gone.
    let first = both(at).await;
    let mut admitted = Vec::new();
    for _ in 0..12 {
        admitted.extend(try_as(0, 1, LinkKind::Control, at).await.ok());
    }
    assert_eq!(admitted.len(), 4);
    // Once the driver goes on, the newest connection stands.
    assert_eq!(connected(&mut events).await, ServerIndex(0));
    for _ in 0..4 {
        let error = disconnected(&mut events).await;
        assert!(error.contains("connected anew"), "{error}");
        assert_eq!(connected(&mut events).await, ServerIndex(0));
    }
    drop(first);
}

#[tokio::test]
async fn connections_that_say_nothing_are_few_and_short() {
    let (links, mut events, at) = victim(|config| {
        config.limits.half_open_per_address = 4;
        config.timing.handshake_max = Duration::from_millis(500);
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(at).await.unwrap());
    }
    until("the surplus is refused", || {
        links.status().refused.iter().any(|refused| refused.reason.contains("too many"))
    })
    .await;
    for stream in &mut silent {
        closed(stream).await;
    }
    // Their places are free again.
    let _links = both(at).await;
    assert_eq!(connected(&mut events).await, ServerIndex(0));
    until("the rest timed out", || {
        links.status().refused.iter().any(|refused| refused.reason.contains("not done after"))
    })
    .await;
}

#[tokio::test]
async fn small_frames_without_end_fill_no_memory() {
    let (links, mut events, at) = victim(|config| {
        config.limits.received_bytes = 64 << 10;
        config.limits.control_frame_bytes = 64 << 10;
        config.limits.events = 1 << 20;
    })
    .await;
    let [mut control, _bulk] = both(at).await;
    connected(&mut events).await;
    // The driver takes nothing: the flood ends in the peer's own buffers.
    let flood = tokio::spawn(async move {
        let empty = header(0, 0).repeat(1000);
        while control.write_all(&empty).await.is_ok() {}
    });
    until("frames arrive", || links.status().peers[0].links[0].received_frames > 0).await;
    let received = || links.status().peers[0].links[0].received_frames;
    until("the budget is used up", || received() >= 200).await;
    assert!(received() <= 64 * 4 + 2, "{} frames in memory", received());
    links.shut_down().await;
    flood.await.unwrap();
}
