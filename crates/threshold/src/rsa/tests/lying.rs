//! A dealer whose modulus is not what it should be.

use ally_codec::Encode;
use crypto_bigint::{BoxedUint, ConcatenatingMul, Resize};
use zeroize::Zeroizing;

use super::super::Group;
use super::super::generation::share_root;
use super::{TOY_BITS, flat, plan, rng, sign_all};
use crate::contribution::Kind;
use crate::deal::Dealt;
use crate::{CombineError, Contribution, SecretPart, combine, verify_share};

/// p = 6 t + 1 with t prime, and q, a safe prime, such that the base is a cube modulo p.
const P: &str = "d05825f9c5bb34bb0ab0c80001e0f23b5f8ce2e677e176c382286a0232a13ceb";
const Q: &str = "ff65c553a1b2472228ffab5683643769a854d09cde658d258b09cabc1a5183bb";

fn number(hexadecimal: &str) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(&hex::decode(hexadecimal).unwrap())
}

/// A key whose dealer shares an e-th root on the powers of v that is none on other squares: v has
/// the order t q', a third of the squares', and the root counts modulo that order only.
fn spoilt() -> Dealt {
    let (p, q) = (number(P), number(Q));
    let half = |prime: &BoxedUint| prime.wrapping_shr(1);
    let order = half(&p).concatenating_mul(&half(&q)).resize(TOY_BITS);
    let third =
        order.wrapping_div_vartime(&BoxedUint::from(3u32).resize(TOY_BITS).to_nz().unwrap());
    let exponent = BoxedUint::from(65_537u32).resize(TOY_BITS);
    let root = exponent.invert_odd_mod(&order.to_odd().unwrap()).unwrap();
    let root = Zeroizing::new(root.wrapping_add(third));

    // D is 1: a D with the factor 3 would put the fault right again.
    let plan = plan(1, &flat(2, 0..2), 0);
    let (shape, access) = plan.parts();
    let group = Group::new(&p.concatenating_mul(&q), TOY_BITS).unwrap();
    let (contribution, secrets) =
        share_root(group, root, shape.unwrap(), access, &mut rng()).unwrap();
    let contribution = Contribution::new(plan.digest(), None, Kind::Rsa(contribution));
    let parts = SecretPart::all(plan.digest(), access, secrets);
    let read = plan.contribution(&contribution.to_bytes()).expect("nothing is wrong in public");
    let public = plan.public_key(&[&read]).unwrap();
    let share = |part: SecretPart| {
        let part = plan.part(&read, part.server(), &part.encode()).expect("the part fits");
        plan.key_share(&public, &[part]).expect("so does the share")
    };
    let shares = parts.into_iter().map(share).collect();
    Dealt { public, shares }
}

/// Two messages in three fail, as many as are no cubes; no wrong signature comes out, no server is
/// blamed, and of a few test messages one fails: so the modulus's dealer has lied.
#[test]
fn a_dealer_who_spoils_messages() {
    let dealt = spoilt();
    let mut failed = 0;
    for number in 0..30u8 {
        let message = [number];
        let signed = sign_all(&dealt, &message);
        match combine(&dealt.public, &message, &signed) {
            Ok(signature) => assert!(dealt.public.verify(&message, &signature)),
            Err(CombineError::Inconsistent { .. }) => {
                failed += 1;
                for (share, (server, signed)) in dealt.shares.iter().zip(&signed) {
                    let proof = share.prove(&dealt.public, &message, signed, &mut rng()).unwrap();
                    let verdict =
                        verify_share(&dealt.public, &message, *server, signed, Some(&proof));
                    assert_eq!(verdict, Ok(()));
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!((12..=28).contains(&failed), "{failed}");
}
