//! A value of each kind that has an encoding.

use crate::fixtures::{Fixtures, fixtures};
use ally_codec::{Encode, Writer};
use ally_consensus::{
    AllianceId, Backing, BatchRef, BlockHash, BlockHeader, BlockRef, Branch, CheckpointCertificate,
    Commit, CommitCertificate, Digest, Epoch, Equivocation, Height, Message, Micros, NewView,
    NewViewCertificate, NewViewShare, Proposal, ProposalParts, Record, Sequence, Signed, Support,
    SyncedBlock, Testimony, View, ViewChange, Vote, payload_digest,
};
use ally_log::Frontier;
use ally_policy::ServerIndex;
use ally_replica::{
    Batch, BatchId, CertifyShare, ChainState, HeldBatch, PeerMessage, ShareProof, SignedBatch,
    SyncBlocks,
};
use bytes::Bytes;
use std::sync::Arc;

const BATCH: BatchRef = BatchRef {
    origin: ServerIndex(2),
    sequence: Sequence(17),
    digest: Digest([0x22; 32]),
    commands: 3,
    bytes: 300,
};
const BLOCK: BlockRef = BlockRef { height: Height(41), hash: BlockHash([0x33; 32]) };

/// Encodings with the number of their kind in front, as the target `codec` takes them.
pub(crate) fn encodings() -> Vec<Vec<u8>> {
    let mut kinds: Vec<(u8, Vec<u8>)> = Vec::new();
    kinds.extend(messages().into_iter().map(|message| (0, signed(message).to_bytes())));
    kinds.extend(records().iter().map(|record| (1, record.to_bytes())));
    kinds.extend(evidence().iter().map(|evidence| (2, evidence.to_bytes())));
    kinds.extend([(3, header().to_bytes()), (4, BLOCK.to_bytes()), (5, BATCH.to_bytes())]);
    kinds.push((6, certified().to_bytes()));
    kinds.extend(all_evidence().iter().map(|evidence| (7, evidence.to_bytes())));
    kinds.extend([(8, chain_state().to_bytes()), (9, BatchId::from(&BATCH).to_bytes())]);
    kinds.extend(of_the_log());
    kinds.extend(of_keys(fixtures()));
    kinds.extend(peer_messages().iter().map(|message| (21, message.to_frame().to_vec())));
    kinds.extend([(22, batch().to_bytes()), (23, batch().batch.content().to_vec())]);
    kinds.extend(testimony().iter().map(|testimony| (24, testimony.to_bytes())));
    kinds.into_iter().map(|(kind, bytes)| [&[kind][..], &bytes].concat()).collect()
}

fn of_the_log() -> Vec<(u8, Vec<u8>)> {
    let log = &fixtures().log;
    let receipt = log.receipt(5).receipt;
    vec![
        (10, log.frontier().to_bytes()),
        (10, Frontier::new().to_bytes()),
        (11, receipt.proof.to_bytes()),
        (12, log.consistency(3).to_bytes()),
        (13, receipt.certificate.checkpoint.to_bytes()),
        (14, receipt.certificate.to_bytes()),
        (15, receipt.to_bytes()),
    ]
}

fn of_keys(fixtures: &Fixtures) -> Vec<(u8, Vec<u8>)> {
    let mut kinds = Vec::new();
    for key in [&fixtures.bls, &fixtures.rsa] {
        let (share, proof) = key.contribution(0, b"a message");
        kinds.extend([(16, share.to_bytes()), (17, proof.to_bytes()), (18, key.public.to_bytes())]);
        kinds.push((19, key.shares[0].encode().to_vec()));
        kinds.push((20, key.public.formula().to_bytes()));
    }
    kinds
}

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
    let (log_size, log_root) = (900, Digest([0x88; 32]));
    CheckpointCertificate { block: BLOCK, log_size, log_root, signature: vec![0x99; 48] }
}

fn proposal() -> Proposal {
    let (batches, new_view) = ([BATCH].into(), Some(new_view()));
    ProposalParts { header: header(), batches, new_view }.into()
}

fn report() -> ViewChange {
    let headers = vec![signed(header())];
    let branch = Branch { view: View(7), new_view: Some(new_view()), headers };
    let committed = Some((commit(), branch.clone()));
    ViewChange { view: View(8), certified: Some(certified()), voted: Some(branch), committed }
}

fn short_report() -> ViewChange {
    ViewChange { view: View(8), certified: None, voted: None, committed: None }
}

fn choice() -> NewView {
    let reports = [report(), short_report()].map(|report| signed(report).into()).into();
    NewView { view: View(8), reports, tip: BLOCK }
}

fn vote(share: Option<Vec<u8>>) -> Vote {
    Vote { view: View(7), block: BLOCK, share }
}

fn tip_share() -> NewViewShare {
    NewViewShare { view: View(8), tip: BLOCK, share: vec![0xbb; 48] }
}

