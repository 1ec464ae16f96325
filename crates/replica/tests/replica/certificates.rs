//! Certificates come about, cheaply, and whoever spoils them is named.

use crate::world::{Blame, Fate, World};
use ally_policy::ServerIndex;
use ally_replica::{Evidence, Limits, PeerMessage};

/// Whether any server's disk holds evidence of a wrong share against somebody, and against whom.
fn accused(world: &World) -> Vec<u16> {
    let evidence = world.servers.iter().flat_map(|server| &server.disk.evidence);
    let mut accused: Vec<_> = evidence
        .filter_map(|evidence| match evidence {
            Evidence::Share { share, .. } => Some(share.signer.0),
            _ => None,
        })
        .collect();
    accused.sort_unstable();
    accused.dedup();
    accused
}

fn propose_some(world: &mut World) -> Vec<String> {
    let names: Vec<_> = (0..30).map(|index| format!("c{index}")).collect();
    for (index, name) in names.iter().enumerate() {
        world.submit(index as u16 % 4, &[name]);
        world.run_for(30_000);
    }
    world.run_until_idle();
    names
}

#[test]
fn a_lone_block_takes_a_certify_set_of_shares_and_no_more() {
    let mut world = World::new(Limits::default());
    world.submit(0, &["a"]);
    world.run_until_idle();
    world.check_complete(&["a"]);
    // Two servers give a share to three others each; one combines and tells three.
    assert_eq!(world.messages["certify share"], 6);
    assert_eq!(world.messages["certificate"], 3);
}

#[test]
fn a_silent_server_only_delays_certificates() {
    let mut world = World::new(Limits::default());
    world.weather = Box::new(|from, _, message| {
        let silent = from == ServerIndex(1) && matches!(message, PeerMessage::CertifyShare(_));
        if silent { Fate::Lose } else { Fate::Pass }
    });
    let names = propose_some(&mut world);
    world.check_complete(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(accused(&world), [0u16; 0]);
}

#[test]
fn wrong_shares_are_left_out_and_their_sender_named() {
    for blame in [Blame::AtOnce, Blame::ByProof] {
        let mut world = World::new(Limits::default());
        world.blame = blame;
        world.servers[1].spoils_shares = true;
        let names = propose_some(&mut world);
        world.check_complete(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(accused(&world), [1], "{blame:?}");
    }
}

#[test]
fn a_spoiler_that_gives_no_proof_is_not_accused_and_not_waited_for() {
    let mut world = World::new(Limits::default());
    world.blame = Blame::ByProof;
    world.servers[1].spoils_shares = true;
    world.weather = Box::new(|from, _, message| {
        let mute = from == ServerIndex(1) && matches!(message, PeerMessage::ShareProof(_));
        if mute { Fate::Lose } else { Fate::Pass }
    });
    let names = propose_some(&mut world);
    world.check_complete(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(accused(&world), [0u16; 0]);
}
