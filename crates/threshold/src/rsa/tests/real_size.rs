//! A key of 4096 bits by two dealers, whose safe primes are kept: finding them takes longer than a
//! test may. What servers sign is accepted by verifiers that know nothing of Ally.

#[path = "../../../tests/scratch/mod.rs"]
mod scratch;

use std::process::Command;

use ally_codec::{Decode, Encode};
use ally_policy::{Formula, ServerIndex};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use super::super::sharing::Part;
use super::{dealing, flat, leaf, rng};
use crate::deal::Dealt;
use crate::{
    Contribution, Dealing, Handover, KeyShare, Message, Plan, PublicKey, Scheme, SecretPart,
    combine, verify_share,
};
use scratch::Scratch;

const PRIMES: &str = include_str!("../../../tests/kat/rsa_2048.txt");
const MESSAGE: &[u8] = b"example.org/clearing\n13\nroot\n";

fn primes() -> [(Part, Part); 2] {
    let number = |name: &str| {
        let line = PRIMES.lines().find(|line| line.starts_with(name)).unwrap();
        let bytes = hex::decode(&line[3..]).unwrap();
        Zeroizing::new(BoxedUint::from_be_slice_vartime(&bytes))
    };
    [(number("p1"), number("q1")), (number("p2"), number("q2"))]
}

fn generate(plan: &Plan) -> Dealt {
    let dealings: Vec<Dealing> = primes().iter().map(|primes| dealing(plan, primes)).collect();
    let read: Vec<Contribution> = dealings
        .iter()
        .map(|(contribution, _)| plan.contribution(&contribution.to_bytes()).unwrap())
        .collect();
    let public = plan.public_key(&read.iter().collect::<Vec<_>>()).unwrap();
    let share = |server: usize| {
        let part = |((_, parts), read): (&Dealing, &Contribution)| {
            let part = &parts[server];
            plan.part(read, part.server(), &part.encode()).unwrap()
        };
        let parts: Vec<SecretPart> = dealings.iter().zip(&read).map(part).collect();
        plan.key_share(&public, &parts).unwrap()
    };
    let shares = (0..dealings[0].1.len()).map(share).collect();
    Dealt { public, shares }
}

fn signature(dealt: &Dealt, servers: &[usize], message: Message<'_>) -> Vec<u8> {
    let sign = |server: &usize| {
        let share = &dealt.shares[*server];
        (share.server(), share.sign(&dealt.public, message).unwrap())
    };
    let shares: Vec<_> = servers.iter().map(sign).collect();
    combine(&dealt.public, message, &shares).unwrap()
}

fn openssl_accepts(pem: &str, options: &[&str], signature: &[u8]) -> bool {
    let scratch = Scratch::new();
    let output = Command::new("openssl")
        .args(["dgst", "-sha256"])
        .args(options)
        .arg("-verify")
        .arg(scratch.file("key.pem", pem.as_bytes()))
        .arg("-signature")
        .arg(scratch.file("signature", signature))
        .arg(scratch.file("message", MESSAGE))
        .output()
        .expect("this test needs the `openssl` program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.success(), said.contains("Verified OK"), "{output:?}");
    output.status.success()
}

fn aws_lc_accepts(
    pem: &str,
    algorithm: &'static dyn VerificationAlgorithm,
    signature: &[u8],
) -> bool {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    UnparsedPublicKey::new(algorithm, der).verify(MESSAGE, signature).is_ok()
}

#[test]
fn e2e_two_dealers_make_a_key_of_4096_bits_that_everybody_verifies() {
    let formula = Formula::gate(2, vec![flat(2, 0..3), leaf(3), leaf(4)]).unwrap();
    let plan = Plan::new(Scheme::Rsa4096, 2, &formula, 0).unwrap();
    let dealt = generate(&plan);
    let pem = dealt.public.to_pem();
    let (plain, pss) = (Message::new(MESSAGE), Message::pss(MESSAGE));
    let good = signature(&dealt, &[0, 2, 3], plain);
    assert_eq!((good.len(), good == signature(&dealt, &[3, 4], plain)), (512, true));
    assert!(openssl_accepts(&pem, &[], &good));
    assert!(aws_lc_accepts(&pem, &RSA_PKCS1_2048_8192_SHA256, &good));
    let mut bad = good.clone();
    bad[100] ^= 4;
    assert!(!openssl_accepts(&pem, &[], &bad));
    let good_pss = signature(&dealt, &[1, 2, 4], pss);
    let strict = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
    assert!(openssl_accepts(&pem, &strict, &good_pss));
    assert!(!openssl_accepts(&pem, &strict, &good));
    assert!(aws_lc_accepts(&pem, &RSA_PSS_2048_8192_SHA256, &good_pss));

    // Keys and shares come back from their encodings; proofs hold.
    let public = PublicKey::from_bytes(&dealt.public.to_bytes()).unwrap();
    assert_eq!((&public, public.scheme()), (&dealt.public, Scheme::Rsa4096));
    let share = KeyShare::decode(&dealt.shares[0].encode()).unwrap();
    assert_eq!(share.check(&public), Ok(()));
    let signed = share.sign(&public, MESSAGE).unwrap();
    assert_eq!(signed.to_bytes().len(), public.share_bytes(ServerIndex(0)));
    let proof = share.prove(&public, MESSAGE, &signed, &mut rng()).unwrap();
    let verdict = verify_share(&public, MESSAGE, ServerIndex(0), &signed, Some(&proof));
    assert_eq!(verdict, Ok(()));

    // Handed over to other servers: the same bytes.
    let handover = Handover::reshare(&public, &flat(2, 3..6), 1).unwrap();
    let given: Vec<(ServerIndex, Dealing)> = dealt.shares[3..]
        .iter()
        .map(|own| (own.server(), handover.deal(own, &mut rng()).unwrap()))
        .collect();
    let all: Vec<_> = given.iter().map(|(dealer, (given, _))| (*dealer, given)).collect();
    let moved = handover.public_key(&all).unwrap();
    let share = |server: usize| {
        let part = |(dealer, (given, parts)): &(ServerIndex, Dealing)| {
            let part = &parts[server];
            (*dealer, handover.part(given, part.server(), &part.encode()).unwrap())
        };
        handover.key_share(&moved, None, &given.iter().map(part).collect::<Vec<_>>()).unwrap()
    };
    let moved = Dealt { shares: [0, 1, 2].map(share).into(), public: moved.clone() };
    assert_eq!(signature(&moved, &[1, 2], plain), good);
    assert_eq!(PublicKey::from_bytes(&moved.public.to_bytes()).as_ref(), Ok(&moved.public));
}
