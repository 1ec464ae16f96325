use super::*;
use crate::key_file::tests::Directory;
use crate::keys::SigningKey;
use ally_policy::{FaultModel, TrustPolicy};
use ally_threshold::{Dealt, Scheme, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn dealt(seed: u8) -> Dealt {
    let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap();
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    deal(Scheme::Bls12381, policy.certify(), 0, &mut rng, &()).unwrap()
}

fn message(result: Result<KeyShare, KeyFileError>) -> String {
    match result {
        Ok(_) => panic!("the file was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_share_comes_back_and_belongs_to_one_server_of_one_key() {
    let directory = Directory::new();
    let path = directory.0.join("certify.share");
    let (key, other) = (dealt(1), dealt(2));
    write_share(&path, KeyPurpose::Certify, "globex-1", &key.shares[1]).unwrap();
    let read = |purpose, server, public| read_share(&path, purpose, ServerIndex(server), public);
    let share = read(KeyPurpose::Certify, 1, &key.public);
    let share = share.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(share.encode(), key.shares[1].encode());
    let error = message(read(KeyPurpose::Certify, 0, &key.public));
    assert!(error.contains("the share of another server (globex-1), not of server 0"), "{error}");
    let error = message(read(KeyPurpose::Certify, 1, &other.public));
    assert!(error.contains("a share of another certify key"), "{error}");
    let error = message(read(KeyPurpose::Kernel, 1, &key.public));
    assert!(error.contains("the certify-share key of globex-1, a kernel-share key"), "{error}");
}

#[test]
fn a_signing_key_is_no_share_and_a_share_no_signing_key() {
    let directory = Directory::new();
    let key = dealt(1);
    let signing = directory.key();
    let error = message(read_share(&signing, KeyPurpose::Certify, ServerIndex(0), &key.public));
    assert!(error.contains("this is the signing key of acme-1"), "{error}");
    let share = directory.0.join("certify.share");
    write_share(&share, KeyPurpose::Certify, "acme-1", &key.shares[0]).unwrap();
    let Err(error) = SigningKey::read(&share) else { panic!("accepted") };
    assert!(error.to_string().contains("a signing key is needed here"), "{error}");
}
