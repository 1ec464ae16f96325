use super::*;
use crate::driver::archive::Archive;
use crate::driver::stored::write_testimony;
use crate::store::{Durability, Identity, WriteBatch};
use ally_consensus::{AllianceId, BlockHash, BlockRef, Epoch, NewView, Signed, View, Vote};

fn backing(height: u64) -> Testimony {
    let block = BlockRef { height: Height(height), hash: BlockHash([height as u8; 32]) };
    let vote = Vote { view: View::ZERO, block, share: None };
    let votes = vec![Signed { signer: ServerIndex(1), signature: [1; 64], body: vote }];
    let (new_view, headers, commits) = (None, Vec::new(), Vec::new());
    Testimony::Backing(Backing { new_view, headers, votes, commits })
}

fn choice() -> Testimony {
    let tip = BlockRef::genesis(AllianceId([7; 32]), Epoch(0));
    let body = NewView { view: View(1), reports: Vec::new(), tip };
    Testimony::Choice(Signed { signer: ServerIndex(1), signature: [1; 64], body })
}

/// What a server reads back after it has kept these.
fn read_back(kept: &[Testimony]) -> Option<Backing> {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let dir = parent.path().join("data");
    let identity =
        Identity { alliance: AllianceId([7; 32]), server: ServerIndex(0), epoch: Epoch(0) };
    Store::create(&dir, &identity).expect("creates");
    let (store, _) = Store::open(&dir, &identity, Durability::None).expect("opens");
    let mut archive = Archive::with(4, []);
    for testimony in kept {
        let mut write = WriteBatch::new();
        write_testimony(&mut write, &mut archive, testimony);
        store.commit(write).expect("writes");
    }
    super::backing(&store).expect("readable")
}

#[test]
fn the_newest_backing_is_read_back_whatever_else_was_kept() {
    assert_eq!(read_back(&[]), None);
    assert_eq!(read_back(&[choice()]), None);
    let kept: Vec<_> = (1..=40).map(backing).chain([choice()]).collect();
    assert_eq!(read_back(&kept).as_ref(), backing(40).backing());
}
