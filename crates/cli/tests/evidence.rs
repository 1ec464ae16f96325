//! `ally evidence` as a person or a script meets it: a stopped server's proof, exported, checked, and
//! refused when anything in it was changed.

use ally_alliance::keys::{AdminKey, SigningKey, TransportKey};
use ally_alliance::{
    Alliance, Draft, Introduction, KeyPurpose, Organisation, Parameters, Server, ThresholdKeys,
};
use ally_codec::Encode;
use ally_consensus::{
    Backing, BlockHash, BlockHeader, BlockRef, Digest, Epoch, Evidence, Height, Message, Micros,
    Signed, Testimony, View, Vote, payload_digest, signing_bytes,
};
use ally_node::store::{Durability, EvidenceKey, Identity, Store, TestimonyKey, WriteBatch};
use ally_policy::{Definition, FaultModel, ServerIndex};
use ally_threshold::{Scheme, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::path::Path;
use std::process::{Command, Output};

const LIAR: ServerIndex = ServerIndex(2);

fn signing(place: u8) -> SigningKey {
    SigningKey::from_seed(&[place + 50; 32])
}

fn alliance(name: &str) -> Alliance {
    let address = |port: u16| format!("127.0.0.1:{port}").parse().expect("an address");
    let organisations = (0..4_u8).map(|place| {
        let server = Server::new(
            format!("s{place}"),
            signing(place).public(),
            TransportKey::from_seed(&[place + 100; 32]).public(),
            address(1),
            address(2),
        );
        let admin = AdminKey::from_seed(&[place; 32]).public();
        Organisation::new(format!("org{place}"), admin, vec![server])
    });
    let introduction = Introduction {
        origin: "example.org/test".into(),
        name: name.into(),
        epoch: Epoch(0),
        model: FaultModel::Byzantine,
    };
    let formulas = [("decide", "3 of (s0, s1, s2, s3)")];
    let policy = Definition::from_formulas(formulas, "policy", None).expect("formulas");
    let draft = Draft::new(introduction, policy, organisations.collect(), Parameters::default());
    let draft = draft.expect("a sound policy");
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let [certify, kernel, quorum] = [KeyPurpose::Certify, KeyPurpose::Kernel, KeyPurpose::Quorum]
        .map(|purpose| {
            let formula = purpose.formula(draft.policy());
            deal(Scheme::Bls12381, formula, 0, &mut rng, &()).expect("deals").public
        });
    let mut document = draft.seal(ThresholdKeys { certify, kernel, quorum }).expect("keys fit");
    for place in 0..4 {
        document.sign(&AdminKey::from_seed(&[place; 32])).expect("a member");
    }
    document.verify().expect("all have signed")
}

/// The liar's votes for two blocks of one height, in the data directory of server 1.
fn keep_evidence(data: &Path, alliance: &Alliance) {
    let vote = |salt: u8| {
        let block = BlockRef { height: Height(7), hash: BlockHash([salt; 32]) };
        let body = Vote { view: View(3), block, share: None };
        let content = Message::Vote(body.clone()).signed_content();
        let bytes = signing_bytes(&alliance.context(), "vote", &content);
        Signed { signer: LIAR, signature: signing(2).sign(&bytes), body }
    };
    let (first, second, headers) = (vote(1), vote(2), Vec::new());
    let proof = Evidence::Votes { first, second, headers };
    let (kind, mut bytes) = (proof.kind().code(), vec![1]);
    bytes.extend(proof.to_bytes());
    let digest = ally_node::evidence::id(&bytes);
    let identity = Identity { alliance: alliance.id(), server: ServerIndex(1), epoch: Epoch(0) };
    Store::create(data, &identity).expect("a fresh directory");
    let (store, _) = Store::open(data, &identity, Durability::None).expect("its own");
    let mut write = WriteBatch::new();
    write.evidence(EvidenceKey { culprit: LIAR, kind, digest }, bytes);
    store.commit(write).expect("written");
}

/// What a server keeps that was shown block 1 with this root of the log, and these servers' votes.
fn backing(alliance: &Alliance, root: u8, voters: &[u8]) -> Testimony {
    let header = BlockHeader {
        alliance: alliance.id(),
        epoch: alliance.epoch(),
        height: Height(1),
        view: View(0),
        parent: BlockRef::genesis(alliance.id(), alliance.epoch()).hash,
        payload_digest: payload_digest(&[]),
        log_size: 0,
        log_root: Digest([root; 32]),
        timestamp_us: Micros(0),
    };
    let sign = |place: u8, kind: &str, content: &[u8]| {
        let bytes = signing_bytes(&alliance.context(), kind, content);
        (ServerIndex(place.into()), signing(place).sign(&bytes))
    };
    let vote = |place: &u8| {
        let body = Vote { view: View(0), block: header.block_ref(), share: None };
        let content = Message::Vote(body.clone()).signed_content();
        let (signer, signature) = sign(*place, "vote", &content);
        Signed { signer, signature, body }
    };
    let votes = voters.iter().map(vote).collect();
    let leader = alliance.rotation().leader(View(0));
    let (signer, signature) = sign(leader.0 as u8, "block", &header.to_bytes());
    let headers = vec![Signed { signer, signature, body: header.clone() }];
    Testimony::Backing(Backing { new_view: None, headers, votes, commits: Vec::new() })
}

/// The data directory of a server that keeps this.
fn keep_testimony(data: &Path, alliance: &Alliance, server: u16, testimony: &Testimony) {
    let identity =
        Identity { alliance: alliance.id(), server: ServerIndex(server), epoch: Epoch(0) };
    Store::create(data, &identity).expect("a fresh directory");
    let (store, _) = Store::open(data, &identity, Durability::None).expect("its own");
    let bytes = testimony.to_bytes();
    let mut write = WriteBatch::new();
    let (kind, length) = (testimony.kind().code(), bytes.len() as u32);
    write.testimony(TestimonyKey { kind, number: 0, bytes: length }, bytes);
    store.commit(write).expect("written");
}

fn ally(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ally"));
    command.current_dir(dir).args(arguments).env("NO_COLOR", "1");
    command.output().expect("it runs")
}

#[track_caller]
fn says(output: &Output, exit: i32, words: &[&str]) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{stdout}{stderr}");
    for word in words {
        assert!(stdout.contains(word) || stderr.contains(word), "{word}: {stdout}{stderr}");
    }
}

