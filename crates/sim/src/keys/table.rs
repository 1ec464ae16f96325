//! Modelled cryptography: signatures and threshold shares that no actor can forge.
//!
//! A signature is a mark over a secret of the world, the signer and the bytes. Only the key table
//! makes marks, and an actor is handed a [`super::Signer`] that holds the keys of its own servers only.
//! Policies are evaluated for real: a threshold signature exists only if the shares that were given
//! satisfy the formula.
//!
//! Marks are fast, not cryptographic: actors do not compute, they ask.

use ally_consensus::{
    Authenticator, BlockRef, CheckpointCertificate, Context, Digest, Judge, Statement,
    signing_bytes,
};
use ally_log::{Checkpoint, Origin};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use ally_replica::{CertifyShare, CombineFailure, checkpoint};
use std::sync::Arc;

/// Length of a mark, bytes.
const MARK: usize = 16;

/// What a server shows for its share; whether it is right follows from the share.
const PROOF: &[u8] = b"proof";

/// All keys of a world.
pub struct KeyTable {
    secret: u64,
    policy: Arc<TrustPolicy>,
    context: Context,
    origin: Origin,
    needs_proofs: bool,
}

impl KeyTable {
    /// The keys of a world with this policy. Shares of the alliance key are judged by themselves, as
    /// with BLS, or, as with RSA, by proofs.
    pub fn new(
        secret: u64,
        policy: Arc<TrustPolicy>,
        context: Context,
        origin: Origin,
        needs_proofs: bool,
    ) -> Self {
        Self { secret, policy, context, origin, needs_proofs }
    }

    /// A server's signature.
    pub(super) fn sign(&self, server: ServerIndex, bytes: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature[..MARK].copy_from_slice(&self.mark(Kind::Signature, server.0, bytes));
        signature
    }

    /// A server's share on a statement.
    pub(super) fn statement_share(
        &self,
        server: ServerIndex,
        context: &Context,
        statement: &Statement,
    ) -> Vec<u8> {
        self.share(server, &statement_bytes(context, statement)).to_vec()
    }

    /// A server's share of the alliance key on a checkpoint.
    pub(super) fn certify_share(&self, server: ServerIndex, checkpoint: &Checkpoint) -> Vec<u8> {
        self.share(server, checkpoint.statement().as_bytes()).to_vec()
    }

    /// A server's proof of its share.
    pub(super) fn prove(&self) -> Vec<u8> {
        PROOF.to_vec()
    }

    /// A certificate as it may exist under another epoch or policy.
    pub(super) fn foreign_certificate(&self, context: &Context, statement: &Statement) -> Vec<u8> {
        assert_ne!(*context, self.context, "a certificate that nobody can make");
        self.mark(Kind::Statement, 0, &statement_bytes(context, statement)).to_vec()
    }

    /// The same on a block and its log.
    pub(super) fn foreign_checkpoint(&self, checkpoint: &Checkpoint) -> Vec<u8> {
        assert_ne!(checkpoint.epoch, self.context.epoch.0, "nobody can make it");
        self.mark(Kind::Checkpoint, 0, checkpoint.statement().as_bytes()).to_vec()
    }

    /// Whether a share is wrong beyond doubt.
    pub(super) fn is_wrong(
        &self,
        context: &Context,
        server: ServerIndex,
        share: &CertifyShare,
        proof: Option<&[u8]>,
    ) -> bool {
        let checkpoint = self.checkpoint_of(context, share.block, share.log_size, share.log_root);
        let judged = proof.is_some() || !self.needs_proofs;
        judged && !self.is_share(server, &checkpoint, &share.share)
    }

