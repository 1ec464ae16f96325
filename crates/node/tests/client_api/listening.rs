//! Listeners: order, proofs, resumption, duplicates, faults of servers.

use crate::backend::Fault;
use crate::world::{AMPLE, World, client, proposals};
use ally::{Command, Contact, Decided, Error, ListenOptions, Listener, Options, Proposal};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::timeout;

fn order(world: &World, proposals: &[Proposal]) {
    world.log.order(proposals.iter().map(|one| one.entry().as_bytes().clone()).collect());
}

async fn next(listener: &mut Listener) -> Decided {
    let block = timeout(AMPLE, listener.next()).await.expect("in time");
    block.expect("listeners do not end").expect("no error")
}

async fn commands(listener: &mut Listener, count: usize) -> Vec<Command> {
    let mut commands = Vec::new();
    while commands.len() < count {
        commands.extend(next(listener).await.commands);
    }
    commands
}

fn expected(proposals: &[Proposal], first: usize) -> Vec<(u64, Bytes)> {
    (first as u64..).zip(proposals[first..].iter().map(Proposal::command)).collect()
}

fn found(commands: &[Command]) -> Vec<(u64, Bytes)> {
    commands.iter().map(|command| (command.index, command.bytes.clone())).collect()
}

#[tokio::test]
async fn a_listener_reads_what_was_and_follows_what_comes() {
    let world = World::with(&[Fault::None], false).await;
    let proposals = proposals(100);
    order(&world, &proposals[..30]);
    order(&world, &[]);
    order(&world, &proposals[30..50]);
    world.log.certify();
    let mut listener = world.client().listen(0, ListenOptions::default());
    assert_eq!(found(&commands(&mut listener, 50).await), expected(&proposals[..50], 0));
    order(&world, &proposals[50..60]);
    order(&world, &proposals[60..100]);
    world.log.certify();
    let block = next(&mut listener).await;
    assert_eq!((block.height, block.timestamp_us, block.next_index), (4, 4_000_000, 60));
    assert_eq!(block.certificate.expect("a proof").checkpoint.height, 5);
    assert_eq!(found(&commands(&mut listener, 40).await), expected(&proposals, 60));
}

#[tokio::test]
async fn listening_begins_anywhere() {
    let world = World::with(&[Fault::None], false).await;
    let proposals = proposals(64);
    for block in proposals.chunks(8) {
        order(&world, block);
        world.log.certify();
    }
    for from in [0, 1, 7, 8, 9, 31, 63] {
        for options in [ListenOptions::default(), ListenOptions::default().without_duplicates()] {
            let mut listener = world.client().listen(from as u64, options);
            let commands = commands(&mut listener, 64 - from).await;
            assert_eq!(found(&commands), expected(&proposals, from), "from {from}");
        }
    }
    // From the end, and from beyond it.
    let mut end = world.client().listen(64, ListenOptions::default());
    let mut beyond = world.client().listen(66, ListenOptions::default());
    let more = self::proposals(4);
    // The block may be ordered before or after the server hears of the listeners.
    order(&world, &more);
    world.log.certify();
    assert_eq!(commands(&mut end, 4).await[0].index, 64);
    assert_eq!(commands(&mut beyond, 2).await[0].index, 66);
}

#[tokio::test]
async fn nothing_unproven_is_handed_out_unless_asked_for() {
    let world = World::with(&[Fault::None], false).await;
    let proposals = proposals(2);
    order(&world, &proposals[..1]);
    let mut weak = world.client().listen(0, ListenOptions::default().unverified());
    let block = next(&mut weak).await;
    assert!(block.certificate.is_none() && block.commands.len() == 1);
    let mut strong = world.client().listen(0, ListenOptions::default());
    assert!(timeout(Duration::from_millis(300), strong.next()).await.is_err());
    world.log.certify();
    assert!(next(&mut strong).await.certificate.is_some());
}

#[tokio::test]
async fn duplicates_are_marked_wherever_listening_begins() {
    let world = World::with(&[Fault::None], false).await;
    let proposals = proposals(20);
    order(&world, &proposals[..10]);
    order(&world, &proposals[5..15]);
    world.log.certify();
    for from in [0_u64, 10, 12] {
        let mut listener = world.client().listen(from, ListenOptions::default());
        let commands = commands(&mut listener, 20 - from as usize).await;
        for command in commands {
            let earlier = (10..15).contains(&command.index).then(|| command.index - 5);
            assert_eq!(command.duplicate_of, earlier, "{} from {from}", command.index);
        }
    }
}

#[tokio::test]
async fn a_faulty_server_is_left_for_another() {
    for fault in [Fault::ForgedEntries, Fault::ForgedSignature] {
        let world = World::with(&[fault, Fault::None], false).await;
        let proposals = proposals(10);
        order(&world, &proposals);
        world.log.certify();
        let mut listener = world.client().listen(0, ListenOptions::default());
        assert_eq!(found(&commands(&mut listener, 10).await), expected(&proposals, 0));
    }
}

