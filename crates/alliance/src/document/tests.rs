use super::*;
use crate::Alliance;
use crate::keys::{AdminKey, SigningKey, TransportKey};
use ally_policy::{Definition, FaultModel, ServerIndex};
use ally_threshold::{Scheme, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const NAMES: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

fn seed(place: usize, role: u8) -> [u8; 32] {
    let mut seed = [role; 32];
    seed[0] = place as u8;
    seed
}

fn admin(place: usize) -> AdminKey {
    AdminKey::from_seed(&seed(place, 1))
}

/// Four members; the first has two servers.
fn organisations() -> Vec<Organisation> {
    let server = |name: String, place: usize| {
        Server::new(
            name,
            SigningKey::from_seed(&seed(place, 2)).public(),
            TransportKey::from_seed(&seed(place, 3)).public(),
            format!("host-{place}.example:7400").parse().unwrap(),
            format!("[::1]:{}", 7500 + place).parse().unwrap(),
        )
    };
    let organisation = |(place, name): (usize, &&str)| {
        let mut servers = vec![server(format!("{name}-1"), place)];
        if place == 0 {
            servers.push(server(format!("{name}-2"), 10));
        }
        Organisation::new(*name, admin(place).public(), servers)
    };
    NAMES.iter().enumerate().map(organisation).collect()
}

pub(super) fn draft() -> Draft {
    let introduction = Introduction {
        origin: "example.org/clearing".into(),
        name: "Clearing \"test\"".into(),
        epoch: Epoch(0),
        model: FaultModel::Byzantine,
    };
    let formulas =
        [("decide", "3 of (acme, globex, initech, umbrella)"), ("acme", "acme-1 and acme-2")];
    let policy = Definition::from_formulas(formulas, "policy", None).unwrap();
    Draft::new(introduction, policy, organisations(), Parameters::default()).unwrap()
}

fn keys(policy: &TrustPolicy, epoch: u64) -> ThresholdKeys {
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let mut key = |purpose: KeyPurpose| {
        deal(Scheme::Bls12381, purpose.formula(policy), epoch, &mut rng, &()).unwrap().public
    };
    ThresholdKeys {
        certify: key(KeyPurpose::Certify),
        kernel: key(KeyPurpose::Kernel),
        quorum: key(KeyPurpose::Quorum),
    }
}

fn unsigned() -> AllianceDocument {
    let draft = draft();
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let (keys, _) = draft.deal(Scheme::Bls12381, &mut rng, &()).unwrap();
    draft.seal(keys).unwrap()
}

fn signed() -> AllianceDocument {
    let mut document = unsigned();
    for (place, name) in NAMES.into_iter().enumerate() {
        assert_eq!(document.sign(&admin(place)), Ok(name));
    }
    document
}

/// An alliance of four members with five servers, for tests.
pub(crate) fn alliance() -> Alliance {
    signed().verify().unwrap()
}

fn message(text: &str) -> String {
    match AllianceDocument::parse(text, "alliance.toml") {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// The error after one change to a good document.
fn broken(from: &str, to: &str) -> String {
    let text = signed().render();
    assert!(text.contains(from), "{from} is not in\n{text}");
    message(&text.replacen(from, to, 1))
}

#[test]
fn a_document_comes_back_from_its_text() {
    let document = signed();
    let text = document.render();
    let again = AllianceDocument::parse(&text, "alliance.toml").unwrap();
    assert_eq!(again.canonical_bytes(), document.canonical_bytes());
    assert_eq!(again.id(), document.id());
    assert_eq!(again.signatures, document.signatures);
    assert_eq!(again.render(), text);
    assert_eq!(again.name(), "Clearing \"test\"");
}

#[test]
fn layout_and_remarks_are_free() {
    let document = signed();
    let text = document.render().replace(" = ", "=").replace('\n', "  # a remark\n");
    // Inside the keys' texts a remark is no remark.
    let text = text.replace("  # a remark\n'''", "\n'''");
    let keys = document.render();
    let (_, keys) = keys.split_once("[keys.certify]").unwrap();
    let (front, _) = text.split_once("[keys.certify]").unwrap();
    let again = AllianceDocument::parse(&format!("{front}\n[keys.certify]{keys}"), "a.toml");
    assert_eq!(again.unwrap().id(), document.id());
}

#[test]
fn whatever_is_changed_makes_another_alliance() {
    let document = signed();
    let text = document.render();
    for (from, to) in [
        ("example.org/clearing", "example.org/clearinG"),
        ("Clearing", "Clearance"),
        ("acme-1 and acme-2", "acme-2 and acme-1"),
        ("3 of (acme", "all of (acme"),
        ("host-2.example:7400", "host-2.example:7401"),
        ("[::1]:7501", "[::1]:7601"),
        ("timeout_ms = 1000", "timeout_ms = 1001"),
    ] {
        let changed = text.replacen(from, to, 1);
        match AllianceDocument::parse(&changed, "alliance.toml") {
            Ok(changed) => {
                assert_ne!(changed.id(), document.id(), "{from}");
                let states = changed.verify_signatures();
                assert!(states.iter().all(|(_, state)| *state == SignatureState::Bad), "{from}");
            }
            // Another rule needs other keys.
            Err(error) => assert!(error.to_string().contains("dealt over another formula")),
        }
    }
}

#[test]
fn only_a_document_that_everybody_signed_is_an_alliance() {
    let mut document = unsigned();
    for place in [0, 2] {
        document.sign(&admin(place)).unwrap();
    }
    let Err(error) = document.clone().verify() else { panic!("in force") };
    assert_eq!(error.missing, ["globex", "umbrella"]);
    assert!(error.to_string().contains("not signed by globex, umbrella"), "{error}");
    for place in [1, 3] {
        document.sign(&admin(place)).unwrap();
    }
    assert!(document.verify().is_ok());
}

#[test]
fn a_signature_on_another_document_is_named() {
    let changed = signed().render().replacen("Clearing", "Fleecing", 1);
    let mut document = AllianceDocument::parse(&changed, "alliance.toml").unwrap();
    document.sign(&admin(1)).unwrap();
    let Err(error) = document.verify() else { panic!("in force") };
    assert_eq!(error.bad, ["acme", "initech", "umbrella"]);
    assert!(error.to_string().contains("changed after it was signed by acme"), "{error}");
}

#[test]
fn a_signature_of_one_member_is_none_of_another() {
    let mut document = signed();
    document.signatures.swap(0, 1);
    let states: Vec<SignatureState> =
        document.verify_signatures().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states[..2], [SignatureState::Bad; 2]);
    assert_eq!(states[2..], [SignatureState::Signed; 2]);
}

#[test]
fn a_stranger_cannot_sign() {
    let error = unsigned().sign(&admin(9)).unwrap_err();
    assert_eq!(error.key, admin(9).public().to_string());
}

#[test]
fn copies_signed_apart_are_put_together() {
    let (mut left, mut right) = (unsigned(), unsigned());
    left.sign(&admin(0)).unwrap();
    right.sign(&admin(0)).unwrap();
    right.sign(&admin(3)).unwrap();
    right.signatures[2] = Some([7; 64]);
    assert_eq!(left.merge_signatures(&right), Ok(1));
    let states: Vec<_> = left.verify_signatures().into_iter().map(|(_, state)| state).collect();
    use SignatureState::{Missing, Signed};
    assert_eq!(states, [Signed, Missing, Missing, Signed]);
    let other = signed().render().replacen("Clearing", "Fleecing", 1);
    let other = AllianceDocument::parse(&other, "other.toml").unwrap();
    assert!(left.merge_signatures(&other).is_err());
}

#[test]
fn servers_are_found_by_index_name_and_key() {
    let alliance = alliance();
    let names: Vec<&str> = alliance.servers().map(|(_, server)| server.name()).collect();
    assert_eq!(names, ["acme-1", "acme-2", "globex-1", "initech-1", "umbrella-1"]);
    for (index, server) in alliance.servers() {
        assert_eq!(alliance.server_named(server.name()), Some(index));
        assert_eq!(alliance.server_with_transport_key(server.transport()), Some(index));
    }
    assert_eq!(alliance.organisation_of(ServerIndex(1)).unwrap().name(), "acme");
    assert!(alliance.server(ServerIndex(5)).is_none());
    let rotation = alliance.rotation();
    let leaders: Vec<u16> =
        (0..5).map(|view| rotation.leader(ally_consensus::View(view)).0).collect();
    assert_eq!(leaders, [0, 2, 3, 4, 1]);
}

#[test]
fn fingerprints_are_short_enough_to_read_out() {
    let fingerprint = signed().fingerprint();
    assert_eq!(fingerprint.len(), 8 * 4 + 7);
    assert_eq!(fingerprint.replace('-', ""), signed().id().to_string()[..32]);
}

#[test]
fn mistakes_are_named_with_place_owner_and_remedy() {
    let error = broken("transport = ", "transprot = ");
    assert!(error.starts_with("alliance.toml:"), "{error}");
    assert!(error.ends_with("unknown key `transprot`; did you mean `transport`?"), "{error}");
    let error = broken("signing = \"signing:", "signing = \"transport:");
    let wanted = "server \"acme-1\" of organisation \"acme\": `signing`: a signing key is needed \
                  here, this is a transport key";
    assert!(error.contains(wanted), "{error}");
    let error = broken("peer_address = \"host-1.example:7400\"", "");
    assert!(error.contains("server \"globex-1\" of organisation \"globex\""), "{error}");
    assert!(error.contains("`peer_address` is missing"), "{error}");
    let error = broken("host-1.example:7400", "host-1.example");
    assert!(error.contains("write `host:port`"), "{error}");
    let error = broken("origin = \"example.org/clearing\"", "origin = \"a b\"");
    assert!(error.contains("alliance.toml:5:"), "{error}");
    let error = broken("epoch = 0", "epoch = \"0\"");
    assert!(error.contains("`epoch` is a text, but has to be a whole number"), "{error}");
    let error = broken("byzantine", "byzantium");
    assert!(error.contains("no fault model"), "{error}");
    let error = broken("[keys.quorum]", "[keys.qourum]");
    assert!(error.contains("did you mean `quorum`?"), "{error}");
    assert!(message("origin = [").contains("alliance.toml:1:"));
    assert!(message("origin = \"x\"\nname = \"x\"").contains("`organisation` is missing"));
}

#[test]
fn a_policy_is_checked_where_it_stands() {
    let error = broken("3 of (acme, globex", "3 of (acme, globexx");
    assert!(error.contains("globexx") && error.contains("alliance.toml:"), "{error}");
    let error = broken("3 of (acme", "2 of (acme");
    assert!(error.contains("the policy is refused"), "{error}");
}

#[test]
fn what_is_shared_but_must_not_be_is_named() {
    let documents = signed();
    let keys = |place: usize| documents.organisations()[place].servers()[0].clone();
    let first = keys(1).transport().to_string();
    let second = keys(2).transport().to_string();
    let error = broken(&second, &first);
    assert!(error.contains("the transport key is also that of server \"globex-1\""), "{error}");
    let error = broken("name = \"globex\"", "name = \"acme\"");
    assert!(error.contains("another organisation"), "{error}");
    let text = documents.render();
    let (_, signature) = text.split_once("[[signature]]").unwrap();
    let error = message(&format!("{text}\n[[signature]]{signature}"));
    assert!(error.contains("another signature"), "{error}");
}

#[test]
fn parameters_are_held_to_their_ranges_and_to_each_other() {
    let error = broken("timeout_ms = 1000", "timeout_ms = 9");
    assert!(error.contains("`timeout_ms` is 9, but has to be from 10 to 600000"), "{error}");
    let error = broken("timeout_ms = 1000", "timeout_ms = -1");
    assert!(error.contains("`timeout_ms` is -1"), "{error}");
    let error = broken("batch_bytes = 1049600", "batch_bytes = 1048576");
    assert!(error.contains("`batch_bytes` is 1048576, but has to be from 1049600"), "{error}");
    let large = signed().render().replace("batch_bytes = 1049600", "batch_bytes = 2000000");
    assert!(AllianceDocument::parse(&large, "alliance.toml").is_ok());
    let error = message(&large.replace("block_bytes = 4198400", "block_bytes = 1999999"));
    assert!(error.contains("`block_bytes` has to be at least `batch_bytes`"), "{error}");
    let error = message(&large.replace("undecided_bytes = 16777216", "undecided_bytes = 3999999"));
    assert!(error.contains("at least 2 times `batch_bytes`"), "{error}");
}

#[test]
fn nobody_is_to_be_reached_at_port_0() {
    let error = broken("host-1.example:7400", "host-1.example:0");
    assert!(error.contains("`peer_address`: `host-1.example:0` has port 0"), "{error}");
}

/// What a draft would seal must be what a document may be: keys are dealt in between, and files
/// that nobody can read back would be found out only then.
#[test]
fn a_draft_is_held_to_the_rules_of_documents() {
    let fault = |change: fn(&mut Introduction, &mut Vec<Organisation>)| {
        let Draft { mut introduction, formulas, mut organisations, parameters, .. } = draft();
        change(&mut introduction, &mut organisations);
        let formulas = formulas.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let policy = Definition::from_formulas(formulas, "policy", None).unwrap();
        match Draft::new(introduction, policy, organisations, parameters) {
            Err(DocumentError::Value { key, reason }) => (key, reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fault(|own, _| own.origin = "two words".into()).0, "origin");
    assert_eq!(fault(|own, _| own.origin = "x".repeat(256)).0, "origin");
    assert_eq!(fault(|own, _| own.name = "a\nb".into()).0, "name");
    assert_eq!(fault(|own, _| own.epoch = Epoch(1)).0, "epoch");
    let (key, reason) = fault(|_, members| members[1].admin = members[0].admin);
    assert_eq!(key, "admin");
    assert!(
        reason.starts_with("the admin key of organisation \"globex\" is also that"),
        "{reason}"
    );
    let (key, reason) = fault(|_, members| {
        let server = &members[1].servers[0];
        let address = "localhost:0".parse().unwrap();
        let (signing, transport) = (*server.signing(), *server.transport());
        let there = server.client_address().clone();
        members[1].servers[0] = Server::new("globex-1", signing, transport, address, there);
    });
    assert_eq!(key, "peer_address");
    assert!(reason.starts_with("globex-1: `localhost:0`"), "{reason}");
}

#[test]
fn keys_of_another_policy_or_epoch_are_refused() {
    let other = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
    let error = draft().seal(keys(&other, 0)).err();
    assert_eq!(error, Some(KeyMismatch::Formula(KeyPurpose::Certify)));
    let draft = draft();
    let keys = keys(draft.policy(), 1);
    assert!(matches!(draft.seal(keys), Err(KeyMismatch::Epoch { theirs: 1, .. })));
    let error = broken("scheme = \"bls\"", "scheme = \"rsa2048\"");
    assert!(error.contains("the key below is bls"), "{error}");
    let error = broken("public = '''\n", "public = '''\n!");
    assert!(error.contains("not base64"), "{error}");
}

#[test]
fn a_document_that_is_too_long_is_not_parsed() {
    let text = " ".repeat(ally_policy::DOCUMENT_BYTES_MAX + 1);
    assert!(message(&text).contains("at most"));
}

#[test]
fn a_document_cut_off_anywhere_is_an_error_and_no_panic() {
    let text = unsigned().render();
    let complete = text.trim_end().len();
    for length in (0..complete).step_by(7) {
        if text.is_char_boundary(length) {
            message(&text[..length]);
        }
    }
}

#[test]
fn an_organisation_introduces_itself_with_a_file_of_its_own() {
    for organisation in organisations() {
        let text = organisation.render();
        assert_eq!(Organisation::parse(&text, "acme.toml"), Ok(organisation));
    }
    let error = Organisation::parse("name = \"acme\"\nadmin = \"\"", "acme.toml").unwrap_err();
    assert!(error.to_string().starts_with("acme.toml:2:9: organisation \"acme\": "), "{error}");
}

#[test]
fn every_server_gets_its_shares_and_finds_them_again() {
    let draft = draft();
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let (keys, servers) = draft.deal(Scheme::Bls12381, &mut rng, &()).unwrap();
    assert_eq!(servers.len(), 5);
    let directory = crate::key_file::tests::Directory::new();
    for (index, server) in servers.iter().enumerate() {
        assert_eq!(server.server(), ServerIndex(index as u16));
        let keys_of = directory.0.join(index.to_string());
        std::fs::create_dir(&keys_of).unwrap();
        server.write(&keys_of, "a server").unwrap();
        for purpose in KeyPurpose::ALL {
            let path = keys_of.join(crate::share_file_name(purpose));
            let read = crate::read_share(&path, purpose, server.server(), keys.of(purpose));
            let read = read.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read.encode(), server.of(purpose).unwrap().encode());
        }
    }
}
