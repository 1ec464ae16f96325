//! What a server kept, as a file that somebody brings: read as it was written, within the memory that
//! its length allows; held beside what an honest server kept, it convicts only who has lied.

use super::codec::again;
use super::evidence::{LIAR, header, report_for, signed};
use crate::cursor::Cursor;
use crate::fixtures::fixtures;
use ally_codec::Writer;
use ally_consensus::{
    Backing, BlockRef, CheckpointCertificate, NewView, Signed, SignedHeader, Testimony, View, Vote,
};
use ally_node::evidence::{Records, compare, verify_file};
use ally_policy::ServerIndex;

/// The longest file.
const FILE_BYTES_MAX: usize = 32 * 1024;
/// How many bytes of a sample are changed.
const CHANGES_MAX: usize = 6;

/// `kind (1) || bytes`: a file, what follows a file's beginning, or changes of a sample.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    match cursor.byte() {
        0 => file(cursor.rest()),
        1 => file(&[&beginning()[..], cursor.rest()].concat()),
        2 => {
            let samples = samples();
            let Some(sample) = cursor.pick(&samples) else { return };
            let mut bytes = sample.to_file(&fixtures().alliance);
            cursor.change(&mut bytes, CHANGES_MAX);
            file(&bytes);
        }
        _ => {}
    }
}

/// What two servers kept that were told different things, whole and without the beginning.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let (samples, beginning) = (samples(), beginning().len());
    let files: Vec<_> = samples.iter().map(|one| one.to_file(&fixtures().alliance)).collect();
    let mut seeds: Vec<_> = files.iter().map(|file| [&[0][..], file].concat()).collect();
    seeds.extend(files.iter().map(|file| [&[1][..], &file[beginning..]].concat()));
    seeds.extend((0..samples.len() as u8).map(|which| vec![2, which, 90, 0, 1]));
    seeds
}

fn file(bytes: &[u8]) {
    let alliance = &fixtures().alliance;
    if bytes.len() > FILE_BYTES_MAX {
        return;
    }
    if !again(bytes, |bytes| {
        Records::from_file(bytes, alliance).map(|records| records.to_file(alliance))
    }) {
        return;
    }
    let records = Records::from_file(bytes, alliance).expect("it was read");
    let [honest, _] = samples();
    let found = compare(&[honest, records], alliance).expect("a sound document");
    for (proven, text) in found.proven {
        assert_eq!(proven.culprit, ServerIndex(LIAR), "an honest server is convicted");
        assert_eq!(verify_file(&text, alliance).expect("a checked proof"), proven);
    }
}

/// What each file of this alliance begins with.
fn beginning() -> Vec<u8> {
    let alliance = &fixtures().alliance;
    let mut writer = Writer::new();
    writer.raw(b"ally records 1\n").value(&alliance.id()).value(&alliance.epoch());
    writer.into_bytes()
}

fn vote(server: u16, header: &SignedHeader) -> Signed<Vote> {
    let vote = Vote { view: header.body.view, block: header.body.block_ref(), share: None };
    signed(server, "vote", vote)
}

/// The liar leads a view, signs two blocks there and votes for both; two honest servers have voted for
/// the first, one for the second.
fn samples() -> [Records; 2] {
    let (one, other) = (header(LIAR, 1), header(LIAR, 2));
    let of = |server: u16, header: &SignedHeader, voters: &[u16]| {
        let votes = voters.iter().map(|voter| vote(*voter, header)).collect();
        let (new_view, headers) = (None, vec![header.clone()]);
        let backing = Backing { new_view, headers, votes, commits: Vec::new() };
        Records {
            server: ServerIndex(server),
            testimony: vec![Testimony::Backing(backing), Testimony::Choice(choice())],
            headers: vec![header.body.clone()],
            certificate: (server != 0).then(|| CheckpointCertificate {
                block: header.body.block_ref(),
                log_size: 3,
                log_root: header.body.log_root,
                signature: vec![7; 48],
            }),
        }
    };
    [of(0, &one, &[0, 1, LIAR]), of(3, &other, &[LIAR, 3])]
}

/// The liar's choice, which is right by its reports.
fn choice() -> Signed<NewView> {
    let context = fixtures().alliance.context();
    let view = header(LIAR, 1).body.view.max(View(1));
    let reports = [0, 1, 3].map(|server| report_for(server, view, None)).into();
    let tip = BlockRef::genesis(context.alliance, context.epoch);
    signed(LIAR, "new-view-choice", NewView { view, reports, tip })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_convict_the_liar_together_and_nobody_alone() {
        let alliance = &fixtures().alliance;
        let kinds = |records: &[Records]| {
            let found = compare(records, alliance).expect("a sound document");
            found.proven.iter().map(|(proven, _)| proven.kind).collect::<Vec<_>>()
        };
        let both = samples();
        assert_eq!(kinds(&both), ["two-blocks", "two-votes"]);
        assert!(both.iter().all(|one| kinds(std::slice::from_ref(one)).is_empty()));
    }
}