fn messages() -> Vec<Message> {
    vec![
        Message::Proposal(proposal()),
        Message::Vote(vote(None)),
        Message::Vote(vote(Some(vec![0xaa; 48]))),
        Message::Commit(Commit { certificate: commit() }),
        Message::ViewChange(Box::new(report())),
        Message::ViewChange(Box::new(short_report())),
        Message::NewView(choice()),
        Message::NewViewShare(tip_share()),
        Message::EnterView(new_view()),
        Message::Equivocation(Box::new(Equivocation {
            first: signed(header()),
            second: signed(header()),
        })),
        Message::Fetch(BLOCK.hash),
        Message::Fetched(signed(proposal())),
        Message::Support(Box::new(Support {
            votes: vec![signed(vote(None)), signed(vote(Some(vec![1; 48])))],
            commits: vec![signed(Commit { certificate: commit() })],
        })),
    ]
}

fn records() -> Vec<Record> {
    vec![
        Record::Vote(signed(proposal())),
        Record::Commit(commit()),
        Record::Leave(View(3)),
        Record::NewViewShare { view: View(8), tip: BLOCK },
        Record::Enter(new_view()),
        Record::Certified(Arc::new(certified())),
        Record::Hold(signed(proposal())),
        Record::Voted { view: View(7), block: BLOCK },
    ]
}

fn evidence() -> Vec<ally_consensus::Evidence> {
    use ally_consensus::Evidence;
    let (first, second) = (signed(vote(None)), signed(vote(Some(vec![1; 48]))));
    let headers = vec![signed(header()), signed(header())];
    let [one, other] = [report(), short_report()].map(|report| signed(report).into());
    vec![
        Evidence::Headers(Equivocation { first: signed(header()), second: signed(header()) }),
        Evidence::Votes { first: first.clone(), second, headers },
        Evidence::Selection(signed(choice())),
        Evidence::Concealed { vote: first.clone(), report: std::sync::Arc::clone(&one) },
        Evidence::Reports { first: one, second: other },
        Evidence::Choices { first: signed(choice()), second: signed(choice()) },
        Evidence::Tips { first: signed(tip_share()), second: signed(tip_share()) },
        Evidence::NewViewShare(signed(tip_share())),
        Evidence::CommitShare(first),
        Evidence::ConcealedCommit {
            commit: signed(Commit { certificate: commit() }),
            report: signed(short_report()).into(),
            headers: vec![header()],
        },
        Evidence::Misstated(Box::new(signed(Message::Vote(vote(None))))),
        Evidence::Misstated(Box::new(signed(Message::Proposal(Proposal::header_only(header()))))),
    ]
}

fn testimony() -> Vec<Testimony> {
    let backing = Backing {
        new_view: Some(new_view()),
        headers: vec![signed(header())],
        votes: vec![signed(vote(None)), signed(vote(Some(vec![1; 48])))],
        commits: vec![signed(Commit { certificate: commit() })],
    };
    vec![Testimony::Backing(backing), Testimony::Choice(signed(choice()))]
}

fn all_evidence() -> Vec<ally_replica::Evidence> {
    use ally_replica::Evidence;
    let mut all: Vec<_> = evidence().into_iter().map(Evidence::Consensus).collect();
    all.push(Evidence::Batches { first: signed(BATCH), second: signed(BATCH) });
    let proof = Some(signed(share_proof()));
    all.push(Evidence::Share { share: signed(certify_share()), proof });
    all.push(Evidence::Share { share: signed(certify_share()), proof: None });
    let (first, second) = (signed(certify_share()), signed(certify_share()));
    all.push(Evidence::Statements { first, second });
    all
}

fn certify_share() -> CertifyShare {
    let (log_size, log_root) = (900, Digest([0x88; 32]));
    CertifyShare { block: BLOCK, log_size, log_root, share: vec![0xcc; 48] }
}

fn share_proof() -> ShareProof {
    ShareProof { block: BLOCK, proof: vec![0xdd; 48] }
}

fn batch() -> SignedBatch {
    let commands = [&b"one"[..], b"", b"three"].map(Bytes::from_static);
    let batch = Batch::new(ServerIndex(2), Sequence(17), &commands).expect("a batch");
    SignedBatch { signature: [0xee; 64], batch }
}

/// The body of a stored block: header, no signature, one batch, the log after it.
pub(crate) fn block_record() -> Vec<u8> {
    let mut writer = Writer::new();
    writer.value(&header()).u8(0).list(&[BATCH]).value(&chain_state());
    writer.into_bytes()
}

fn chain_state() -> ChainState {
    ChainState::genesis(4).extend([&HeldBatch::trusted(batch())])
}

pub(crate) fn peer_messages() -> Vec<PeerMessage> {
    let block = SyncedBlock { header: header(), batches: [BATCH].into() };
    let empty = SyncedBlock { header: header(), batches: [].into() };
    let mut all: Vec<_> =
        messages().into_iter().map(|message| PeerMessage::Consensus(signed(message))).collect();
    all.extend([
        PeerMessage::Batch(batch()),
        PeerMessage::FetchBatches(vec![BatchId::from(&BATCH); 3]),
        PeerMessage::CertifyShare(signed(certify_share())),
        PeerMessage::ProofRequest(BLOCK),
        PeerMessage::ShareProof(signed(share_proof())),
        PeerMessage::Certificate(Arc::new(certified())),
        PeerMessage::SyncRequest(Height(7)),
        PeerMessage::SyncBlocks(SyncBlocks {
            blocks: vec![block, empty],
            certificate: Some(certified()),
        }),
        PeerMessage::SyncBlocks(SyncBlocks { blocks: Vec::new(), certificate: None }),
    ]);
    all
}
