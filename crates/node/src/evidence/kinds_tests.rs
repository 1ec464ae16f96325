//! Each kind of provable misbehaviour as a file: made with real keys, read back, checked with the
//! alliance document alone, and refused once a byte is changed.

use super::{EvidenceError, kind_name, to_file, verify_file};
use ally_alliance::keys::{AdminKey, SigningKey, TransportKey};
use ally_alliance::{
    Alliance, Draft, Introduction, KeyPurpose, Organisation, Parameters, Server, ServerShares,
    ThresholdKeys,
};
use ally_codec::{Decode, Encode};
use ally_consensus::{
    BatchRef, BlockHash, BlockHeader, BlockRef, Branch, Commit, CommitCertificate, Digest, Epoch,
    Equivocation, Evidence as Agreement, EvidenceKind as Rule, Height, Message, Micros, NewView,
    NewViewShare, Sequence, Signed, SignedHeader, Statement, View, ViewChange, Vote,
    payload_digest, signing_bytes,
};
use ally_keyring::{OwnKeys, PublicKeys};
use ally_log::Checkpoint;
use ally_policy::{Definition, FaultModel, ServerIndex};
use ally_replica::{
    CERTIFY_SHARE_KIND, CertifyShare, Evidence, EvidenceKind, SHARE_PROOF_KIND, ShareProof,
    batch_signing_bytes,
};
use ally_threshold::{KeyShare, PublicKey, Scheme};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::Arc;

const LIAR: ServerIndex = ServerIndex(2);
/// A view that somebody else leads, and one above it.
const VIEW: View = View(3);
const LATER: View = View(4);
/// An RSA key over "2 of 4", as to find its primes takes seconds: base64, the public key first.
const RSA_KEY: &str = include_str!("../../../sim/src/keys/rsa-2-of-4.key");
/// How many bytes of each file are changed, at least, if it has as many: each change costs a whole check.
const CHANGES: usize = 97;

/// An alliance whose servers are all here.
struct Members {
    alliance: Alliance,
    keys: PublicKeys,
    own: Vec<OwnKeys>,
}

/// One organisation for each server, and `decide` of them decide.
fn members(servers: u16, decide: u16, rsa: Option<(PublicKey, Vec<KeyShare>)>) -> Members {
    let signing = |place: u16| SigningKey::from_seed(&[place as u8 + 50; 32]);
    let admin = |place: u16| AdminKey::from_seed(&[place as u8; 32]);
    let address = |port: u16| format!("127.0.0.1:{port}").parse().expect("an address");
    let organisations = (0..servers).map(|place| {
        let transport = TransportKey::from_seed(&[place as u8 + 100; 32]).public();
        let (peers, clients) = (address(1000 + place), address(2000 + place));
        let name = format!("s{place}");
        let server = Server::new(name, signing(place).public(), transport, peers, clients);
        Organisation::new(format!("org{place}"), admin(place).public(), vec![server])
    });
    let introduction = Introduction {
        origin: "example.org/test".into(),
        name: "test".into(),
        epoch: Epoch(0),
        model: FaultModel::Byzantine,
    };
    let names: Vec<_> = (0..servers).map(|place| format!("s{place}")).collect();
    let formula = format!("{decide} of ({})", names.join(", "));
    let policy = Definition::from_formulas([("decide", formula.as_str())], "policy", None);
    let policy = policy.expect("formulas");
    let draft = Draft::new(introduction, policy, organisations.collect(), Parameters::default());
    let draft = draft.expect("a sound policy");
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let (dealt, shares) = draft.deal(Scheme::Bls12381, &mut rng, &()).expect("deals");
    let (keys, certify) = match rsa {
        None => (dealt, None),
        Some((certify, shares)) => (ThresholdKeys { certify, ..dealt }, Some(shares)),
    };
    let mut document = draft.seal(keys).expect("keys fit");
    for place in 0..servers {
        document.sign(&admin(place)).expect("a member");
    }
    let alliance = document.verify().expect("all have signed");
    let copy = |share: &KeyShare| KeyShare::decode(&share.encode()).expect("a share");
    let of = |shares: &ServerShares, purpose| shares.of(purpose).map(copy);
    let own = shares.iter().map(|shares| OwnKeys {
        me: shares.server(),
        signing: signing(shares.server().0),
        certify: match &certify {
            None => of(shares, KeyPurpose::Certify),
            Some(certify) => certify.iter().find(|one| one.server() == shares.server()).map(copy),
        },
        kernel: of(shares, KeyPurpose::Kernel).expect("dealt"),
        quorum: of(shares, KeyPurpose::Quorum).expect("dealt"),
    });
    let (own, keys) = (own.collect(), PublicKeys::of(&alliance).expect("an origin"));
    Members { alliance, keys, own }
}

