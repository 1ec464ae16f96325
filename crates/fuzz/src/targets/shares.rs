//! Threshold signatures of both schemes: a share that is accepted is as good as the right one, a bent one
//! spoils nothing and accuses nobody else, and no other signature verifies.

use crate::cursor::Cursor;
use crate::fixtures::{ThresholdKey, fixtures};
use ally_codec::{Decode, Encode};
use ally_policy::ServerIndex;
use ally_threshold::{
    CombineError, PublicKey, ShareProof, SignatureShare, VerifyingKey, combine, verify_share,
};
use std::sync::OnceLock;

const MESSAGE: &[u8] = b"a message";
/// How many bytes of a right value are changed.
const CHANGES_MAX: usize = 8;

/// What everybody contributes to the signature on [`MESSAGE`], and the signature.
struct Signed {
    key: &'static ThresholdKey,
    contributions: Vec<(SignatureShare, ShareProof)>,
    signature: Vec<u8>,
}

/// `scheme (1) || server (1) || kind (1) || changes or bytes`.
pub(super) fn run(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    let signed = &signed()[cursor.below(2)];
    let server = cursor.below(signed.contributions.len());
    let (share, proof) = &signed.contributions[server];
    match cursor.byte() {
        0 => given(signed, server, &bent(&share.to_bytes(), cursor), &proof.to_bytes()),
        1 => given(signed, server, &share.to_bytes(), &bent(&proof.to_bytes(), cursor)),
        2 => given(signed, server, cursor.rest(), &proof.to_bytes()),
        3 => {
            let other = &signed.contributions[cursor.below(signed.contributions.len())];
            given(signed, server, &bent(&other.0.to_bytes(), cursor), &other.1.to_bytes());
        }
        4 => signature(signed, &bent(&signed.signature, cursor)),
        5 => signature(signed, cursor.rest()),
        6 => public_key(signed, &bent(&signed.key.public.to_bytes(), cursor)),
        7 => pem(&bent(signed.key.public.to_pem().as_bytes(), cursor)),
        8 => pem(cursor.rest()),
        _ => {}
    }
}

/// Right values and small changes of each kind.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for scheme in 0..2_u8 {
        for server in 0..4_u8 {
            for kind in [0, 1, 3, 4, 6, 7] {
                seeds.push(vec![scheme, server, kind]);
                seeds.push(vec![scheme, server, kind, 60, 0, 1, 80, 0, 255]);
            }
        }
        let signed = &signed()[usize::from(scheme)];
        let (share, _) = &signed.contributions[0];
        seeds.push([&[scheme, 0, 2][..], &share.to_bytes()].concat());
        seeds.push([&[scheme, 0, 5][..], &signed.signature].concat());
        seeds.push([&[scheme, 0, 8][..], signed.key.public.to_pem().as_bytes()].concat());
    }
    seeds
}

fn signed() -> &'static [Signed; 2] {
    static SIGNED: OnceLock<[Signed; 2]> = OnceLock::new();
    SIGNED.get_or_init(|| {
        [&fixtures().bls, &fixtures().rsa].map(|key| {
            let servers = 0..key.shares.len();
            let contributions: Vec<_> =
                servers.map(|server| key.contribution(server, MESSAGE)).collect();
            let shares = contributions.iter().map(|(share, _)| share.clone());
            let shares: Vec<_> = shares.map(|share| (share.server(), share)).collect();
            let signature = combine(&key.public, MESSAGE, &shares).expect("good shares");
            Signed { key, contributions, signature }
        })
    })
}

/// A copy of `right` with the changes that follow.
fn bent(right: &[u8], mut changes: Cursor<'_>) -> Vec<u8> {
    let mut bytes = right.to_vec();
    changes.change(&mut bytes, CHANGES_MAX);
    bytes
}

/// A server gives a share and a proof.
fn given(signed: &Signed, server: usize, share: &[u8], proof: &[u8]) {
    let (Ok(share), Ok(proof)) = (SignatureShare::from_bytes(share), ShareProof::from_bytes(proof))
    else {
        return;
    };
    let (right_share, right_proof) = &signed.contributions[server];
    let giver = ServerIndex(server as u16);
    let public = &signed.key.public;
    let verdict = verify_share(public, MESSAGE, giver, &share, Some(&proof));
    if (&share, &proof) == (right_share, right_proof) {
        assert_eq!(verdict, Ok(()), "what is right is accepted");
    }
    let mut everybody = Vec::new();
    for (at, (other, _)) in signed.contributions.iter().enumerate() {
        let given = if at == server { share.clone() } else { other.clone() };
        everybody.push((ServerIndex(at as u16), given));
    }
    let combined = combine(public, MESSAGE, &everybody);
    if verdict.is_ok() {
        assert_eq!(
            combined.as_ref(),
            Ok(&signed.signature),
            "a share was accepted and is not good"
        );
    }
    match combined {
        Ok(signature) => assert_eq!(signature, signed.signature, "there is one signature"),
        Err(CombineError::Refused { culprits }) => {
            let names = culprits.iter().map(|(culprit, _)| *culprit);
            assert!(names.clone().all(|culprit| culprit == giver), "{culprits:?} for {giver}");
            assert!(verdict.is_err(), "{giver} is blamed for a share that was accepted");
        }
        Err(CombineError::Inconsistent { contributors }) => {
            assert!(contributors.contains(giver), "{giver} is not among {contributors:?}");
        }
        Err(error) => panic!("all are there: {error}"),
    }
}

/// Somebody shows a signature.
fn signature(signed: &Signed, bytes: &[u8]) {
    let verifies = signed.key.public.verify(MESSAGE, bytes);
    assert_eq!(verifies, bytes == signed.signature, "there is one signature");
    assert!(!signed.key.public.verify(b"another message", bytes));
}

/// A key that is not the one that was dealt: nothing about it has to hold, but that it does no harm.
fn public_key(signed: &Signed, bytes: &[u8]) {
    let Ok(public) = PublicKey::from_bytes(bytes) else { return };
    assert_eq!(public.to_bytes(), bytes, "one key, one encoding");
    let (share, proof) = &signed.contributions[0];
    let same = public == signed.key.public;
    let verdict = verify_share(&public, MESSAGE, share.server(), share, Some(proof));
    assert_eq!(verdict.is_ok(), same, "a share is of one key");
    assert_eq!(signed.key.shares[0].sign(&public, MESSAGE).is_ok(), same, "and so is its secret");
}

fn pem(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(key) = VerifyingKey::from_pem(text) else { return };
    let again = VerifyingKey::from_pem(&key.to_pem()).expect("as it was written");
    assert_eq!((&again, again.to_pem()), (&key, key.to_pem()));
    assert!(!key.verify(MESSAGE, &[]), "an empty signature");
}
