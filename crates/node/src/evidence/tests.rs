use super::*;
use ally_alliance::keys::{AdminKey, SigningKey, TransportKey};
use ally_alliance::{
    Alliance, Draft, Introduction, KeyPurpose, Organisation, Parameters, Server, ThresholdKeys,
};
use ally_codec::Encode;
use ally_consensus::{
    BlockHash, BlockRef, Epoch, Height, Message, NewViewShare, Signed, View, Vote, signing_bytes,
};
use ally_policy::{Definition, FaultModel, ServerIndex};
use ally_replica::Evidence;
use ally_threshold::{KeyShare, Scheme, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const LIAR: ServerIndex = ServerIndex(2);

fn signing(place: u8) -> SigningKey {
    SigningKey::from_seed(&[place + 50; 32])
}

/// Four organisations with a server each, and the liar's share of the kernel key.
fn alliance(salt: u8) -> (Alliance, KeyShare) {
    let address = |port: u16| format!("127.0.0.1:{port}").parse().expect("an address");
    let organisations = (0..4_u8).map(|place| {
        let server = Server::new(
            format!("s{place}"),
            signing(place).public(),
            TransportKey::from_seed(&[place + 100; 32]).public(),
            address(1000 + u16::from(place)),
            address(2000 + u16::from(place)),
        );
        let admin = AdminKey::from_seed(&[place; 32]).public();
        Organisation::new(format!("org{place}"), admin, vec![server])
    });
    let introduction = Introduction {
        origin: "example.org/test".into(),
        name: format!("test {salt}"),
        epoch: Epoch(0),
        model: FaultModel::Byzantine,
    };
    let formulas = [("decide", "3 of (s0, s1, s2, s3)")];
    let policy = Definition::from_formulas(formulas, "policy", None).expect("formulas");
    let draft = Draft::new(introduction, policy, organisations.collect(), Parameters::default());
    let draft = draft.expect("a sound policy");
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let mut dealt = [KeyPurpose::Certify, KeyPurpose::Kernel, KeyPurpose::Quorum].map(|purpose| {
        let formula = purpose.formula(draft.policy());
        deal(Scheme::Bls12381, formula, 0, &mut rng, &()).expect("deals")
    });
    let [certify, kernel, quorum] = [0, 1, 2].map(|at| dealt[at].public.clone());
    let mut document = draft.seal(ThresholdKeys { certify, kernel, quorum }).expect("keys fit");
    for place in 0..4 {
        document.sign(&AdminKey::from_seed(&[place; 32])).expect("a member");
    }
    let shares = std::mem::take(&mut dealt[1].shares);
    let own = shares.into_iter().find(|share| share.server() == LIAR).expect("dealt");
    (document.verify().expect("all have signed"), own)
}

fn sign(alliance: &Alliance, body: &Message) -> [u8; 64] {
    let kind = body.signed_kind().expect("signed");
    signing(2).sign(&signing_bytes(&alliance.context(), kind, &body.signed_content()))
}

/// Votes of the liar for two blocks of one height.
fn two_votes(alliance: &Alliance) -> Vec<u8> {
    let vote = |salt: u8| {
        let block = BlockRef { height: Height(7), hash: BlockHash([salt; 32]) };
        let body = Vote { view: View(3), block, share: None };
        let signature = sign(alliance, &Message::Vote(body.clone()));
        Signed { signer: LIAR, signature, body }
    };
    let (first, second, headers) = (vote(1), vote(2), Vec::new());
    Evidence::Consensus(ally_consensus::Evidence::Votes { first, second, headers }).to_bytes()
}

fn new_view_share(alliance: &Alliance, share: Vec<u8>) -> Vec<u8> {
    let tip = BlockRef { height: Height(7), hash: BlockHash([1; 32]) };
    let body = NewViewShare { view: View(3), tip, share };
    let signature = sign(alliance, &Message::NewViewShare(body.clone()));
    let share = Signed { signer: LIAR, signature, body };
    Evidence::Consensus(ally_consensus::Evidence::NewViewShare(share)).to_bytes()
}

#[test]
fn a_file_says_who_is_guilty_of_what_and_verifies_by_itself() {
    let (alliance, _) = alliance(1);
    let (proven, text) = to_file(&two_votes(&alliance), &alliance).expect("a proof");
    assert_eq!((proven.server.as_str(), proven.organisation.as_str()), ("s2", "org2"));
    assert_eq!(
        proven.proves,
        "s2 voted in view 3 for two blocks of which neither extends the other: block 7 \
         (010101010101) and block 7 (020202020202)"
    );
    assert!(
        text.contains("server = \"s2\"\norganisation = \"org2\"\nkind = \"two-votes\""),
        "{text}"
    );
    assert!(text.lines().all(|line| line.len() < 400), "{text}");
    assert_eq!(verify_file(&text, &alliance).expect("it verifies"), proven);
}

#[test]
fn a_file_with_any_byte_changed_is_refused() {
    let (alliance, _) = alliance(1);
    let (_, text) = to_file(&two_votes(&alliance), &alliance).expect("a proof");
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] ^= 1;
        // What is no text is no file.
        let Ok(changed) = String::from_utf8(changed) else { continue };
        assert!(verify_file(&changed, &alliance).is_err(), "byte {at}:\n{changed}");
    }
    for changed in [format!("{text}\n"), text.replace('\n', "\r\n"), text.replace("s2", "s1")] {
        assert!(verify_file(&changed, &alliance).is_err(), "{changed}");
    }
    let renamed = text.replace("organisation = \"org2\"", "organisation = \"org1\"");
    let error = verify_file(&renamed, &alliance).expect_err("org1 is innocent");
    assert!(matches!(error, EvidenceError::Altered { line: 12 }), "{error}");
}

#[test]
fn evidence_is_held_against_the_servers_of_its_own_alliance_only() {
    let ((ours, _), (theirs, _)) = (alliance(1), alliance(2));
    let bytes = two_votes(&ours);
    let (_, text) = to_file(&bytes, &ours).expect("a proof");
    let error = verify_file(&text, &theirs).expect_err("of another alliance");
    assert!(matches!(error, EvidenceError::OtherAlliance { .. }), "{error}");
    let error = verify(&bytes, &theirs).expect_err("signed for another alliance");
    assert!(matches!(error, EvidenceError::Unproven(_)), "{error}");
}

#[test]
fn a_share_convicts_if_it_is_wrong_and_only_then() {
    let (alliance, own) = alliance(1);
    let proven = verify(&new_view_share(&alliance, vec![1, 2, 3]), &alliance).expect("no share");
    assert_eq!(proven.kind, "wrong-new-view-share");
    let tip = BlockRef { height: Height(7), hash: BlockHash([1; 32]) };
    let statement = ally_consensus::Statement::NewView { view: View(3), tip };
    let message = signing_bytes(&alliance.context(), statement.kind(), &statement.content());
    let right = own.sign(alliance.key(KeyPurpose::Kernel), &message[..]).expect("ours").to_bytes();
    let error = verify(&new_view_share(&alliance, right), &alliance).expect_err("it is right");
    assert!(matches!(error, EvidenceError::Unproven(_)), "{error}");
    let other = own.sign(alliance.key(KeyPurpose::Kernel), b"other").expect("ours").to_bytes();
    verify(&new_view_share(&alliance, other), &alliance).expect("of another message");
}