#[test]
fn a_proof_is_listed_exported_and_checked_by_anyone() {
    let dir = tempfile::tempdir().expect("a directory");
    let (dir, alliance) = (dir.path(), alliance("test"));
    std::fs::write(dir.join("alliance.toml"), alliance.document().render()).expect("written");
    keep_evidence(&dir.join("data"), &alliance);

    let listed = ally(dir, &["evidence", "list", "--data", "data", "-o", "json"]);
    says(&listed, 0, &["\"server\":\"s2\"", "\"organisation\":\"org2\"", "two-votes", "\"s1\""]);
    let answer: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let id = answer["evidence"][0]["id"].as_str().expect("an id").to_owned();

    let data = ["--data", "data"];
    let show = [&["evidence", "show", &id[..8], "--out", "s2.evidence"], &data[..]].concat();
    says(&ally(dir, &show), 0, &["Proven: s2 of org2", "voted in view 3", "s2.evidence"]);
    says(&ally(dir, &["evidence", "verify", "s2.evidence"]), 0, &["Proven: s2 of org2", &id]);
    let none = [&["evidence", "show", "0000000000"], &data[..]].concat();
    says(&ally(dir, &none), 1, &["ALLY-0414", "ally evidence list"]);

    // Changed in one byte of the proof, and in the name of the accused.
    let text = std::fs::read_to_string(dir.join("s2.evidence")).expect("written");
    let at = text.find("proof = \"\"\"\n").expect("the proof") + 100;
    let mut changed = text.clone().into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(dir.join("changed"), changed).expect("written");
    says(&ally(dir, &["evidence", "verify", "changed"]), 1, &["ALLY-041", "against nobody"]);
    let renamed = text.replace("server = \"s2\"", "server = \"s3\"");
    std::fs::write(dir.join("renamed"), renamed).expect("written");
    says(&ally(dir, &["evidence", "verify", "renamed"]), 1, &["ALLY-0411", "line 11"]);

    // Nothing that could be asked.
    says(&ally(dir, &["evidence", "verify", "missing"]), 2, &["ALLY-0001"]);
    let other = self::alliance("another").document().render();
    std::fs::write(dir.join("other.toml"), other).expect("written");
    let other = ["evidence", "verify", "s2.evidence", "--alliance", "other.toml"];
    says(&ally(dir, &other), 2, &["ALLY-0412", "--alliance"]);
    let other = ["evidence", "list", "--data", "data", "--alliance", "other.toml"];
    says(&ally(dir, &other), 2, &["ALLY-0412"]);
}

