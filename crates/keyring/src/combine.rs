//! Shares to signatures, and errors to blame.

use ally_codec::Decode;
use ally_policy::{ServerIndex, ServerSet};
use ally_replica::CombineFailure;
use ally_threshold::{CombineError, PublicKey, ShareProof, SignatureShare, combine, verify_share};

/// Combines shares of contributors who satisfy the key's formula.
///
/// # Errors
/// [`CombineFailure`]: some of the shares are wrong.
///
/// # Panics
/// If the contributors do not satisfy the formula. They are counted by the policy's formulas, which
/// are the keys' (the document was checked for that): that they do not is this server's fault, and to
/// ask anybody for proofs, as for a wrong share, would accuse the others of it.
pub(crate) fn combine_shares(
    key: &PublicKey,
    message: &[u8],
    shares: &[(ServerIndex, Vec<u8>)],
) -> Result<Vec<u8>, CombineFailure> {
    let mut decoded = Vec::with_capacity(shares.len());
    let mut culprits = ServerSet::EMPTY;
    for (server, share) in shares {
        match SignatureShare::from_bytes(share) {
            Ok(share) => decoded.push((*server, share)),
            Err(_) => {
                culprits.insert(*server);
            }
        }
    }
    if !culprits.is_empty() {
        return Err(CombineFailure::Culprits(culprits));
    }
    combine(key, message, &decoded).map_err(|error| match error {
        CombineError::Refused { culprits } => {
            CombineFailure::Culprits(culprits.into_iter().map(|(server, _)| server).collect())
        }
        CombineError::Inconsistent { .. } => CombineFailure::Inconsistent,
        own => panic!("shares that cannot make a signature were to be combined: {own}"),
    })
}

/// Whether a share is the server's on the message, given its proof (empty if it needs none).
pub(crate) fn share_holds(
    key: &PublicKey,
    message: &[u8],
    server: ServerIndex,
    share: &[u8],
    proof: &[u8],
) -> bool {
    let Ok(share) = SignatureShare::from_bytes(share) else { return false };
    let proof = ShareProof::from_bytes(proof).ok();
    verify_share(key, message, server, &share, proof.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_codec::Encode;
    use ally_policy::Formula;
    use ally_threshold::{KeyShare, Scheme, deal};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// A key of two out of three, and everybody's share on a message.
    fn two_of_three() -> (PublicKey, Vec<(ServerIndex, Vec<u8>)>) {
        let leaves = (0..3).map(|index| Formula::Leaf(ServerIndex(index))).collect();
        let formula = Formula::gate(2, leaves).expect("2 of 3");
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let dealt = deal(Scheme::Bls12381, &formula, 0, &mut rng, &()).expect("dealt");
        let share = |own: &KeyShare| own.sign(&dealt.public, b"message").expect("ours").to_bytes();
        let shares = dealt.shares.iter().map(|own| (own.server(), share(own))).collect();
        (dealt.public, shares)
    }

    #[test]
    fn shares_of_a_quorum_combine_and_wrong_ones_name_who_gave_them() {
        let (key, mut shares) = two_of_three();
        let signature = combine_shares(&key, b"message", &shares[..2]).expect("a quorum");
        assert!(key.verify(b"message", &signature));
        shares[1].1 = shares[2].1.clone();
        let failure = combine_shares(&key, b"message", &shares[..2]).expect_err("a wrong share");
        assert_eq!(failure, CombineFailure::Culprits([ServerIndex(1)].into_iter().collect()));
    }

    #[test]
    #[should_panic = "not enough shares"]
    fn too_few_shares_are_nobody_elses_fault() {
        let (key, shares) = two_of_three();
        _ = combine_shares(&key, b"message", &shares[..1]);
    }
}
