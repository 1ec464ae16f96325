//! Who is accused after a run, and whether rightly.

use super::checks::Check;
use super::written::ServerLog;
use crate::failure::Failure;
use crate::member;
use ally_alliance::Alliance;
use ally_node::evidence::{id, to_file, verify_file};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The outcome.
pub struct Convicted {
    /// Whether every proof proves, and against the liar only.
    pub check: Check,
    /// Proofs against the liar, by kind.
    pub convicted_of: BTreeMap<String, u64>,
    /// The proofs as files.
    pub files: Vec<PathBuf>,
}

/// Checks what honest servers keep, as anybody could with the alliance document alone; writes the
/// proofs into `dir`, one of each kind. `liars` are those who lie or did in an earlier run.
///
/// # Errors
/// [`Failure`] if a file cannot be written.
pub fn judge(
    logs: &[ServerLog],
    alliance: &Alliance,
    liars: &BTreeSet<usize>,
    dir: &Path,
) -> Result<Convicted, Failure> {
    let mut check = Check::of("evidence proves what it says, and accuses nobody honest");
    let mut convicted_of = BTreeMap::new();
    let (mut files, mut known) = (Vec::new(), BTreeSet::new());
    for log in logs {
        for proof in &log.evidence {
            if !known.insert(id(proof).0) {
                continue;
            }
            let (proven, text) = match to_file(proof, alliance) {
                Ok(proven) => proven,
                Err(error) => {
                    check.look(Some(format!("{} keeps a proof that is none: {error}", log.server)));
                    continue;
                }
            };
            let honest = !liars.contains(&proven.culprit.index());
            check.look(
                honest.then(|| {
                    format!("{} accuses {}: {}", log.server, proven.server, proven.proves)
                }),
            );
            let first = !convicted_of.contains_key(proven.kind);
            *convicted_of.entry(proven.kind.to_owned()).or_insert(0) += 1;
            if first {
                let again = verify_file(&text, alliance);
                check.look(again.err().map(|error| format!("the file of {}: {error}", proven.id)));
                member::private_directory(dir)?;
                let path = dir.join(format!("{}-{}.evidence", proven.server, proven.kind));
                member::write(&path, text.as_bytes())?;
                files.push(path);
            }
        }
    }
    Ok(Convicted { check, convicted_of, files })
}