/// Servers 1 and 2 vote for one block towards server 0, and for another towards server 3. Neither can
/// see why they disagree; what both kept shows it.
#[test]
fn servers_that_decided_differently_find_out_together_who_lied_to_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let (dir, alliance) = (dir.path(), alliance("test"));
    std::fs::write(dir.join("alliance.toml"), alliance.document().render()).expect("written");
    let (one, other) = (backing(&alliance, 1, &[0, 1, 2]), backing(&alliance, 2, &[1, 2, 3]));
    keep_testimony(&dir.join("data-0"), &alliance, 0, &one);
    keep_testimony(&dir.join("data-3"), &alliance, 3, &other);

    let export = ["evidence", "export", "--data", "data-3", "--out", "s3.records"];
    says(&ally(dir, &export), 0, &["what s3 kept", "behind decisions:    1", "s3.records"]);
    let alone = ally(dir, &["evidence", "compare", "data-0"]);
    says(&alone, 0, &["the records of s0 agree", "nobody is proven guilty"]);

    let both = ["evidence", "compare", "data-0", "s3.records", "--out", "proofs"];
    let compared = ally(dir, &both);
    says(&compared, 0, &["Conflict at height 1: 2 blocks are decided", "s0, s1, s2", "s1, s2, s3"]);
    says(&compared, 0, &["more than the policy tolerates", "proofs/s1-two-votes.evidence"]);
    for (server, organisation) in [("s1", "org1"), ("s2", "org2")] {
        let file = format!("proofs/{server}-two-votes.evidence");
        let verdict = ally(dir, &["evidence", "verify", &file]);
        says(&verdict, 0, &[&format!("Proven: {server} of {organisation}"), "voted in view 0"]);
    }
    let answer = ally(dir, &["evidence", "compare", "data-0", "s3.records", "-o", "json"]);
    let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    assert_eq!(answer["conflict"]["height"], 1);
    assert_eq!(answer["more_than_tolerated"], true);
    let guilty = answer["guilty"].as_array().expect("a list");
    let voters = guilty.iter().filter(|proof| proof["kind"] == "two-votes");
    assert_eq!(voters.map(|proof| &proof["server"]).collect::<Vec<_>>(), ["s1", "s2"]);
    assert!(guilty.iter().all(|proof| proof["server"] != "s3"), "{guilty:?}");

    // Records that somebody has changed convict nobody who did not sign.
    let mut records = std::fs::read(dir.join("s3.records")).expect("written");
    let at = records.len() - 30;
    records[at] ^= 1;
    std::fs::write(dir.join("changed.records"), &records).expect("written");
    let changed = ally(dir, &["evidence", "compare", "data-0", "changed.records"]);
    says(&changed, 0, &["left out: 1 parts", "agree"]);
    std::fs::write(dir.join("torn.records"), &records[..at]).expect("written");
    says(
        &ally(dir, &["evidence", "compare", "torn.records"]),
        2,
        &["ALLY-0415", "evidence export"],
    );
    says(&ally(dir, &["evidence", "compare", "nowhere"]), 2, &["ALLY-0001"]);
    let other = self::alliance("another").document().render();
    std::fs::write(dir.join("other.toml"), other).expect("written");
    let other = ["evidence", "compare", "s3.records", "--alliance", "other.toml"];
    says(&ally(dir, &other), 2, &["ALLY-0412", "--alliance"]);
}
