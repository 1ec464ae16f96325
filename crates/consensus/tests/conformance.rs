//! Frozen encodings: whoever changes one of these hashes breaks every running alliance and must
//! say so with a new version in the domain tag.

use ally_codec::Encode;
use ally_consensus::{
    AllianceId, BatchRef, BlockHash, BlockHeader, BlockRef, Branch, CheckpointCertificate, Commit,
    CommitCertificate, Context, Digest, Epoch, Equivocation, Height, Message, Micros, NewView,
    NewViewCertificate, NewViewShare, PolicyDigest, Proposal, ProposalParts, Record, Sequence,
    Signed, Statement, Support, View, ViewChange, Vote, payload_digest, signing_bytes,
};
use ally_policy::ServerIndex;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

const BATCH: BatchRef = BatchRef {
    origin: ServerIndex(2),
    sequence: Sequence(17),
    digest: Digest([0x22; 32]),
    commands: 3,
    bytes: 300,
};
const BLOCK: BlockRef = BlockRef { height: Height(41), hash: BlockHash([0x33; 32]) };

fn header() -> BlockHeader {
    BlockHeader {
        alliance: AllianceId([0x11; 32]),
        epoch: Epoch(1),
        height: Height(42),
        view: View(7),
        parent: BLOCK.hash,
        payload_digest: payload_digest(&[BATCH]),
        log_size: 1_000,
        log_root: Digest([0x44; 32]),
        timestamp_us: Micros(1_700_000_000_000_000),
    }
}

fn signed<T>(body: T) -> Signed<T> {
    Signed { signer: ServerIndex(3), signature: [0x55; 64], body }
}

fn new_view() -> NewViewCertificate {
    NewViewCertificate { view: View(7), tip: BLOCK, signature: vec![0x66; 48] }
}

fn commit() -> CommitCertificate {
    CommitCertificate { view: View(7), block: BLOCK, signature: vec![0x77; 48] }
}

fn certified() -> CheckpointCertificate {
    CheckpointCertificate {
        block: BLOCK,
        log_size: 900,
        log_root: Digest([0x88; 32]),
        signature: vec![0x99; 256],
    }
}

fn proposal() -> Proposal {
    Proposal::from(ProposalParts {
        header: header(),
        batches: [BATCH].into(),
        new_view: Some(new_view()),
    })
}

fn report() -> ViewChange {
    let headers = vec![signed(header())];
    let branch = Branch { view: View(7), new_view: Some(new_view()), headers };
    let committed = Some((commit(), branch.clone()));
    ViewChange { view: View(8), certified: Some(certified()), voted: Some(branch), committed }
}

fn vote() -> Vote {
    Vote { view: View(7), block: BLOCK, share: Some(vec![0xaa; 48]) }
}

fn support() -> Support {
    let commits = vec![signed(Commit { certificate: commit() })];
    Support { votes: vec![signed(vote())], commits }
}

fn messages() -> Vec<(&'static str, Message)> {
    let reports = vec![signed(report()).into()];
    let (first, second) = (signed(header()), signed(header()));
    vec![
        ("proposal", Message::Proposal(proposal())),
        ("vote", Message::Vote(vote())),
        ("commit", Message::Commit(Commit { certificate: commit() })),
        ("view-change", Message::ViewChange(Box::new(report()))),
        ("new-view", Message::NewView(NewView { view: View(8), reports, tip: BLOCK })),
        (
            "new-view-share",
            Message::NewViewShare(NewViewShare {
                view: View(8),
                tip: BLOCK,
                share: vec![0xbb; 48],
            }),
        ),
        ("enter-view", Message::EnterView(new_view())),
        ("equivocation", Message::Equivocation(Box::new(Equivocation { first, second }))),
        ("fetch", Message::Fetch(BLOCK.hash)),
        ("fetched", Message::Fetched(signed(proposal()))),
        ("support", Message::Support(Box::new(support()))),
    ]
}

fn records() -> Vec<(&'static str, Record)> {
    vec![
        ("record vote", Record::Vote(signed(proposal()))),
        ("record hold", Record::Hold(signed(proposal()))),
        ("record voted", Record::Voted { view: View(7), block: BLOCK }),
        ("record commit", Record::Commit(commit())),
        ("record leave", Record::Leave(View(8))),
        ("record share", Record::NewViewShare { view: View(8), tip: BLOCK }),
        ("record enter", Record::Enter(new_view())),
        ("record certified", Record::Certified(Arc::new(certified()))),
    ]
}

fn line(name: &str, bytes: &[u8]) -> String {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name} {} {digest}\n", bytes.len())
}

#[test]
fn conformance_encodings_are_frozen() {
    let context = Context {
        alliance: AllianceId([0x11; 32]),
        epoch: Epoch(1),
        policy: PolicyDigest([0xcc; 32]),
    };
    let mut found = String::new();
    for (name, message) in messages() {
        found += &line(name, &message.to_bytes());
        if let Some(kind) = message.signed_kind() {
            let bytes = signing_bytes(&context, kind, &message.signed_content());
            found += &line(&format!("signed {name}"), &bytes);
        }
    }
    for (name, record) in records() {
        found += &line(name, &record.to_bytes());
    }
    for statement in [
        Statement::NewView { view: View(8), tip: BLOCK },
        Statement::Commit { view: View(8), block: BLOCK },
    ] {
        let bytes = signing_bytes(&context, statement.kind(), &statement.content());
        found += &line(&format!("statement {}", statement.kind()), &bytes);
    }
    found += &line("block hash", &header().hash().0);
    found += &line("genesis", &BlockRef::genesis(AllianceId([0x11; 32]), Epoch(1)).hash.0);
    assert_eq!(found, include_str!("conformance.txt"));
}
