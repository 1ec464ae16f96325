use super::*;
use bytes::Bytes;

fn body(first: u8, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    bytes[0] = first;
    bytes.into()
}

#[tokio::test]
async fn frames_arrive_in_order_on_both_links_and_both_ways() {
    let [(zero, mut zero_events), (one, mut one_events)] = pair(|_| ()).await;
    assert_eq!(connected(&mut zero_events).await, ServerIndex(1));
    assert_eq!(connected(&mut one_events).await, ServerIndex(0));
    for (link, length) in [(LinkKind::Control, 100), (LinkKind::Bulk, 300_000)] {
        for first in 0..20 {
            assert_eq!(zero.send(ServerIndex(1), link, body(first, length)), Sent::Queued);
            assert_eq!(one.send(ServerIndex(0), link, body(first, length)), Sent::Queued);
        }
        for first in 0..20 {
            let (from, on, bytes) = frame(&mut one_events).await;
            assert_eq!((from, on, bytes[0], bytes.len()), (ServerIndex(0), link, first, length));
            let (from, on, bytes) = frame(&mut zero_events).await;
            assert_eq!((from, on, bytes[0], bytes.len()), (ServerIndex(1), link, first, length));
        }
    }
    until("a round trip is measured", || zero.status().peers[0].round_trip.is_some()).await;
    let status = &zero.status().peers[0];
    assert!(status.connected_for.is_some() && status.links.iter().all(|link| link.up));
    assert_eq!(status.links[0].received_bytes, 2000);
    assert_eq!(status.last_error, None);
}

#[tokio::test]
async fn an_empty_frame_is_a_frame() {
    let [(zero, mut zero_events), (_one, mut one_events)] = pair(|_| ()).await;
    connected(&mut zero_events).await;
    connected(&mut one_events).await;
    assert_eq!(zero.send(ServerIndex(1), LinkKind::Control, Bytes::new()), Sent::Queued);
    assert_eq!(frame(&mut one_events).await.2.len(), 0);
}

#[tokio::test]
async fn frames_to_nobody_or_above_the_limit_are_not_taken() {
    let [(zero, _events), _one] = pair(|config| config.limits.bulk_frame_bytes = 10).await;
    let send = |to, length| zero.send(ServerIndex(to), LinkKind::Bulk, body(0, length));
    assert_eq!(send(0, 1), Sent::NoSuchPeer);
    assert_eq!(send(7, 1), Sent::NoSuchPeer);
    assert_eq!(send(1, 11), Sent::TooLong);
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let (zero, zero_at) = listener().await;
    let (one, one_at) = listener().await;
    let (zero, mut zero_events) = start(config(0, zero, vec![peer(1, key(1).public(), one_at)]));
    let peers = vec![peer(0, key(0).public(), zero_at)];
    let (links, events) = start(config(1, one, peers.clone()));
    connected(&mut zero_events).await;
    links.shut_down().await;
    drop((links, events));
    disconnected(&mut zero_events).await;
    // What is said meanwhile on control waits; on bulk it is not taken.
    until("bulk is down", || {
        zero.send(ServerIndex(1), LinkKind::Bulk, body(0, 1)) == Sent::Disconnected
    })
    .await;
    assert_eq!(zero.send(ServerIndex(1), LinkKind::Control, body(7, 1)), Sent::Queued);
    let listener = TcpListener::bind(one_at).await.unwrap();
    let (_links, mut events) = start(config(1, listener, peers));
    connected(&mut zero_events).await;
    loop {
        // The frame can come in before the bulk link is up.
        match next(&mut events).await {
            LinkEvent::Frame { bytes, .. } => break assert_eq!(bytes[0], 7),
            LinkEvent::Connected(_) => {}
            LinkEvent::Disconnected(..) => panic!("disconnected"),
        }
    }
    assert!(!last_error(&zero, 1).is_empty());
}