/// Seven servers, so that there is a slow path, with BLS.
fn seven() -> Members {
    members(7, 5, None)
}

/// Four servers whose alliance key is RSA.
fn four_with_rsa() -> Members {
    let lines = RSA_KEY.lines().filter(|line| !line.starts_with('#'));
    let mut parts = lines.map(|line| STANDARD.decode(line).expect("base64"));
    let public = PublicKey::from_bytes(&parts.next().expect("a public key")).expect("a key");
    let shares = parts.map(|part| KeyShare::decode(&part).expect("a share"));
    members(4, 3, Some((public, shares.collect())))
}

impl Members {
    fn sign<T: Encode>(&self, server: ServerIndex, kind: &str, body: T) -> Signed<T> {
        let bytes = signing_bytes(&self.keys.context, kind, &body.to_bytes());
        let signature = self.own[server.index()].signing.sign(&bytes);
        Signed { signer: server, signature, body }
    }

    fn origin(&self) -> BlockRef {
        BlockRef::genesis(self.keys.context.alliance, self.keys.context.epoch)
    }

    /// The first view, or the first after view 0, that the liar leads.
    fn led(&self) -> View {
        let rotation = self.alliance.rotation();
        let mut views = (1..100).map(View);
        views.find(|view| rotation.leader(*view) == LIAR).expect("its turn comes")
    }

    fn header(&self, view: View, parent: BlockRef, salt: u8) -> SignedHeader {
        let header = BlockHeader {
            alliance: self.keys.context.alliance,
            epoch: self.keys.context.epoch,
            height: parent.height.next(),
            view,
            parent: parent.hash,
            payload_digest: payload_digest(&[]),
            log_size: 3,
            log_root: Digest([salt; 32]),
            timestamp_us: Micros(1),
        };
        self.sign(self.alliance.rotation().leader(view), "block", header)
    }

    fn share(&self, server: ServerIndex, statement: Statement) -> Vec<u8> {
        self.own[server.index()].statement_share(&self.keys, &statement)
    }

    /// The liar's vote in [`VIEW`], with the share that belongs to it or another.
    fn vote(&self, view: View, block: BlockRef, share_on: BlockRef) -> Signed<Vote> {
        let share = Some(self.share(LIAR, Statement::Commit { view, block: share_on }));
        self.sign(LIAR, "vote", Vote { view, block, share })
    }

    fn report(
        &self,
        server: ServerIndex,
        view: View,
        voted: Option<Branch>,
    ) -> Arc<Signed<ViewChange>> {
        let report = ViewChange { view, certified: None, voted, committed: None };
        Arc::new(self.sign(server, "view-change", report))
    }

    /// A branch of one block from the first view's start.
    fn branch(&self) -> Branch {
        let headers = vec![self.header(View(0), self.origin(), 1)];
        Branch { view: View(0), new_view: None, headers }
    }

    fn choice(&self, tip: BlockRef) -> Signed<NewView> {
        let view = self.led();
        let reports = (0..5).map(|server| self.report(ServerIndex(server), view, None)).collect();
        self.sign(LIAR, "new-view-choice", NewView { view, reports, tip })
    }

