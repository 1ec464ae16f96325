//! Exactly the sets that are large enough sign, whoever is in them.

use super::{Holders, MESSAGE, dealt, rng, set, subsets, threshold};
use crate::PlanError;
use crate::frost::{KeyShare, PublicKey, Session, SigningError, deal};
use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex, ServerSet};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};

#[test]
fn exactly_the_sets_that_are_large_enough_sign() {
    let mut signatures = 0;
    for count in 1..=5 {
        for needed in 1..=count {
            let mut holders = Holders::new(dealt(needed, count), 32, 8);
            let public = holders.dealt.public.clone();
            let ordinary = VerifyingKey::from_bytes(&public.verifying_key()).expect("a key");
            for (index, signers) in (0..).zip(subsets(count)) {
                if signers.len() < usize::from(needed) {
                    let commitments = holders.commitments(&signers, index);
                    let missing = ServerSet::first(usize::from(count)).difference(&signers);
                    let opened = Session::new(&public, MESSAGE, &commitments).err();
                    assert_eq!(opened, Some(SigningError::NotQualified { missing }));
                    continue;
                }
                let session = holders.session(MESSAGE, &signers, index);
                assert_eq!(session.signers(), signers);
                let mut shares = holders.sign(&session);
                for (server, share) in &shares {
                    assert_eq!(session.verify_share(*server, share), Ok(()));
                }
                shares.reverse();
                let signature = session.aggregate(&shares).expect("right shares");
                assert!(public.verify(MESSAGE, &signature));
                let signature = Signature::from_bytes(&signature);
                assert!(ordinary.verify(MESSAGE, &signature).is_ok());
                assert!(ordinary.verify(b"another message", &signature).is_err());
                signatures += 1;
            }
        }
    }
    // For each n the sum over k of the sets of k or more: n * 2^(n - 1).
    assert_eq!(signatures, (1..=5).map(|n| n << (n - 1)).sum::<u32>());
}

/// Shares of fewer servers than needed, combined as if they were enough, open nothing.
#[test]
fn fewer_shares_are_not_the_key() {
    let dealt = dealt(3, 5);
    for signers in subsets(5).filter(|signers| !signers.is_empty()) {
        let servers: Vec<ServerIndex> = signers.iter().collect();
        let weighted = servers.iter().map(|server| {
            crate::frost::threshold::weight(*server, &servers)
                * dealt.shares[server.index()].secret().number()
        });
        let opened = crate::frost::group::SecretScalar::new(weighted.sum());
        let is_key = opened.times_base() == *dealt.public.root().point();
        assert_eq!(is_key, signers.len() >= 3, "{signers:?}");
    }
}

#[test]
fn only_plain_thresholds_have_a_key() {
    let leaf = |index| Formula::Leaf(ServerIndex(index));
    let nested = Formula::gate(2, vec![threshold(1, 2), leaf(2)]).unwrap();
    let twice = Formula::gate(2, vec![leaf(0), leaf(1), leaf(0)]).unwrap();
    for formula in [leaf(0), nested, twice] {
        assert_eq!(deal(&formula, 0, &mut rng(1)).err(), Some(PlanError::NotPlain));
    }
}

#[test]
fn holders_need_not_be_the_first_servers() {
    let leaves = [255, 3, 70].map(|index| Formula::Leaf(ServerIndex(index)));
    let formula = Formula::gate(2, leaves.to_vec()).unwrap();
    let mut holders = Holders::new(deal(&formula, 0, &mut rng(2)).unwrap(), 1, 8);
    let session = holders.session(MESSAGE, &set(&[255, 70]), 0);
    let shares = holders.sign(&session);
    assert!(session.aggregate(&shares).is_ok());
}

#[test]
fn keys_and_shares_come_back_from_their_encodings() {
    let dealt = dealt(2, 3);
    let read = PublicKey::from_bytes(&dealt.public.to_bytes()).expect("its own encoding");
    assert_eq!(read, dealt.public);
    assert_eq!(read.verifying_key(), dealt.public.verifying_key());
    for share in &dealt.shares {
        let read = KeyShare::decode(&share.encode()).expect("its own encoding");
        assert_eq!(read.check(&dealt.public), Ok(()));
        assert_eq!((read.key(), read.server()), (share.key(), share.server()));
    }
}

#[test]
fn the_widest_key_signs() {
    let mut holders = Holders::new(dealt(129, 256), 1, 8);
    let session = holders.session(MESSAGE, &ServerSet::first(129), 0);
    let shares = holders.sign(&session);
    assert!(session.aggregate(&shares).is_ok());
    let public = &holders.dealt.public;
    assert_eq!(PublicKey::from_bytes(&public.to_bytes()).as_ref(), Ok(public));
}