    /// Combines shares on a statement: the signature, or the servers whose shares are bad.
    pub fn combine(
        &self,
        context: &Context,
        statement: &Statement,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<Vec<u8>, ServerSet> {
        let bytes = statement_bytes(context, statement);
        let enough = |givers: &ServerSet| match statement {
            Statement::NewView { .. } => self.policy.is_kernel(givers),
            Statement::Commit { .. } => self.policy.is_quorum(givers),
        };
        self.judge(&bytes, shares, enough)?;
        Ok(self.mark(Kind::Statement, 0, &bytes).to_vec())
    }

    /// The alliance's signature on a checkpoint, or what is wrong with the shares.
    pub fn certify(
        &self,
        checkpoint: &Checkpoint,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<Vec<u8>, CombineFailure> {
        let statement = checkpoint.statement();
        let enough = |givers: &ServerSet| self.policy.is_certify_set(givers);
        self.judge(statement.as_bytes(), shares, enough).map_err(|culprits| {
            match self.needs_proofs {
                true => CombineFailure::Inconsistent,
                false => CombineFailure::Culprits(culprits),
            }
        })?;
        Ok(self.mark(Kind::Checkpoint, 0, statement.as_bytes()).to_vec())
    }

    /// Whether a share of the alliance key on a checkpoint is right.
    pub fn is_share(&self, server: ServerIndex, checkpoint: &Checkpoint, share: &[u8]) -> bool {
        share == self.share(server, checkpoint.statement().as_bytes())
    }

    /// Whether these shares combine to a signature: the first ones that are enough are used, as they
    /// are, and only when one of these is bad is each looked at. Then it says whose are.
    fn judge(
        &self,
        bytes: &[u8],
        shares: &[(ServerIndex, Vec<u8>)],
        enough: impl Fn(&ServerSet) -> bool,
    ) -> Result<(), ServerSet> {
        let bad = shares.iter().filter(|(server, share)| *share != self.share(*server, bytes));
        let bad: ServerSet = bad.map(|(server, _)| *server).collect();
        let mut used = ServerSet::EMPTY;
        for (server, _) in shares {
            used.insert(*server);
            if enough(&used) {
                let is_good = used.intersection(&bad).is_empty();
                return if is_good { Ok(()) } else { Err(bad) };
            }
        }
        Err(bad)
    }

    fn share(&self, server: ServerIndex, bytes: &[u8]) -> [u8; MARK] {
        self.mark(Kind::Share, server.0, bytes)
    }

    /// Two lanes of folded multiplications over eight bytes at a time.
    fn mark(&self, kind: Kind, signer: u16, bytes: &[u8]) -> [u8; MARK] {
        const LANES: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];
        let start = fold(self.secret, LANES[1]) ^ (u64::from(signer) << 8 | kind as u64);
        let mut state = LANES.map(|lane| fold(start, lane));
        let mut words = bytes.chunks_exact(8);
        let mut absorb = |word: u64| {
            for (state, lane) in state.iter_mut().zip(LANES) {
                *state = fold(*state ^ word, lane);
            }
        };
        for word in &mut words {
            absorb(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        }
        let mut rest = [0; 8];
        rest[..words.remainder().len()].copy_from_slice(words.remainder());
        absorb(u64::from_le_bytes(rest));
        absorb(bytes.len() as u64);
        let mut mark = [0; MARK];
        mark[..8].copy_from_slice(&state[0].to_le_bytes());
        mark[8..].copy_from_slice(&state[1].to_le_bytes());
        mark
    }

    fn checkpoint_of(
        &self,
        context: &Context,
        block: BlockRef,
        log_size: u64,
        log_root: Digest,
    ) -> Checkpoint {
        checkpoint(&self.origin, context.epoch, block, log_size, log_root)
    }
}

/// What a mark stands for.
#[derive(Clone, Copy)]
enum Kind {
    Signature = 1,
    Share = 2,
    Statement = 3,
    Checkpoint = 4,
}

fn fold(word: u64, by: u64) -> u64 {
    let product = u128::from(word ^ by.rotate_left(23)) * u128::from(by);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Authenticator for KeyTable {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        signature[..MARK] == self.mark(Kind::Signature, signer.0, bytes)
            && signature[MARK..].iter().all(|byte| *byte == 0)
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        signature == self.mark(Kind::Statement, 0, &statement_bytes(context, statement))
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        let CheckpointCertificate { block, log_size, log_root, .. } = *certificate;
        let statement = self.checkpoint_of(context, block, log_size, log_root).statement();
        certificate.signature == self.mark(Kind::Checkpoint, 0, statement.as_bytes())
    }

    fn share_bytes_max(&self, _: ServerIndex, _: &Statement) -> usize {
        MARK
    }
}

impl Judge for KeyTable {
    fn statement_share(
        &self,
        context: &Context,
        statement: &Statement,
        server: ServerIndex,
        share: &[u8],
    ) -> bool {
        share == self.share(server, &statement_bytes(context, statement))
    }
}

fn statement_bytes(context: &Context, statement: &Statement) -> Vec<u8> {
    signing_bytes(context, statement.kind(), &statement.content())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::{AllianceId, BlockHash, Epoch, Height, PolicyDigest, View};
    use ally_policy::FaultModel;

    const CONTEXT: Context =
        Context { alliance: AllianceId([1; 32]), epoch: Epoch(0), policy: PolicyDigest([2; 32]) };

    fn table(secret: u64) -> KeyTable {
        let policy = Arc::new(TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap());
        KeyTable::new(secret, policy, CONTEXT, Origin::new("example.org/sim").unwrap(), false)
    }

    #[test]
    fn one_bad_share_among_those_used_makes_a_bad_signature() {
        let keys = table(1);
        let block = BlockRef { height: Height(1), hash: BlockHash([3; 32]) };
        let statement = Statement::NewView { view: View(1), tip: block };
        let share = |server| {
            let server = ServerIndex(server);
            (server, keys.statement_share(server, &CONTEXT, &statement))
        };
        let bad = |server| (ServerIndex(server), vec![0; MARK]);
        let combine = |shares: &[_]| keys.combine(&CONTEXT, &statement, shares);
        assert!(combine(&[share(0), share(2)]).is_ok(), "a kernel");
        assert_eq!(combine(&[bad(0), share(1), share(2)]), Err(ServerSet::first(1)));
        assert!(combine(&[share(0), share(1), bad(2)]).is_ok(), "the bad one is not used");
        assert_eq!(combine(&[share(0)]), Err(ServerSet::EMPTY), "too few");
    }

    #[test]
    fn marks_depend_on_everything() {
        let keys = table(1);
        let mut marks = vec![
            keys.mark(Kind::Signature, 0, b"a"),
            keys.mark(Kind::Share, 0, b"a"),
            keys.mark(Kind::Signature, 1, b"a"),
            keys.mark(Kind::Signature, 0, b"b"),
            keys.mark(Kind::Signature, 0, b"a\0"),
            keys.mark(Kind::Signature, 0, b"aaaaaaaa"),
            keys.mark(Kind::Signature, 0, b"aaaaaaaaa"),
            table(2).mark(Kind::Signature, 0, b"a"),
        ];
        let count = marks.len();
        marks.sort_unstable();
        marks.dedup();
        assert_eq!(marks.len(), count);
    }
}
