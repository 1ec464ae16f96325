//! Whatever arrives, an engine neither panics nor breaks its word.

mod support;

use ally_codec::{Decode, Encode};
use ally_consensus::{
    AllianceId, BatchRef, BlockHash, BlockHeader, BlockRef, Branch, CheckpointCertificate, Commit,
    CommitCertificate, Digest, Engine, Epoch, Equivocation, Height, Input, Message, Micros,
    NewView, NewViewCertificate, NewViewShare, Now, Output, PayloadVerdict, Proposal,
    ProposalParts, Record, Sequence, Signed, Statement, Support, SyncedBlock, Verified, View,
    ViewChange, Vote, payload_digest,
};
use ally_policy::ServerSet;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::{flat, s};

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![12 => 0..5_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)]
}

/// A block by its name: parents are other names, so that chains, forks and nonsense all occur.
fn any_header() -> impl Strategy<Value = BlockHeader> {
    (any_number(), any_number(), 0..3_u8, 0..4_u8).prop_map(|(view, height, parent, salt)| {
        let parent = if height <= 1 || height > 5 {
            BlockRef::genesis(AllianceId([7; 32]), Epoch(0)).hash
        } else {
            header(view, height - 1, parent, BlockHash([9; 32])).hash()
        };
        header(view, height, salt, parent)
    })
}

fn header(view: u64, height: u64, salt: u8, parent: BlockHash) -> BlockHeader {
    BlockHeader {
        alliance: AllianceId([7; 32]),
        epoch: Epoch(0),
        height: Height(height),
        view: View(view),
        parent,
        payload_digest: payload_digest(&[]),
        log_size: u64::from(salt),
        log_root: Digest([salt; 32]),
        timestamp_us: Micros(height),
    }
}

fn signed<T>(signer: u16, body: T) -> Signed<T> {
    Signed { signer: s(signer), signature: [3; 64], body }
}

prop_compose! {
    fn any_nv()(view in any_number(), tip in any_header()) -> NewViewCertificate {
        NewViewCertificate { view: View(view), tip: tip.block_ref(), signature: vec![1] }
    }
}

prop_compose! {
    fn any_checkpoint()(block in any_header()) -> CheckpointCertificate {
        CheckpointCertificate {
            block: block.block_ref(),
            log_size: block.log_size,
            log_root: block.log_root,
            signature: vec![2],
        }
    }
}

prop_compose! {
    fn any_branch()(
        view in any_number(),
        new_view in proptest::option::of(any_nv()),
        headers in proptest::collection::vec((0..5_u16, any_header()), 0..4),
    ) -> Branch {
        let headers = headers.into_iter().map(|(signer, header)| signed(signer, header)).collect();
        Branch { view: View(view), new_view, headers }
    }
}

prop_compose! {
    fn any_report()(
        view in any_number(),
        certified in proptest::option::weighted(0.3, any_checkpoint()),
        voted in proptest::option::of(any_branch()),
        committed in proptest::option::weighted(0.3, (any_header(), any_branch())),
    ) -> ViewChange {
        let committed = committed.map(|(block, branch)| {
            let (view, block) = (block.view, block.block_ref());
            (CommitCertificate { view, block, signature: vec![4] }, branch)
        });
        ViewChange { view: View(view), certified, voted, committed }
    }
}

fn any_proposal() -> impl Strategy<Value = Proposal> {
    (any_header(), proptest::option::weighted(0.3, any_nv())).prop_map(|(header, new_view)| {
        Proposal::from(ProposalParts { header, batches: [].into(), new_view })
    })
}

fn backed(header: &BlockHeader) -> Support {
    let (view, block) = (header.view, header.block_ref());
    let certificate = CommitCertificate { view, block, signature: vec![5] };
    let (vote, commit) = (Vote { view, block, share: None }, Commit { certificate });
    let votes = (0..4).map(|signer| signed(signer, vote.clone())).collect();
    Support { votes, commits: (0..4).map(|signer| signed(signer, commit.clone())).collect() }
}

fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => any_proposal().prop_map(Message::Proposal),
        4 => (any_header(), proptest::option::of(Just(vec![1]))).prop_map(|(block, share)| {
            Message::Vote(Vote { view: block.view, block: block.block_ref(), share })
        }),
        1 => any_header().prop_map(|block| {
            let (view, block) = (block.view, block.block_ref());
            let certificate = CommitCertificate { view, block, signature: vec![5] };
            Message::Commit(Commit { certificate })
        }),
        4 => any_report().prop_map(|report| Message::ViewChange(Box::new(report))),
        2 => (any_number(), any_header(), proptest::collection::vec((0..5_u16, any_report()), 0..5))
            .prop_map(|(view, tip, reports)| {
                let reports = reports.into_iter().map(|(signer, r)| signed(signer, r).into()).collect();
                Message::NewView(NewView { view: View(view), reports, tip: tip.block_ref() })
            }),
        2 => (any_number(), any_header()).prop_map(|(view, tip)| {
            let (view, tip) = (View(view), tip.block_ref());
            Message::NewViewShare(NewViewShare { view, tip, share: vec![6] })
        }),
        1 => any_nv().prop_map(Message::EnterView),
        1 => (any_header(), any_header(), 0..5_u16).prop_map(|(first, second, signer)| {
            let (first, second) = (signed(signer, first), signed(signer, second));
            Message::Equivocation(Box::new(Equivocation { first, second }))
        }),
        1 => any_header().prop_map(|block| Message::Fetch(block.hash())),
        2 => (0..5_u16, any_proposal()).prop_map(|(signer, p)| Message::Fetched(signed(signer, p))),
        1 => any_header().prop_map(|header| Message::Support(Box::new(backed(&header)))),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        20 => (0..5_u16, any_message())
            .prop_map(|(signer, message)| Input::Received(Verified::own(signed(signer, message)))),
        4 => (any_header(), any::<bool>()).prop_map(|(block, good)| {
            let verdict = if good { PayloadVerdict::Valid } else { PayloadVerdict::Invalid };
            Input::Payload { block: block.hash(), verdict }
        }),
        2 => (any_header(), any::<bool>(), any::<bool>()).prop_map(|(block, good, commit)| {
            let (view, block) = (block.view, block.block_ref());
            let result = if good { Ok(vec![7]) } else { Err(ServerSet::first(1)) };
            let statement = if commit {
                Statement::Commit { view, block }
            } else {
                Statement::NewView { view, tip: block }
            };
            Input::Combined { statement, result }
        }),
        1 => any_checkpoint().prop_map(|certificate| Input::Certified(Arc::new(certificate))),
        1 => (proptest::collection::vec(any_header(), 0..3), any_checkpoint()).prop_map(
            |(headers, certificate)| {
                let blocks = headers
                    .into_iter()
                    .map(|header| SyncedBlock { header, batches: [].into() })
                    .collect();
                Input::Synced { blocks, certificate: Arc::new(certificate) }
            }
        ),
        1 => any::<bool>().prop_map(|waiting| Input::Work { waiting }),
        1 => (0..6_u16).prop_map(|server| Input::Connected(s(server))),
        1 => (0..6_u16).prop_map(|server| Input::Unheard(s(server))),
        1 => Just(Input::Starved),
        1 => Just(Input::Stopping),
        4 => Just(Input::Tick),
    ]
}

/// What an engine has promised, read off its journal.
#[derive(Default)]
struct Word {
    records: u64,
    left: u64,
    votes: BTreeMap<(u64, u64), BlockHash>,
    shares: BTreeSet<u64>,
}

impl Word {
    fn hear(&mut self, output: &Output) {
        match output {
            Output::Journal { position, record } => {
                self.records += 1;
                assert_eq!(position.0, self.records, "positions are contiguous");
                self.note(record);
            }
            Output::SendDurable { after, .. } => assert!(after.0 <= self.records),
            _ => {}
        }
    }

    fn note(&mut self, record: &Record) {
        match record {
            Record::Vote(proposal) => {
                let header = &proposal.body.header;
                assert!(header.view.0 >= self.left, "no vote in a view that was left");
                let other = self.votes.insert((header.view.0, header.height.0), header.hash());
                assert!(other.is_none(), "one vote per view and height");
            }
            Record::Leave(view) => {
                assert!(view.0 >= self.left);
                self.left = view.0;
            }
            Record::Enter(certificate) => {
                assert!(certificate.view.0 >= self.left);
                self.left = certificate.view.0;
            }
            Record::NewViewShare { view, .. } => {
                assert!(self.shares.insert(view.0), "one share per view");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn prop_nothing_that_arrives_breaks_an_engine(
        me in 0..4_u16,
        slow in any::<bool>(),
        inputs in proptest::collection::vec((any_input(), 0..700_000_u64), 1..150),
    ) {
        let net = if slow { flat(7, 5) } else { flat(4, 3) };
        let mut engine = Engine::new(net.config(s(me)));
        let (mut word, mut now, mut journal) = (Word::default(), 1, Vec::new());
        for (input, wait) in inputs {
            now += wait;
            let mut outputs = Vec::new();
            let unix = Micros(now);
            engine.step(input, Now { monotonic: unix, unix }, &mut outputs);
            for output in &outputs {
                word.hear(output);
                if let Output::Journal { record, .. } = output {
                    journal.push(record.clone());
                }
            }
            let _ = (engine.slot(), engine.status(), engine.deadline());
        }
        for record in &journal {
            prop_assert_eq!(&Record::from_bytes(&record.to_bytes()).unwrap(), record);
        }
    }

    #[test]
    fn prop_messages_come_back_from_their_encoding(message in any_message(), signer in 0..5_u16) {
        let message = signed(signer, message);
        prop_assert_eq!(Signed::<Message>::from_bytes(&message.to_bytes()).unwrap(), message);
    }

    #[test]
    fn prop_damaged_messages_are_refused_or_mean_what_they_say(
        message in any_message(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let mut bytes = message.to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(other) = Message::from_bytes(&bytes) {
            prop_assert_eq!(other.to_bytes(), bytes, "one value, one encoding");
        }
    }

    #[test]
    fn prop_noise_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Message::from_bytes(&bytes) {
            prop_assert_eq!(message.to_bytes(), bytes);
        }
    }
}

#[test]
fn a_batch_reference_without_commands_is_refused() {
    let batch = BatchRef {
        origin: s(0),
        sequence: Sequence(0),
        digest: Digest([0; 32]),
        commands: 0,
        bytes: 1,
    };
    assert!(BatchRef::from_bytes(&batch.to_bytes()).is_err());
}
