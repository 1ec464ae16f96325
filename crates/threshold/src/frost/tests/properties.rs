//! Properties over random keys, sets and bytes.

use super::{Holders, rng, subsets, threshold};
use crate::frost::{
    Commitment, CommitmentBatch, KeyShare, NonceRecord, Plan, PublicKey, Refresh, Session,
    SignatureShare, SigningError, deal,
};
use crate::{Blame, LeafFault};
use ally_codec::{Decode, Encode};
use ally_policy::ServerIndex;
use curve25519_dalek::Scalar;
use proptest::prelude::*;

/// Reads bytes as everything a peer or a disk may send; whatever is read writes the same bytes.
fn read_as_everything(bytes: &[u8]) {
    fn same<T: Decode + Encode>(bytes: &[u8]) {
        if let Ok(value) = T::from_bytes(bytes) {
            assert_eq!(value.to_bytes(), bytes);
        }
    }
    same::<PublicKey>(bytes);
    same::<Commitment>(bytes);
    same::<CommitmentBatch>(bytes);
    same::<SignatureShare>(bytes);
    same::<NonceRecord>(bytes);
    if let Ok(share) = KeyShare::decode(bytes) {
        assert_eq!(*share.encode(), bytes);
    }
    let key = deal(&threshold(2, 3), 0, &mut rng(1)).expect("a plain threshold").public;
    let dealer = ServerIndex(0);
    if let Ok(given) = Refresh::new(&key, 1).expect("later").contribution(dealer, bytes) {
        assert_eq!(given.to_bytes(), bytes);
    }
    let plan = Plan::new([0; 32], &threshold(2, 3), 0).expect("a plain threshold");
    let committed = crate::frost::contribution::digest(&plan.digest(), dealer, bytes);
    if let Ok(given) = plan.contribution(dealer, &committed, bytes) {
        assert_eq!(given.to_bytes(), bytes);
    }
}

/// An encoding of each kind.
fn encodings(seed: u64) -> Vec<Vec<u8>> {
    let mut holders = Holders::new(deal(&threshold(2, 3), 1, &mut rng(seed)).unwrap(), 3, seed);
    let session = holders.session(b"message", &subsets(3).nth(3).unwrap(), 1);
    let share = holders.sign(&session)[0].1;
    let batch = holders.batches[0].commitments();
    vec![
        holders.dealt.public.to_bytes(),
        batch.to_bytes(),
        batch.commitment(2).unwrap().to_bytes(),
        share.to_bytes(),
        holders.stores[0].kept[&0].to_bytes(),
        holders.dealt.shares[0].encode().to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any set that is large enough signs any message, in any order, and a wrong share anywhere is
    /// found and nothing else.
    #[test]
    fn prop_sets_sign_and_wrong_shares_are_named(
        (count, needed, bits, wrong) in (1..=7_u16).prop_flat_map(|count| {
            (Just(count), 1..=count, 1..1_usize << count, 0..1_usize << count)
        }),
        message in proptest::collection::vec(any::<u8>(), 0..200),
        seed in any::<u64>(),
        error in 1..=u64::MAX,
    ) {
        let dealt = deal(&threshold(needed, count), seed, &mut rng(seed)).unwrap();
        let mut holders = Holders::new(dealt, 1, seed ^ 1);
        let public = holders.dealt.public.clone();
        let signers = subsets(count).nth(bits).unwrap();
        let mut commitments = holders.commitments(&signers, 0);
        let turn = seed as usize % commitments.len();
        commitments.rotate_left(turn);
        let opened = Session::new(&public, &message, &commitments);
        prop_assert_eq!(opened.is_ok(), signers.len() >= usize::from(needed));
        let Ok(session) = opened else { return Ok(()) };
        let mut shares = holders.sign(&session);
        let signature = session.aggregate(&shares).unwrap();
        prop_assert!(public.verify(&message, &signature));

        let mut culprits = Vec::new();
        for (server, share) in &mut shares {
            if wrong >> server.index() & 1 == 1 {
                // Different errors, so that they do not add up to nothing.
                let step = u128::from(error) + (u128::from(server.0) << 64);
                share.response += Scalar::from(step);
                let leaf = server.index();
                culprits.push((*server, Blame::Leaf { leaf, fault: LeafFault::Wrong }));
            }
        }
        let due = if culprits.is_empty() {
            Ok(signature)
        } else {
            Err(SigningError::Refused { culprits })
        };
        prop_assert_eq!(session.aggregate(&shares), due);
    }

    #[test]
    fn prop_no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_as_everything(&bytes);
        read_as_everything(&[&[1, 0xf1][..], &bytes].concat());
    }

    #[test]
    fn prop_damaged_encodings_do_no_harm(
        seed in any::<u64>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        length in any::<prop::sample::Index>(),
    ) {
        for mut bytes in encodings(seed) {
            read_as_everything(&bytes);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            read_as_everything(&bytes);
            read_as_everything(&bytes[..length.index(bytes.len())]);
        }
    }
}