    fn tip_share(&self, tip: BlockRef, share_on: BlockRef) -> Signed<NewViewShare> {
        let share = self.share(LIAR, Statement::NewView { view: VIEW, tip: share_on });
        self.sign(LIAR, "new-view-share", NewViewShare { view: VIEW, tip, share })
    }

    fn commit(&self) -> Signed<Commit> {
        let (view, block) = (View(0), self.header(View(0), self.origin(), 1).body.block_ref());
        let statement = Statement::Commit { view, block };
        let shares: Vec<_> =
            self.own.iter().map(|own| (own.me, self.share(own.me, statement))).collect();
        let signature = self.keys.combine_statement(&statement, &shares).expect("good shares");
        let certificate = CommitCertificate { view, block, signature };
        self.sign(LIAR, "commit-vote", Commit { certificate })
    }

    fn checkpoint(&self, block: BlockRef) -> Checkpoint {
        let certificate = ally_consensus::CheckpointCertificate {
            block,
            log_size: 3,
            log_root: Digest([3; 32]),
            signature: Vec::new(),
        };
        self.keys.checkpoint(&certificate)
    }

    /// The liar's share of the alliance key on a block, or one that belongs to another.
    fn certify_share(&self, block: BlockRef, share_on: BlockRef) -> Signed<CertifyShare> {
        let share = self.own[LIAR.index()].certify_share(&self.keys, &self.checkpoint(share_on));
        let (log_size, log_root) = (3, Digest([3; 32]));
        let share = CertifyShare { block, log_size, log_root, share: share.expect("a part in it") };
        self.sign(LIAR, CERTIFY_SHARE_KIND, share)
    }

    /// The proof of the liar's share on another block, given for this one.
    fn share_proof(&self, block: BlockRef, share_on: BlockRef) -> Signed<ShareProof> {
        let (own, checkpoint) = (&self.own[LIAR.index()], self.checkpoint(share_on));
        let share = own.certify_share(&self.keys, &checkpoint).expect("a part in it");
        let mut rng = ChaCha20Rng::from_seed([4; 32]);
        let proof = own.prove_certify_share(&self.keys, &checkpoint, &share, &mut rng);
        assert!(!proof.is_empty(), "RSA needs proofs");
        self.sign(LIAR, SHARE_PROOF_KIND, ShareProof { block, proof })
    }

    fn batch(&self, salt: u8) -> Signed<BatchRef> {
        let (sequence, digest) = (Sequence(9), Digest([salt; 32]));
        let body = BatchRef { origin: LIAR, sequence, digest, commands: 1, bytes: 40 };
        let bytes = batch_signing_bytes(&self.keys.context, &body);
        let signature = self.own[LIAR.index()].signing.sign(&bytes);
        Signed { signer: LIAR, signature, body }
    }
}

fn block(salt: u8) -> BlockRef {
    BlockRef { height: Height(7), hash: BlockHash([salt; 32]) }
}

/// What the liar has done of each kind. A kind that is added does not compile without a line here.
fn agreement(rule: Rule, of: &Members) -> Agreement {
    let (one, other) = (block(1), block(2));
    match rule {
        Rule::Headers => Agreement::Headers(Equivocation {
            first: of.header(of.led(), one, 1),
            second: of.header(of.led(), one, 2),
        }),
        Rule::Votes => {
            let above = of.header(VIEW, one, 1);
            let (high, low) = (above.body.block_ref(), other);
            let (first, second) = (of.vote(VIEW, low, low), of.vote(VIEW, high, high));
            Agreement::Votes { first, second, headers: vec![above] }
        }
        Rule::Selection => Agreement::Selection(of.choice(one)),
        Rule::Concealed => Agreement::Concealed {
            vote: of.vote(VIEW, one, one),
            report: of.report(LIAR, LATER, None),
        },
        Rule::Reports => Agreement::Reports {
            first: of.report(LIAR, VIEW, None),
            second: of.report(LIAR, LATER, Some(of.branch())),
        },
        Rule::Choices => Agreement::Choices { first: of.choice(one), second: of.choice(other) },
        Rule::Tips => {
            Agreement::Tips { first: of.tip_share(one, one), second: of.tip_share(other, other) }
        }
        Rule::NewViewShare => Agreement::NewViewShare(of.tip_share(one, other)),
        Rule::CommitShare => Agreement::CommitShare(of.vote(VIEW, one, other)),
        Rule::ConcealedCommit => Agreement::ConcealedCommit {
            commit: of.commit(),
            report: of.report(LIAR, LATER, None),
            headers: Vec::new(),
        },
        Rule::Misstated => {
            let Signed { signer, signature, body } =
                Arc::unwrap_or_clone(of.report(LIAR, View(0), Some(of.branch())));
            let body = Message::ViewChange(Box::new(body));
            Agreement::Misstated(Box::new(Signed { signer, signature, body }))
        }
    }
}

