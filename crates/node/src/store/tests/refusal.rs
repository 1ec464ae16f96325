//! Directories that must not open, and what is said about them.

use super::common::*;
use super::*;
use std::fs;

fn refused(dir: &Path, identity: &Identity) -> StoreError {
    match Store::open(dir, identity, Durability::Fsync) {
        Ok(_) => panic!("{} opened", dir.display()),
        Err(error) => error,
    }
}

#[test]
fn a_directory_is_made_once_and_never_by_opening() {
    let (parent, dir) = fresh();
    assert!(matches!(Store::create(&dir, &US), Err(StoreError::Occupied { .. })));
    let absent = parent.path().join("absent");
    assert!(matches!(refused(&absent, &US), StoreError::Missing { .. }));
    fs::create_dir(&absent).unwrap();
    assert!(matches!(refused(&absent, &US), StoreError::Missing { .. }));
    Store::create(&absent, &US).expect("an empty directory will do");
    let file = parent.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(matches!(Store::create(&file, &US), Err(StoreError::Occupied { .. })));
    assert!(matches!(refused(&file, &US), StoreError::Missing { .. }));
}

#[test]
fn a_directory_in_use_is_refused() {
    let (_parent, dir) = fresh();
    let (_store, _) = open(&dir);
    assert!(matches!(refused(&dir, &US), StoreError::InUse { .. }));
}

#[test]
fn anothers_directory_is_refused_and_both_are_named() {
    let (_parent, dir) = fresh();
    for other in [
        Identity { alliance: AllianceId([8; 32]), ..US },
        Identity { server: ServerIndex(1), ..US },
    ] {
        let error = refused(&dir, &other);
        assert!(matches!(error, StoreError::Foreign { .. }));
        let text = error.to_string();
        assert!(text.contains(&US.to_string()) && text.contains(&other.to_string()), "{text}");
    }
    let older = Identity { epoch: Epoch(3), ..US };
    assert!(matches!(refused(&dir, &older), StoreError::OldEpoch { found: 4, expected: 3, .. }));
    let newer = Identity { epoch: Epoch(5), ..US };
    drop(Store::open(&dir, &newer, Durability::Fsync).expect("epochs go on"));
    assert!(matches!(refused(&dir, &US), StoreError::OldEpoch { found: 5, expected: 4, .. }));
}

#[test]
fn a_directory_of_a_later_version_or_with_an_unknown_key_is_refused() {
    let (_parent, dir) = fresh();
    let file = dir.join("identity.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("version = 1", "version = 2")).unwrap();
    assert!(matches!(refused(&dir, &US), StoreError::Version { found: 2, known: 1, .. }));
    for bad in [format!("{text}more = 1\n"), text.replace("07", "0x"), String::new()] {
        fs::write(&file, bad).unwrap();
        assert!(matches!(refused(&dir, &US), StoreError::Damaged { .. }));
    }
}

#[test]
fn a_directory_that_lost_a_part_is_refused() {
    for part in ["identity.toml", "watermark", "tables", "tables/keyspaces", "tables/keyspaces/3"] {
        let (_parent, dir) = fresh();
        let (store, _) = open(&dir);
        store.commit(record(1)).expect("durable");
        drop(store);
        let path = dir.join(part);
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
        let error = refused(&dir, &US);
        assert!(matches!(error, StoreError::Damaged { .. }), "{part}: {error}");
        assert!(error.to_string().contains("--rejoin"), "names the way back: {error}");
    }
}

#[test]
fn a_database_without_its_log_is_refused() {
    let (_parent, dir) = fresh();
    let (store, _) = open(&dir);
    store.commit(record(1)).expect("durable");
    drop(store);
    for entry in fs::read_dir(dir.join("tables")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "jnl") {
            fs::remove_file(path).unwrap();
        }
    }
    let error = refused(&dir, &US);
    assert!(matches!(error, StoreError::Shortened { found: 0, acknowledged: 1, .. }), "{error}");
}
