//! Proposals: receipts, retries over servers, faults of servers.

use crate::backend::{Fault, Signature};
use crate::world::{AMPLE, World, client, proposals};
use ally::{Error, Membership, Options, Placement, Proposal, Until};
use ally_alliance::keys::TransportKey;
use futures::future::join_all;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

#[tokio::test]
async fn a_proposal_comes_back_with_a_receipt() {
    let world = World::start(&[Fault::None]).await;
    let client = world.client();
    let proposal = Proposal::new(b"pay 5").expect("short");
    let receipt = client.propose(&proposal, AMPLE).await.expect("a receipt");
    assert_eq!(receipt.index, 0);
    receipt.verify(proposal.entry().as_bytes(), &Signature).expect("it verifies offline");
    let (entry, by_index) = client.receipt(0, AMPLE).await.expect("by index");
    assert_eq!((&entry, &by_index), (proposal.entry(), &receipt));
    let (_, by_id) = client.receipt_of(proposal.id(), AMPLE).await.expect("by id");
    assert_eq!(by_id, receipt);
}

#[tokio::test]
async fn the_same_proposal_again_is_the_same_entry() {
    let world = World::start(&[Fault::None, Fault::None]).await;
    let proposal = Proposal::new(b"once").expect("short");
    let first = world.client().propose(&proposal, AMPLE).await.expect("a receipt");
    let options = Options::default().first_server("b");
    let again = client(world.membership(), options).propose(&proposal, AMPLE).await;
    assert_eq!(again.expect("a receipt"), first);
}

#[tokio::test]
async fn many_proposals_keep_their_order() {
    let world = World::start(&[Fault::None]).await;
    let proposals = proposals(10_000);
    for until in [Until::Decided, Until::Certified] {
        let placed = world.client().propose_until(&proposals, until, AMPLE).await.expect("placed");
        let indexes: Vec<u64> = placed.iter().map(|place| place.index).collect();
        assert_eq!(indexes, (0..10_000).collect::<Vec<_>>());
        // The second time, all of them are known.
        assert_eq!(placed[0].duplicate, until == Until::Certified);
    }
    assert_eq!(world.log.size(), 10_000, "what is asked for twice is ordered once");
}

