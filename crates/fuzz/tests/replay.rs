//! Every target, with its seeds, its corpus and changes of both: the same bytes every time.
//!
//! Whatever fails here is written to a file, which belongs into the corpus together with the repair:
//! `fuzz/corpus/TARGET/` is replayed for ever.

use ally_fuzz::mutation::{Draw, mutate};
use ally_fuzz::{ALL, Target};
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What the corpora of all targets may take in the repository, in bytes.
const CORPORA_BYTES_MAX: u64 = 300 * 1024;
/// What one file of them may.
const FILE_BYTES_MAX: u64 = 16 * 1024;

fn folder(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(of)
}

/// Files of a folder, by name; none if there is no such folder.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let files = files_of(&folder("corpus").join(target.name));
    files.iter().map(|file| fs::read(file).expect("a file of the corpus")).collect()
}

fn target(name: &str) -> Target {
    *ALL.iter().find(|target| target.name == name).expect("a target of this name")
}

/// Runs a target on bytes; what fails is kept in a file, and its name said.
fn run(target: &Target, bytes: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        let file = std::env::temp_dir().join(format!("ally-fuzz-{}.bytes", target.name));
        let kept = fs::write(&file, bytes);
        panic!("{} fails with {what}; the bytes are in {} ({kept:?})", target.name, file.display());
    }
}

fn replay(name: &str) {
    let target = target(name);
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "a target without seeds gets nowhere");
    let inputs: Vec<_> = seeds.into_iter().chain(corpus(&target)).collect();
    for (number, input) in inputs.iter().enumerate() {
        run(&target, input, &format!("input {number}"));
    }
    run(&target, &[], "nothing");
    let mut draw = Draw::new(1);
    for (number, input) in inputs.iter().enumerate() {
        for change in 0..target.changes {
            let other = &inputs[draw.below(inputs.len())];
            let changed = mutate(input, other, &mut draw);
            run(&target, &changed, &format!("change {change} of input {number}"));
        }
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed_here_and_has_its_program() {
            let here = BTreeSet::from([$(stringify!($name).to_owned()),*]);
            let all: BTreeSet<_> = ALL.iter().map(|target| target.name.to_owned()).collect();
            assert_eq!(here, all);
            let stem = |path: &PathBuf| path.file_stem()?.to_str().map(str::to_owned);
            let programs: BTreeSet<_> =
                files_of(&folder("fuzz_targets")).iter().filter_map(stem).collect();
            assert_eq!(programs, all, "one program for each target");
        }
    };
}

replays! {
    ceremony codec dealing disk document engine evidence files policy receipt records shares stream
    wire
}

#[test]
fn corpora_are_small_and_belong_to_targets() {
    let mut total = 0;
    for folder in files_of(&folder("corpus")) {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name");
        target(name);
        for file in files_of(&folder) {
            let length = fs::metadata(&file).expect("a file").len();
            assert!(length <= FILE_BYTES_MAX, "{}: {length} bytes", file.display());
            total += length;
        }
    }
    assert!(total <= CORPORA_BYTES_MAX, "{total} bytes");
}
