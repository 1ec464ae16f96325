//! Proofs about batches and certificates: each convicts, nothing that was changed does, and what
//! correct servers sign is no proof.

use crate::keys::{self, Keys};
use ally_codec::{Decode, Encode};
use ally_consensus::{
    AllianceId, BatchRef, BlockHash, BlockRef, Context, Digest, Epoch, Height, Law, PolicyDigest,
    Rotation, Sequence, Signed, Unproven, signing_bytes,
};
use ally_log::{Checkpoint, Hash, Origin};
use ally_policy::{FaultModel, ServerIndex, TrustPolicy};
use ally_replica::{
    CERTIFY_SHARE_KIND, CertifyShare, Evidence, SHARE_PROOF_KIND, ShareProof, batch_signing_bytes,
};

const LIAR: ServerIndex = ServerIndex(2);

fn context() -> Context {
    Context { alliance: AllianceId([1; 32]), epoch: Epoch(0), policy: PolicyDigest([2; 32]) }
}

fn verify(evidence: &Evidence) -> Result<(), Unproven> {
    let policy = TrustPolicy::flat(3, 4, FaultModel::Byzantine).expect("a sound policy");
    let organisations = policy.organisations().iter().map(|o| o.servers().to_vec()).collect();
    let (context, rotation) = (context(), Rotation::new(Epoch(0), organisations));
    let law = Law { context: &context, rotation: &rotation, policy: &policy, judge: &Keys };
    evidence.verify(&law, &Keys)
}

fn batch(sequence: u64, salt: u8) -> Signed<BatchRef> {
    let digest = Digest([salt; 32]);
    let body =
        BatchRef { origin: LIAR, sequence: Sequence(sequence), digest, commands: 1, bytes: 9 };
    let signature = keys::sign(LIAR, &batch_signing_bytes(&context(), &body));
    Signed { signer: LIAR, signature, body }
}

fn signed<T: Encode>(kind: &str, body: T) -> Signed<T> {
    let bytes = signing_bytes(&context(), kind, &body.to_bytes());
    Signed { signer: LIAR, signature: keys::sign(LIAR, &bytes), body }
}

fn block(height: u64, salt: u8) -> BlockRef {
    BlockRef { height: Height(height), hash: BlockHash([salt; 32]) }
}

fn right_share(block: BlockRef, log_size: u64) -> Vec<u8> {
    let checkpoint = Checkpoint {
        origin: Origin::new(keys::ORIGIN).expect("an origin"),
        log_size,
        log_root: Hash([3; 32]),
        epoch: 0,
        height: block.height.0,
        block: Hash(block.hash.0),
    };
    keys::share(LIAR, checkpoint.statement().as_bytes())
}

fn share(block: BlockRef, log_size: u64, share: Vec<u8>) -> Signed<CertifyShare> {
    let log_root = Digest([3; 32]);
    signed(CERTIFY_SHARE_KIND, CertifyShare { block, log_size, log_root, share })
}

fn proof(block: BlockRef, proof: Vec<u8>) -> Option<Signed<ShareProof>> {
    Some(signed(SHARE_PROOF_KIND, ShareProof { block, proof }))
}

fn proofs() -> Vec<Evidence> {
    let at = block(1, 1);
    let good = right_share(at, 5);
    vec![
        Evidence::Batches { first: batch(1, 1), second: batch(1, 2) },
        Evidence::Share { share: share(at, 5, vec![0; 32]), proof: proof(at, good.clone()) },
        Evidence::Statements { first: share(at, 5, good.clone()), second: share(at, 6, good) },
    ]
}

#[test]
fn each_kind_convicts_whoever_signed_it_unless_a_bit_is_changed() {
    for proof in proofs() {
        assert_eq!(verify(&proof), Ok(()), "{:?}", proof.kind());
        assert_eq!(proof.culprit(), LIAR);
        let bytes = proof.to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let Ok(changed) = Evidence::from_bytes(&changed) else { continue };
            assert!(verify(&changed).is_err(), "byte {at} changed to {changed:?}");
        }
    }
}

#[test]
fn what_correct_servers_sign_is_no_proof() {
    let (at, above) = (block(1, 1), block(2, 2));
    let good = right_share(at, 5);
    let innocent = [
        Evidence::Batches { first: batch(1, 1), second: batch(2, 2) },
        Evidence::Batches { first: batch(1, 1), second: batch(1, 1) },
        Evidence::Share { share: share(at, 5, good.clone()), proof: proof(at, good.clone()) },
        // Nobody has asked for the proof.
        Evidence::Share { share: share(at, 5, vec![0; 32]), proof: None },
        // It is another block's.
        Evidence::Share { share: share(at, 5, good.clone()), proof: proof(above, vec![0; 32]) },
        Evidence::Statements {
            first: share(at, 5, good.clone()),
            second: share(above, 6, right_share(above, 6)),
        },
        Evidence::Statements { first: share(at, 5, good.clone()), second: share(at, 5, good) },
    ];
    for evidence in innocent {
        assert_eq!(verify(&evidence), Err(Unproven::Innocent), "{evidence:?}");
    }
}