/// Fills the bulk link from `from` to `to`, whose driver takes nothing, until both ends are full;
/// returns how many frames of 1 MiB were taken.
async fn fill(from: &Links, to: &Links) -> u8 {
    let mut taken = 0;
    until("both ends are full", || {
        loop {
            match from.send(ServerIndex(1), LinkKind::Bulk, body(taken, 1 << 20)) {
                Sent::Queued => taken += 1,
                Sent::Full => break to.status().peers[0].links[1].received_frames >= 3,
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    taken
}

fn small(config: &mut LinksConfig) {
    config.limits.bulk_frame_bytes = 1 << 20;
    config.limits.bulk_queue_bytes = 4 << 20;
    config.limits.received_bytes = 4 << 20;
}

#[tokio::test]
async fn votes_do_not_wait_behind_data() {
    let [(zero, mut zero_events), (one, one_events)] = pair(small).await;
    connected(&mut zero_events).await;
    let (mut control, mut bulk) = one_events.into_parts();
    fill(&zero, &one).await;
    assert_eq!(zero.send(ServerIndex(1), LinkKind::Control, body(9, 10)), Sent::Queued);
    let vote = async {
        loop {
            match control.recv().await.unwrap() {
                LinkEvent::Frame { bytes, .. } => break bytes,
                LinkEvent::Connected(_) => {}
                other @ LinkEvent::Disconnected(..) => panic!("{other:?}"),
            }
        }
    };
    let vote = tokio::time::timeout(PATIENCE, vote).await.expect("the vote waits");
    assert_eq!(vote[0], 9);
    assert!(bulk.try_recv().is_ok());
}

#[tokio::test]
async fn a_slow_driver_slows_its_peers_down_and_loses_nothing() {
    let [(zero, mut zero_events), (one, mut one_events)] = pair(small).await;
    connected(&mut zero_events).await;
    connected(&mut one_events).await;
    let taken = fill(&zero, &one).await;
    let link = one.status().peers[0].links[1].clone();
    assert!(link.received_bytes <= 4 << 20, "{} bytes in memory", link.received_bytes);
    for first in 0..taken {
        let (_, link, bytes) = frame(&mut one_events).await;
        assert_eq!((link, bytes[0]), (LinkKind::Bulk, first));
    }
    assert_eq!(zero.send(ServerIndex(1), LinkKind::Bulk, body(0, 1)), Sent::Queued);
}

#[tokio::test]
async fn four_servers_all_meet() {
    let mut listeners = Vec::new();
    for _ in 0..4 {
        listeners.push(listener().await);
    }
    let addresses: Vec<SocketAddr> = listeners.iter().map(|(_, address)| *address).collect();
    let mut servers = Vec::new();
    for (own, (listener, _)) in listeners.into_iter().enumerate() {
        let others = (0..4).filter(|other| *other != own);
        let peers = others.map(|at| peer(at as u16, key(at as u16).public(), addresses[at]));
        servers.push(start(config(own as u16, listener, peers.collect())));
    }
    for (_, events) in &mut servers {
        let mut met = Vec::new();
        for _ in 0..3 {
            met.push(connected(events).await);
        }
        met.sort();
        met.dedup();
        assert_eq!(met.len(), 3);
    }
    for (links, _) in &servers {
        links.shut_down().await;
    }
}

#[tokio::test]
async fn shutting_down_does_not_wait_for_a_driver_that_is_gone_or_asleep() {
    let [(zero, mut zero_events), (one, one_events)] =
        pair(|config| config.limits.events = 1).await;
    connected(&mut zero_events).await;
    for first in 0..10 {
        let _ = zero.send(ServerIndex(1), LinkKind::Control, body(first, 10));
    }
    tokio::time::timeout(PATIENCE, one.shut_down()).await.expect("hangs");
    drop(one_events);
    drop(zero_events);
    tokio::time::timeout(PATIENCE, zero.shut_down()).await.expect("hangs");
}

#[tokio::test]
async fn peers_that_contradict_each_other_are_refused() {
    let (zero, at) = listener().await;
    let twice = vec![peer(1, key(1).public(), at), peer(1, key(2).public(), at)];
    let identity = Identity::new(key(0)).unwrap();
    let error = Links::start(config(0, zero, twice), identity.clone()).err();
    assert_eq!(error, Some(StartError::DuplicateServer(ServerIndex(1))));
    let (zero, at) = listener().await;
    let shared = vec![peer(1, key(1).public(), at), peer(2, key(1).public(), at)];
    let error = Links::start(config(0, zero, shared), identity).err();
    assert!(matches!(error, Some(StartError::SharedKey { .. })));
}