fn evidence(kind: EvidenceKind, of: &Members) -> Evidence {
    let (one, other) = (block(1), block(2));
    match kind {
        EvidenceKind::Consensus(rule) => Evidence::Consensus(agreement(rule, of)),
        EvidenceKind::Batches => Evidence::Batches { first: of.batch(1), second: of.batch(2) },
        EvidenceKind::Share => {
            let rsa = of.keys.certify.scheme() != Scheme::Bls12381;
            let proof = rsa.then(|| of.share_proof(one, other));
            Evidence::Share { share: of.certify_share(one, other), proof }
        }
        EvidenceKind::Statements => {
            let (first, second) = (of.certify_share(one, one), of.certify_share(other, other));
            Evidence::Statements { first, second }
        }
    }
}

/// Makes the file, reads it back, and changes it.
fn convicts_as_a_file(kind: EvidenceKind, of: &Members, elsewhere: &Members) {
    let (name, evidence) = (kind.name(), evidence(kind, of));
    assert_eq!((evidence.kind(), evidence.culprit()), (kind, LIAR));
    let bytes = evidence.to_bytes();
    let (proven, text) = to_file(&bytes, &of.alliance).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!((proven.kind, proven.culprit), (name, LIAR));
    assert!(proven.proves.starts_with("s2"), "{}", proven.proves);
    assert!(!proven.proves.contains("the rule"), "{name} has no words: {}", proven.proves);
    assert_eq!(verify_file(&text, &of.alliance).expect("as it was written"), proven);
    let error = verify_file(&text, &elsewhere.alliance).expect_err("another alliance's document");
    assert!(matches!(error, EvidenceError::OtherAlliance { .. }), "{name}: {error}");
    // Evenly over all of the file, at other places in each kind.
    let step = (text.len() / CHANGES).max(1);
    for at in (usize::from(kind.code()) % step..text.len()).step_by(step) {
        let mut changed = text.clone().into_bytes();
        changed[at] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else { continue };
        assert!(verify_file(&changed, &of.alliance).is_err(), "{name}, byte {at}:\n{changed}");
    }
}

/// All kinds, by the codes of the store.
fn kinds() -> Vec<EvidenceKind> {
    let kinds: Vec<_> = (0..=u8::MAX).filter_map(EvidenceKind::of_code).collect();
    assert!(kinds.iter().all(|kind| kind_name(kind.code()) == kind.name()));
    kinds
}

#[test]
fn each_kind_is_a_file_that_convicts_offline() {
    let (seven, four) = (seven(), four_with_rsa());
    assert_eq!(kinds().len(), Rule::ALL.len() + 3);
    kinds().into_iter().for_each(|kind| convicts_as_a_file(kind, &seven, &four));
}

#[test]
fn a_wrong_rsa_share_is_a_file_that_convicts_offline() {
    let (seven, four) = (seven(), four_with_rsa());
    convicts_as_a_file(EvidenceKind::Share, &four, &seven);
    // Without the proof nobody can tell whether the share is wrong.
    let share = four.certify_share(block(1), block(2));
    let unproven = Evidence::Share { share, proof: None };
    assert!(to_file(&unproven.to_bytes(), &four.alliance).is_err());
}
