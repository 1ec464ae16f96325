use super::*;

fn signing(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

#[test]
fn a_key_survives_its_text_form() {
    let public = signing(1).public();
    let text = public.to_string();
    assert_eq!(text.len(), "signing:".len() + 48);
    assert_eq!(text.parse::<SigningPublic>(), Ok(public));
}

#[test]
fn a_key_in_the_wrong_place_is_named() {
    let text = signing(1).public().to_string();
    let error = text.parse::<TransportPublic>().unwrap_err();
    assert_eq!(error.to_string(), "a transport key is needed here, this is a signing key");
}

#[test]
fn relabelling_a_key_does_not_make_it_one_of_the_other_role() {
    let text = signing(1).public().to_string().replace("signing:", "transport:");
    let error = text.parse::<TransportPublic>().unwrap_err();
    assert_eq!(error, KeyTextError::Check { wanted: "transport" });
}

#[test]
fn every_single_wrong_character_is_noticed() {
    let text = signing(2).public().to_string();
    for position in "signing:".len()..text.len() {
        for wrong in ['A', 'b', '9', '-', '=', ' ', 'ü'] {
            let mut characters: Vec<char> = text.chars().collect();
            if characters[position] == wrong {
                continue;
            }
            characters[position] = wrong;
            let wrong_text: String = characters.into_iter().collect();
            assert!(wrong_text.parse::<SigningPublic>().is_err(), "{wrong_text}");
        }
    }
}

#[test]
fn keys_of_small_order_are_refused() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for bytes in [[0; 32], neutral] {
        assert!(SigningPublic::from_bytes(&bytes).is_err());
    }
}

/// RFC 8032, section 7.1, test 2.
#[test]
fn vec_rfc8032() {
    let seed = hex::decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let key = SigningKey::from_seed(&seed.unwrap().try_into().unwrap());
    let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    assert_eq!(hex::encode(key.public().as_bytes()), public);
    let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                     085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    assert_eq!(hex::encode(key.sign(&[0x72])), signature);
    assert!(key.public().verify(&[0x72], &key.sign(&[0x72])));
    assert!(!key.public().verify(&[0x73], &key.sign(&[0x72])));
}
