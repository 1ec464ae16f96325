//! Evidence: only who has lied is convicted, and what convicts reads the same in both forms.

use crate::cursor::Cursor;
use crate::fixtures::{fixtures, signing_key};
use ally_alliance::KeyPurpose;
use ally_codec::{Decode, Encode};
use ally_consensus::{
    BlockHash, BlockHeader, BlockRef, Branch, Digest, Equivocation, Height, Message, Micros,
    NewViewShare, Signed, SignedHeader, Statement, View, ViewChange, Vote, payload_digest,
    signing_bytes,
};
use ally_node::evidence::{to_file, verify, verify_file};
use ally_policy::ServerIndex;
use ally_replica::{CERTIFY_SHARE_KIND, CertifyShare, Evidence};
use std::sync::Arc;

/// The only server that has signed what contradicts itself.
pub(super) const LIAR: u16 = 2;
/// How many bytes of evidence are changed.
const CHANGES_MAX: usize = 6;
/// The longest text.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// `kind (1) || bytes`: a proof, a file, or changes of a sample.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    match cursor.byte() {
        0 => proof(cursor.rest()),
        1 => file(cursor.rest()),
        2 => {
            let samples = samples();
            let Some(sample) = cursor.pick(&samples) else { return };
            let mut bytes = sample.to_bytes();
            cursor.change(&mut bytes, CHANGES_MAX);
            proof(&bytes);
        }
        _ => {}
    }
}

/// Proofs of what the liar did, and accusations of those who are honest.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let samples = samples();
    let alliance = &fixtures().alliance;
    let mut seeds: Vec<_> =
        samples.iter().map(|one| [&[0][..], &one.to_bytes()].concat()).collect();
    let files = samples.iter().filter_map(|one| to_file(&one.to_bytes(), alliance).ok());
    seeds.extend(files.map(|(_, text)| [&[1][..], text.as_bytes()].concat()));
    seeds.extend((0..samples.len() as u8).map(|which| vec![2, which, 90, 0, 1]));
    seeds
}

fn proof(bytes: &[u8]) {
    let alliance = &fixtures().alliance;
    let Ok(proven) = verify(bytes, alliance) else { return };
    assert_eq!(proven.culprit, ServerIndex(LIAR), "an honest server is convicted");
    let (same, text) = to_file(bytes, alliance).expect("it is proven");
    assert_eq!(same, proven);
    assert_eq!(verify_file(&text, alliance).expect("as it was written"), proven);
    let evidence = Evidence::from_bytes(bytes).expect("it was read");
    assert_eq!((evidence.to_bytes(), evidence.digest()), (bytes.to_vec(), proven.id));
}

fn file(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if text.len() > TEXT_BYTES_MAX {
        return;
    }
    if let Ok(proven) = verify_file(text, &fixtures().alliance) {
        assert_eq!(proven.culprit, ServerIndex(LIAR), "an honest server is convicted");
        assert!(text.contains(&format!("id = \"{}\"", proven.id)), "a file says what it proves");
    }
}

pub(super) fn signed<T: Encode>(server: u16, kind: &str, body: T) -> Signed<T> {
    let context = fixtures().alliance.context();
    let bytes = signing_bytes(&context, kind, &body.to_bytes());
    let signature = signing_key(server as u8).sign(&bytes);
    Signed { signer: ServerIndex(server), signature, body }
}

/// A block of the first view that the server leads.
pub(super) fn header(server: u16, salt: u8) -> SignedHeader {
    let alliance = &fixtures().alliance;
    let leads = |view: &u64| alliance.rotation().leader(View(*view)) == ServerIndex(server);
    let view = View((0..100).find(leads).expect("everybody's turn comes"));
    let (context, parent) = (alliance.context(), BlockHash([9; 32]));
    let header = BlockHeader {
        alliance: context.alliance,
        epoch: context.epoch,
        height: Height(4),
        view,
        parent,
        payload_digest: payload_digest(&[]),
        log_size: 3,
        log_root: Digest([salt; 32]),
        timestamp_us: Micros(1),
    };
    signed(server, "block", header)
}

