//! The vector of RFC 9591, appendix E.1, and vectors of an independent implementation in Python
//! (`tests/kat/frost.py`).

use super::threshold;
use crate::KeyId;
use crate::frost::ciphersuite::nonce_from;
use crate::frost::commitment::Commitment;
use crate::frost::contribution::{Contribution, Dealing, SecretPart};
use crate::frost::deal::{Dealt, deal_with};
use crate::frost::group::SecretScalar;
use crate::frost::nonces::NoncePair;
use crate::frost::sharing::Polynomial;
use crate::frost::threshold::Threshold;
use crate::frost::{KeyShare, Plan, PublicKey, Refresh, Session};
use ally_codec::{Encode, Writer};
use ally_policy::{Formula, ServerIndex};
use sha2::{Digest, Sha256};

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    assert_eq!(hex.len(), 2 * N);
    std::array::from_fn(|at| {
        u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal digits")
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn secret(hex: &str) -> SecretScalar {
    SecretScalar::decode(&bytes(hex)).expect("below the order")
}

/// A commitment to these nonces, of the holder of `share`.
fn commitment(share: &KeyShare, pair: &NoncePair) -> (ServerIndex, Commitment) {
    let (key, server, points) = (share.key(), share.server(), pair.commit().expect("not 0"));
    (server, Commitment { key, server, serial: 0, index: 0, points })
}

struct Signer {
    server: usize,
    /// The randomness of the hiding and of the binding nonce.
    random: [&'static str; 2],
    nonces: [&'static str; 2],
    commitments: [&'static str; 2],
    binding_factor: &'static str,
    share: &'static str,
}

const SIGNERS: [Signer; 2] = [
    Signer {
        server: 0,
        random: [
            "06894e04ee4aceec8619d5f6a0a180e2f47194d2ac306cba586b555e7c48d765",
            "40d6f879ff22e22409f7d808fed81f37118e7d3e4af71c0f44c60207553bcbce",
        ],
        nonces: [
            "ef6599dea4010581a72b3018c37c29a4341d7cab0773e8687ca74dcf14009701",
            "2baadfa0c69aa60d517ad4751de372a73f9d89cfc39026601f18458cdec12605",
        ],
        commitments: [
            "9b116f12589591a7e23fe8048059ab10ab48e67739e7a2fb3890f61a7999478c",
            "c39b66b7dfccb122da24f13587f9a08c4347cae70046ca15169adf90ba65854d",
        ],
        binding_factor: "ff960a65374e216a0918729b153466016664fa980d409bc3f308daa7acb30d0d",
        share: "60997f0142e43e8005027fe5ab7447dac00d22c2d7ddd9571a02613ba7d81c08",
    },
    Signer {
        server: 2,
        random: [
            "fa5d950626782aade9e33fa781376d4888c2d1de7c37518bc248eb818ed0cdde",
            "7459a4d14ded0e365b085271be8dc6600d5b88f3978a2174297ffa32001a5afc",
        ],
        nonces: [
            "80f8d9a4b8f9366e1a0b618107c907cd3ee29fa9bb40b4691cc1bde696240005",
            "2610b664a5a187b4855e87d2ff485bebdf043dc2f161fcd4854cd01dc0276404",
        ],
        commitments: [
            "e679a2a971748ccfaabead4dbe8ac1def61275c186c79d471e1e45091ad1e687",
            "b2a942478453fabb6bd3181c56ba657413447b4136e1daea2484d396d1a516b3",
        ],
        binding_factor: "279d48ec56f16d234c09ea62f3d02ab776ee38e03f66b20f939f1316e13df10f",
        share: "79390e78bc59699c7af831f8f5fb478ec871a85f561a8641b5670ac4443f720f",
    },
];

/// The key of RFC 9591, appendix E.1, dealt to three servers.
fn rfc_key() -> Dealt {
    let value = secret("7b1c33d3f5291d85de664833beb1ad469f7fb6025a0ec78b3a790c6e13a98304");
    let mut draw = || secret("178199860edd8c62f5212ee91eff1295d0d670ab4ed4506866bae57e7030b204");
    let polynomial = Polynomial::new(value, 2, &mut draw);
    let threshold = Threshold::new(&threshold(2, 3)).expect("a plain threshold");
    deal_with(&threshold, 0, &polynomial).expect("no share of zero")
}

#[test]
fn vec_rfc_9591_appendix_e1() {
    let dealt = rfc_key();
    let key = "15d21ccd7ee42959562fc8aa63224c8851fb3ec85a3faf66040d380fb9738673";
    assert_eq!(hex(&dealt.public.verifying_key()), key);
    let shares = dealt.shares.iter().map(|share| hex(&*share.secret().encode()));
    let due = [
        "929dcc590407aae7d388761cddb0c0db6f5627aea8e217f4a033f2ec83d93509",
        "a91e66e012e4364ac9aaa405fcafd370402d9859f7b6685c07eed76bf409e80d",
        "d3cb090a075eb154e82fdb4b3cb507f110040905468bb9c46da8bdea643a9a02",
    ];
    assert_eq!(shares.collect::<Vec<_>>(), due);

    let mut pairs = Vec::new();
    let mut commitments = Vec::new();
    for signer in &SIGNERS {
        let share = &dealt.shares[signer.server];
        let [hiding, binding] =
            signer.random.map(|random| nonce_from(&bytes(random), share.secret()));
        assert_eq!([&hiding, &binding].map(|nonce| hex(&*nonce.encode())), signer.nonces);
        let pair = NoncePair { hiding, binding };
        let points = pair.commit().expect("not 0");
        let published = [points.hiding, points.binding].map(|point| hex(point.bytes()));
        assert_eq!(published, signer.commitments);
        commitments.push(commitment(share, &pair));
        pairs.push(pair);
    }
    let session = Session::new(&dealt.public, b"test", &commitments).expect("two of three");
    let (factors, _) = session.derived();
    let due = SIGNERS.each_ref().map(|signer| bytes(signer.binding_factor));
    assert_eq!(factors, due);

    let mut answers = Vec::new();
    for (signer, pair) in SIGNERS.iter().zip(pairs) {
        let share = session.sign(&dealt.shares[signer.server], pair).expect("its own key");
        assert_eq!(hex(share.response.as_bytes()), signer.share);
        assert_eq!(session.verify_share(share.server(), &share), Ok(()));
        answers.push((share.server(), share));
    }
    let signature = session.aggregate(&answers).expect("right shares");
    let due = "154fb694ee7fcb37bf2381d94488c2a84b03b3352ad085feca81ad26d45852b7\
               ecfe971ce4da95c4a95db93ac376b053897fca212ef85f99cf696bffeb178f07";
    assert_eq!(hex(&signature), due);
}

/// The numbers that `tests/kat/frost.py` draws for a purpose.
fn draws(name: String) -> impl FnMut() -> SecretScalar {
    let mut counter = 0;
    move || {
        let digest = Sha256::digest(format!("{name} {counter}"));
        counter += 1;
        let mut number = [0; 32];
        number[..31].copy_from_slice(&digest[..31]);
        SecretScalar::decode(&number).expect("a hash below the order")
    }
}

/// The lines of a section of the script's output, in words.
fn known(section: &str) -> Vec<Vec<&'static str>> {
    let text = include_str!("../../../tests/kat/frost.txt");
    let (_, text) = text.split_once(&format!("{section}\n")).expect("the section is there");
    let lines = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines.take_while(|words| !["ceremony", "session"].contains(&words[0])).collect()
}

/// The lines of a section that begin with `word`, without it.
fn lines<'a>(known: &'a [Vec<&'static str>], word: &str) -> Vec<&'a [&'static str]> {
    let lines = known.iter().filter(|words| words[0] == word);
    lines.map(|words| &words[1..]).collect()
}

/// Checks a dealing against the script's, and leaves out whom it is for.
fn check_dealing(known: &[Vec<&'static str>], at: usize, dealing: &Dealing) {
    let (contribution, parts) = dealing;
    let encoded = hex(&contribution.to_bytes());
    let due = [contribution.dealer().0.to_string(), encoded, hex(&contribution.digest())];
    assert_eq!(due.as_slice(), lines(known, "contribution")[at]);
    let all = lines(known, "part");
    for (part, due) in parts.iter().zip(&all[at * parts.len()..]) {
        assert_eq!([part.server().0.to_string(), hex(&part.encode())].as_slice(), *due);
    }
}

fn check_key(known: &[Vec<&'static str>], public: &PublicKey, shares: &[KeyShare]) {
    let KeyId(id) = public.id();
    assert_eq!([hex(&public.to_bytes()), hex(&id)].as_slice(), lines(known, "key")[0]);
    for (share, due) in shares.iter().zip(lines(known, "share")) {
        let secret = hex(&*share.secret().encode());
        assert_eq!([share.server().0.to_string(), secret].as_slice(), due);
    }
}

/// The parts of several dealings, server by server.
fn by_server(dealings: Vec<Dealing>) -> (Vec<Contribution>, Vec<Vec<SecretPart>>) {
    let mut parts: Vec<Vec<SecretPart>> = (0..5).map(|_| Vec::new()).collect();
    let mut contributions = Vec::new();
    for (contribution, dealt) in dealings {
        contributions.push(contribution);
        parts.iter_mut().zip(dealt).for_each(|(all, part)| all.push(part));
    }
    (contributions, parts)
}

#[test]
fn vec_python_ceremonies_and_session() {
    let leaves = [0, 2, 3, 5, 7].map(|index| Formula::Leaf(ServerIndex(index)));
    let formula = Formula::gate(3, leaves.to_vec()).unwrap();

    let known_generated = known("ceremony generated");
    let plan = Plan::new(Sha256::digest(b"ceremony").into(), &formula, 4).unwrap();
    let deal = |dealer: u16| {
        let mut draw = draws(format!("dealer {dealer}"));
        let polynomial = Polynomial::new(draw(), 3, &mut draw);
        let nonce = draws(format!("proof {dealer}"))();
        plan.deal_with(ServerIndex(dealer), &polynomial, &nonce).unwrap()
    };
    let dealings = [0, 3, 7].map(deal);
    for (at, dealing) in dealings.iter().enumerate() {
        check_dealing(&known_generated, at, dealing);
    }
    let (given, parts) = by_server(dealings.into());
    let public = plan.public_key(&given.iter().collect::<Vec<_>>()).unwrap();
    let shares: Vec<KeyShare> =
        parts.iter().map(|parts| plan.key_share(&public, parts).unwrap()).collect();
    check_key(&known_generated, &public, &shares);

    let known_refreshed = known("ceremony refreshed");
    let refresh = Refresh::new(&public, 5).unwrap();
    let deal = |dealer: u16| {
        let mut draw = draws(format!("refresh {dealer}"));
        let polynomial = Polynomial::new(SecretScalar::zero(), 3, &mut draw);
        refresh.deal_with(ServerIndex(dealer), &polynomial).unwrap()
    };
    let dealings = [2, 5, 7].map(deal);
    for (at, dealing) in dealings.iter().enumerate() {
        check_dealing(&known_refreshed, at, dealing);
    }
    let (given, parts) = by_server(dealings.into());
    let public = refresh.public_key(&given.iter().collect::<Vec<_>>()).unwrap();
    let shares: Vec<KeyShare> = shares
        .iter()
        .zip(&parts)
        .map(|(own, parts)| refresh.key_share(&public, own, parts).unwrap())
        .collect();
    check_key(&known_refreshed, &public, &shares);

    let known_session = known("session");
    let signing: Vec<&KeyShare> = [0, 2, 3, 4].map(|at: usize| &shares[at]).into();
    let pair = |share: &&KeyShare| {
        let mut draw = draws(format!("nonces {}", share.server().0));
        NoncePair { hiding: draw(), binding: draw() }
    };
    let pairs: Vec<NoncePair> = signing.iter().map(pair).collect();
    let commitments = signing.iter().zip(&pairs).map(|(share, pair)| commitment(share, pair));
    let commitments: Vec<_> = commitments.collect();
    let session = Session::new(&public, b"what the alliance says", &commitments).unwrap();
    let (factors, group_commitment) = session.derived();
    let mut answers = Vec::new();
    for (at, (share, pair)) in signing.iter().zip(pairs).enumerate() {
        let answer = session.sign(share, pair).unwrap();
        let (server, factor) = (share.server().0.to_string(), hex(&factors[at]));
        let mut points = Writer::new();
        commitments[at].1.points.encode(&mut points);
        let response = hex(answer.response.as_bytes());
        let due = [server, hex(points.as_bytes()), factor, response];
        assert_eq!(due.as_slice(), lines(&known_session, "signer")[at]);
        answers.push((share.server(), answer));
    }
    let signature = session.aggregate(&answers).unwrap();
    assert_eq!(signature[..32], group_commitment);
    let due = [hex(&signature), hex(&session.digest())];
    assert_eq!(due.as_slice(), lines(&known_session, "signature")[0]);
}
