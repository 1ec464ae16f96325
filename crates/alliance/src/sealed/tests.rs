use super::*;
use crate::keys::SigningKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// Sealed with `correct horse` by age 1.1.1, the program that the format is from.
const BY_OTHERS: &str = include_str!("by_age.hex");

fn passphrase() -> Passphrase {
    Passphrase::new(b"correct horse\n")
}

fn sealed(text: &[u8]) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(text.len() as u64);
    age::seal(text, &passphrase(), &mut rng).unwrap()
}

#[test]
fn what_is_sealed_is_opened_with_its_passphrase_only() {
    for length in [0, 1, 1000, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let text: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let sealed = sealed(&text);
        assert!(is_sealed(&sealed));
        assert_eq!(open(&sealed, &passphrase()).unwrap().as_slice(), text);
        let other = Passphrase::new(b"correct horse ");
        assert_eq!(open(&sealed, &other), Err(SealedFileError::Passphrase));
    }
}

#[test]
fn what_another_program_sealed_is_opened() {
    let bytes = hex::decode(BY_OTHERS.split_whitespace().collect::<String>()).unwrap();
    assert_eq!(open(&bytes, &passphrase()).unwrap().as_slice(), b"a key that age sealed\n");
}

#[test]
fn nothing_can_be_changed_cut_off_or_put_behind() {
    let sealed = sealed(b"secret");
    for at in 0..sealed.len() {
        for change in [1, 0x20, 0x80] {
            let mut changed = sealed.clone();
            changed[at] ^= change;
            assert!(open(&changed, &passphrase()).is_err(), "byte {at}");
        }
        assert!(open(&sealed[..at], &passphrase()).is_err(), "cut at {at}");
    }
    assert!(open(&[&sealed[..], b"x"].concat(), &passphrase()).is_err());
    // Whole pieces cannot be left out or put elsewhere either.
    let text = vec![7; 3 * 65_536];
    let long = self::sealed(&text);
    let piece = 65_536 + 16;
    let start = long.len() - 3 * piece;
    assert!(open(&long[..start + 2 * piece], &passphrase()).is_err());
    let mut swapped = long.clone();
    swapped[start..start + 2 * piece].rotate_left(piece);
    assert!(open(&swapped, &passphrase()).is_err());
}

#[test]
fn a_file_cannot_ask_for_more_work_than_there_may_be() {
    let sealed = sealed(b"secret");
    let text = String::from_utf8_lossy(&sealed).into_owned();
    assert!(text.contains(" 4\n"));
    for work in ["21", "63", "99", "255", "04", "+4", "", "-1"] {
        let at = text.find(" 4\n").unwrap();
        let asks = [&sealed[..at + 1], work.as_bytes(), &sealed[at + 2..]].concat();
        assert_eq!(open(&asks, &passphrase()), Err(SealedFileError::Kind), "{work}");
    }
}

#[test]
fn a_key_file_is_sealed_in_place_and_the_seal_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.key");
    let key = SigningKey::from_seed(&[7; 32]);
    key.write(&path, "acme-1").unwrap();
    let plain = std::fs::read(&path).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    seal_file(&path, &passphrase(), &mut rng).unwrap();
    assert!(is_sealed_file(&path).unwrap());
    let found = std::fs::read(&path).unwrap();
    assert!(!String::from_utf8_lossy(&found).contains("secret "), "nothing shows");
    let already = seal_file(&path, &passphrase(), &mut rng).unwrap_err();
    assert!(already.to_string().contains("sealed already"), "{already}");
    // Nobody says the passphrase here.
    let refused = SigningKey::read(&path).err().unwrap();
    assert!(refused.to_string().contains("ALLY_PASSPHRASE_FILE"), "{refused}");
    let wrong = unseal_file(&path, &Passphrase::new(b"wrong")).unwrap_err();
    assert!(wrong.to_string().contains("another passphrase"), "{wrong}");
    unseal_file(&path, &passphrase()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), plain);
    assert_eq!(SigningKey::read(&path).unwrap().public(), key.public());
    let not = unseal_file(&path, &passphrase()).unwrap_err();
    assert!(not.to_string().contains("not sealed"), "{not}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
}