#[tokio::test]
async fn proposals_side_by_side_share_messages() {
    let world = World::start(&[Fault::None]).await;
    let (client, proposals) = (world.client(), proposals(500));
    let receipts = join_all(proposals.iter().map(|one| client.propose(one, AMPLE))).await;
    let mut indexes: Vec<u64> =
        receipts.into_iter().map(|receipt| receipt.expect("a receipt").index).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn another_server_helps_where_one_does_not() {
    for fault in [Fault::Silent, Fault::Busy, Fault::ForgedSignature] {
        let world = World::start(&[fault, Fault::None]).await;
        let proposal = Proposal::new(b"please").expect("short");
        let receipt = world.client().propose(&proposal, AMPLE).await.expect("from the second");
        receipt.verify(proposal.entry().as_bytes(), &Signature).expect("it verifies");
    }
    let world = World::start(&[Fault::None, Fault::None]).await;
    world.stop(0);
    let proposal = Proposal::new(b"please").expect("short");
    world.client().propose(&proposal, AMPLE).await.expect("from the second");
}

#[tokio::test]
async fn no_decision_is_an_error_that_names_who_is_missing() {
    let world = World::start(&[Fault::Silent, Fault::Silent]).await;
    let proposal = Proposal::new(b"please").expect("short");
    let error = world.client().propose(&proposal, Duration::from_millis(700)).await;
    let Err(Error::Undecided { missing, attempts, .. }) = &error else {
        panic!("expected no decision, got {error:?}")
    };
    assert_eq!(*missing, ["org-x", "org-y-of-a", "org-y-of-b"]);
    assert_eq!(attempts.len(), 2);
    // The proposal may be ordered all the same, and then the same one comes back at once.
    world.servers.iter().for_each(|server| server.set_fault(Fault::None));
    world.servers.iter().for_each(|server| server.release());
    let receipt = world.client().propose(&proposal, AMPLE).await.expect("a receipt");
    assert!(receipt.index < 2, "{}", receipt.index);
}

#[tokio::test]
async fn a_lie_of_the_only_server_is_reported_as_one() {
    let world = World::start(&[Fault::ForgedSignature]).await;
    let proposal = Proposal::new(b"please").expect("short");
    let error = world.client().propose(&proposal, Duration::from_millis(500)).await;
    assert!(matches!(&error, Err(Error::Forged { server, .. }) if server == "a"), "{error:?}");
    let error = world.client().receipt(0, AMPLE).await;
    assert!(matches!(&error, Err(Error::Forged { server, .. }) if server == "a"), "{error:?}");
}

#[tokio::test]
async fn a_server_with_another_key_is_not_talked_to() {
    let world = World::start(&[Fault::None]).await;
    let mut entries = world.entries();
    entries[0].transport = TransportKey::from_seed(&[77; 32]).public();
    let known = world.membership();
    let membership = Membership::new(known.alliance(), known.origin().clone(), Signature, entries);
    let client = client(membership, Options::default());
    let proposal = Proposal::new(b"please").expect("short");
    let error = client.propose(&proposal, Duration::from_millis(500)).await;
    let Err(Error::Unreachable(attempts)) = &error else { panic!("unexpected: {error:?}") };
    assert!(attempts[0].outcome.contains("key"), "{}", attempts[0].outcome);
    assert_eq!(world.log.size(), 0);
}

#[tokio::test]
async fn a_dropped_proposal_can_be_proposed_again() {
    let world = World::start(&[Fault::Silent]).await;
    let client = world.client();
    let proposal = Proposal::new(b"please").expect("short");
    let impatient =
        tokio::time::timeout(Duration::from_millis(200), client.propose(&proposal, AMPLE));
    assert!(impatient.await.is_err());
    world.servers[0].set_fault(Fault::None);
    world.servers[0].release();
    let receipt = client.propose(&proposal, AMPLE).await.expect("a receipt");
    assert_eq!(receipt.index, 0);
}

#[tokio::test]
async fn unknown_entries_are_not_found() {
    let world = World::start(&[Fault::None, Fault::None]).await;
    let error = world.client().receipt(5, AMPLE).await;
    assert!(matches!(error, Err(Error::NotFound { .. })), "{error:?}");
    let id = Proposal::new(b"never proposed").expect("short").id();
    let error = world.client().receipt_of(id, AMPLE).await;
    assert!(matches!(error, Err(Error::NotFound { .. })), "{error:?}");
}

/// A client that lost its answers asks again, perhaps at a server that orders nothing at the moment.
#[tokio::test]
async fn what_the_log_holds_is_answered_without_ordering_it_again() {
    let world = World::start(&[Fault::None, Fault::Silent]).await;
    let (first, second) = (proposals(5), proposals(5));
    let placed = world.client().propose_until(&first, Until::Decided, AMPLE).await.expect("placed");
    world.client().propose_until(&second, Until::Decided, AMPLE).await.expect("placed");
    let options = Options::default().first_server("b").patience(AMPLE * 100);
    let client = client(world.membership(), options);
    let again = client.propose_until(&first, Until::Certified, AMPLE).await.expect("from the log");
    let block = placed[0].height;
    for (earlier, later) in placed.iter().zip(&again) {
        let expected = Placement { index: earlier.index, height: block, duplicate: true };
        assert_eq!(*later, expected, "the earlier copy, and its block");
    }
    let (receipt, placement) = client.propose_placed(&first[3], AMPLE).await.expect("a receipt");
    assert_eq!((receipt.index, placement.duplicate, placement.height), (3, true, block));
    assert_eq!((world.log.size(), world.servers[1].asked.load(Relaxed)), (10, 0));

    // Only what is new is ordered of a message that is known at its front.
    let mixed = [&first[..], &proposals(2)].concat();
    world.servers[1].set_fault(Fault::None);
    let placed = client.propose_until(&mixed, Until::Certified, AMPLE).await.expect("placed");
    let indexes: Vec<u64> = placed.iter().map(|place| place.index).collect();
    assert_eq!(indexes, [0, 1, 2, 3, 4, 10, 11]);
    assert_eq!(world.log.size(), 12);
}