fn block(salt: u8) -> BlockRef {
    BlockRef { height: Height(7), hash: BlockHash([salt; 32]) }
}

fn vote(server: u16, salt: u8) -> Signed<Vote> {
    signed(server, "vote", Vote { view: View(3), block: block(salt), share: None })
}

pub(super) fn report_for(
    server: u16,
    view: View,
    voted: Option<Branch>,
) -> Arc<Signed<ViewChange>> {
    let body = ViewChange { view, certified: None, voted, committed: None };
    Arc::new(signed(server, "view-change", body))
}

/// A vote that has a share, where there is no use for one; or that has none.
fn shared_vote(server: u16, share: Option<Vec<u8>>) -> Signed<Message> {
    let body = Message::Vote(Vote { view: View(3), block: block(1), share });
    let context = fixtures().alliance.context();
    let bytes = body.signing_bytes(&context).expect("votes are signed");
    let signature = signing_key(server as u8).sign(&bytes);
    Signed { signer: ServerIndex(server), signature, body }
}

/// A share of NV, right or not.
fn tip_share(server: u16, salt: u8, is_right: bool) -> Signed<NewViewShare> {
    let (fixtures, tip) = (fixtures(), block(salt));
    let statement = Statement::NewView { view: View(3), tip };
    let context = fixtures.alliance.context();
    let message = signing_bytes(&context, statement.kind(), &statement.content());
    let share = fixtures.shares[usize::from(server)].of(KeyPurpose::Kernel).expect("dealt");
    let public = fixtures.alliance.key(KeyPurpose::Kernel);
    let message = if is_right { &message[..] } else { b"something else" };
    let share = share.sign(public, message).expect("our key").to_bytes();
    signed(server, "new-view-share", NewViewShare { view: View(3), tip, share })
}

fn certify_share(server: u16, salt: u8) -> Signed<CertifyShare> {
    let share = CertifyShare {
        block: block(salt),
        log_size: 3,
        log_root: Digest([salt; 32]),
        share: vec![1, 2, 3],
    };
    signed(server, CERTIFY_SHARE_KIND, share)
}

/// The same accusations of the liar, who has done all of it, and of a server that has done none: it
/// signed one half only.
fn samples() -> Vec<Evidence> {
    let mut samples = Vec::new();
    for (server, other) in [(LIAR, 2), (1, 1)] {
        let pairs = ally_consensus::Evidence::Headers(Equivocation {
            first: header(server, 1),
            second: header(server, other),
        });
        let (first, second) = (vote(server, 1), vote(server, other));
        let votes = ally_consensus::Evidence::Votes { first, second, headers: Vec::new() };
        let (first, second) = (tip_share(server, 1, true), tip_share(server, other, true));
        let tips = ally_consensus::Evidence::Tips { first, second };
        let wrong = tip_share(server, 1, server != LIAR);
        let wrong = ally_consensus::Evidence::NewViewShare(wrong);
        let voted =
            (server != LIAR).then(|| Branch { view: View(3), new_view: None, headers: Vec::new() });
        let (vote, report) = (vote(server, 1), report_for(server, View(4), voted));
        let concealed = ally_consensus::Evidence::Concealed { vote, report };
        let nonsense = shared_vote(server, (server == LIAR).then(|| vec![1]));
        let nonsense = ally_consensus::Evidence::Misstated(Box::new(nonsense));
        let all = [pairs, votes, tips, wrong, concealed, nonsense];
        samples.extend(all.map(Evidence::Consensus));
        let (first, second) = (certify_share(server, 1), certify_share(server, other));
        samples.push(Evidence::Statements { first, second });
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_samples_convict() {
        let convicts = |sample: &Evidence| verify(&sample.to_bytes(), &fixtures().alliance).is_ok();
        let convicted: Vec<_> = samples().iter().map(convicts).collect();
        let (liar, honest) = convicted.split_at(convicted.len() / 2);
        assert!(liar.iter().all(|convicted| *convicted), "{liar:?}");
        assert!(!honest.iter().any(|convicted| *convicted), "{honest:?}");
    }
}