#[tokio::test]
async fn a_listener_goes_on_at_another_server_without_a_gap() {
    let world = World::with(&[Fault::None, Fault::None], false).await;
    let proposals = proposals(30);
    order(&world, &proposals[..10]);
    order(&world, &[]);
    world.log.certify();
    let mut listener = world.client().listen(0, ListenOptions::default());
    commands(&mut listener, 10).await;
    assert_eq!(next(&mut listener).await.height, 2);
    world.stop(0);
    order(&world, &[]);
    order(&world, &proposals[10..]);
    world.log.certify();
    // The empty block is not lost on the way.
    assert_eq!(next(&mut listener).await.height, 3);
    assert_eq!(found(&commands(&mut listener, 20).await), expected(&proposals, 10));
}

#[tokio::test]
async fn a_slow_listener_is_served_from_the_store() {
    let world = World::with(&[Fault::None], false).await;
    let proposals: Vec<_> = (0..200_u8)
        .map(|n| Proposal::new(&vec![n; 1 << 16]).expect("a command of 64 KiB"))
        .collect();
    let mut listener = world.client().listen(0, ListenOptions::default());
    for block in proposals.chunks(10) {
        order(&world, block);
        world.log.certify();
    }
    assert_eq!(found(&commands(&mut listener, 200).await), expected(&proposals, 0));
}

#[tokio::test]
async fn a_server_without_proofs_gives_nothing() {
    let world = World::with(&[Fault::NoProofs, Fault::None], false).await;
    let proposals = proposals(3);
    order(&world, &proposals);
    world.log.certify();
    let mut stuck = world.client().listen(0, ListenOptions::default());
    assert!(timeout(Duration::from_millis(300), stuck.next()).await.is_err());
    let options = Options::default().first_server("b");
    let mut listener = client(world.membership(), options).listen(0, ListenOptions::default());
    assert_eq!(commands(&mut listener, 3).await.len(), 3);
}

#[tokio::test]
async fn that_nothing_is_kept_is_believed_once_all_servers_say_so() {
    let world = World::with(&[Fault::Forgetful, Fault::None], false).await;
    let proposals = proposals(3);
    order(&world, &proposals);
    world.log.certify();
    let mut listener = world.client().listen(0, ListenOptions::default());
    assert_eq!(found(&commands(&mut listener, 3).await), expected(&proposals, 0));
    world.servers[1].set_fault(Fault::Forgetful);
    let mut listener = world.client().listen(0, ListenOptions::default());
    let error = timeout(AMPLE, listener.next()).await.expect("in time").expect("an answer");
    assert!(matches!(error, Err(Error::NotFound { .. })), "{error:?}");
}

#[tokio::test]
async fn a_listener_says_that_it_has_lost_all_servers_and_when_one_is_back() {
    let world = World::with(&[Fault::None, Fault::None], false).await;
    order(&world, &proposals(1));
    world.log.certify();
    let mut listener = world.client().listen(0, ListenOptions::default());
    let mut contact = listener.contact();
    next(&mut listener).await;
    assert!(matches!(*contact.borrow_and_update(), Contact::Held));
    world.stop(0);
    world.stop(1);
    let lost = contact.wait_for(|contact| matches!(contact, Contact::Lost { .. }));
    let Contact::Lost { attempts, .. } = timeout(AMPLE, lost).await.expect("said").unwrap().clone()
    else {
        unreachable!("it was waited for")
    };
    assert_eq!(attempts.iter().map(|one| one.server.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    world.restart(1).await;
    let held = contact.wait_for(|contact| matches!(contact, Contact::Held));
    timeout(AMPLE, held).await.expect("said").expect("it listens");
    order(&world, &proposals(1));
    world.log.certify();
    assert_eq!(next(&mut listener).await.height, 2);
}

#[tokio::test]
async fn a_listener_gives_up_if_it_is_told_to() {
    let world = World::with(&[Fault::None, Fault::None], false).await;
    order(&world, &proposals(1));
    world.log.certify();
    let options = ListenOptions::default().give_up_after(Duration::from_millis(500));
    let mut listener = world.client().listen(0, options);
    next(&mut listener).await;
    world.stop(0);
    world.stop(1);
    let end = timeout(AMPLE, listener.next()).await.expect("it ends").expect("with an error");
    assert!(matches!(&end, Err(Error::Unreachable(all)) if all.len() == 2), "{end:?}");
    assert!(timeout(AMPLE, listener.next()).await.expect("it has ended").is_none());
}

/// A stream that opens and breaks at once is no contact: it would be one for ever.
#[tokio::test]
async fn servers_that_only_lie_are_no_contact() {
    let world = World::with(&[Fault::ForgedEntries, Fault::ForgedEntries], false).await;
    order(&world, &proposals(1));
    world.log.certify();
    let options = ListenOptions::default().give_up_after(Duration::from_millis(500));
    let mut listener = world.client().listen(0, options);
    let end = timeout(AMPLE, listener.next()).await.expect("it ends").expect("with an error");
    assert!(matches!(&end, Err(Error::Unreachable(all)) if all.len() == 2), "{end:?}");
}
