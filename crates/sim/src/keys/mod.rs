//! All keys of a world: modelled ones, or in some runs the real ones.

mod real;
mod table;
mod test_rsa;

pub use real::RealKeys;
pub use table::KeyTable;

use crate::scenario::{Cryptography, Scenario};
use ally_byzantine::Keys;
use ally_consensus::{Authenticator, CheckpointCertificate, Context, Judge, Statement};
use ally_log::{Checkpoint, Origin};
use ally_policy::{ServerIndex, ServerSet, TrustPolicy};
use ally_replica::{CertifyJudge, CertifyShare, CombineFailure};
use std::sync::Arc;

/// What liars show where keys of another epoch would have to have signed: there are none.
const NO_SIGNATURE: [u8; 48] = [7; 48];

/// All keys of a world.
pub enum AllKeys {
    /// Modelled.
    Table(KeyTable),
    /// The server's own.
    Real(Arc<RealKeys>),
}

/// The keys of some servers: of one honest server, or of a coalition.
#[derive(Clone)]
pub struct Signer {
    keys: Arc<AllKeys>,
    servers: ServerSet,
}

impl AllKeys {
    /// The keys of a world.
    pub fn of(
        scenario: &Scenario,
        policy: &Arc<TrustPolicy>,
        context: Context,
        origin: &Origin,
    ) -> Arc<Self> {
        let rsa = scenario.cryptography == Cryptography::Rsa;
        Arc::new(match scenario.cryptography {
            Cryptography::Table => {
                // Half of the worlds blame as BLS does, the others, as RSA, need proofs first.
                let needs_proofs = !scenario.seed.is_multiple_of(2);
                let secret = scenario.seed ^ 0x5eed;
                let (policy, origin) = (Arc::clone(policy), origin.clone());
                Self::Table(KeyTable::new(secret, policy, context, origin, needs_proofs))
            }
            Cryptography::Bls | Cryptography::Rsa => {
                Self::Real(RealKeys::of(policy, context, origin, rsa))
            }
        })
    }

    /// The keys of `servers` only.
    pub fn signer(self: &Arc<Self>, servers: ServerSet) -> Signer {
        Signer { keys: Arc::clone(self), servers }
    }

    /// Combines shares on a statement: the signature, or the servers whose shares are bad.
    pub fn combine(
        &self,
        context: &Context,
        statement: &Statement,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<Vec<u8>, ServerSet> {
        match self {
            Self::Table(table) => table.combine(context, statement, shares),
            Self::Real(real) => real.public.combine_statement(statement, shares),
        }
    }

    /// The alliance's signature on a checkpoint, or what is wrong with the shares.
    pub fn certify(
        &self,
        checkpoint: &Checkpoint,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Result<Vec<u8>, CombineFailure> {
        match self {
            Self::Table(table) => table.certify(checkpoint, shares),
            Self::Real(real) => real.public.combine_certificate(checkpoint, shares),
        }
    }

    /// Whether a share of the alliance key is right, in the light of its proof.
    pub fn is_share(
        &self,
        server: ServerIndex,
        checkpoint: &Checkpoint,
        share: &[u8],
        proof: &[u8],
    ) -> bool {
        match self {
            Self::Table(table) => table.is_share(server, checkpoint, share),
            Self::Real(real) => real.public.certify_share_holds(checkpoint, server, share, proof),
        }
    }
}

impl Signer {
    /// A server's proof that its share of the alliance key on a checkpoint is right.
    pub fn prove(&self, server: ServerIndex, checkpoint: &Checkpoint, share: &[u8]) -> Vec<u8> {
        match self.keys_of(server) {
            AllKeys::Table(table) => table.prove(),
            AllKeys::Real(real) => real.prove(server, checkpoint, share),
        }
    }

    fn keys_of(&self, server: ServerIndex) -> &AllKeys {
        assert!(self.servers.contains(server), "{server}'s key is not in these hands");
        &self.keys
    }
}

impl Keys for Signer {
    fn servers(&self) -> &ServerSet {
        &self.servers
    }

    fn sign(&self, server: ServerIndex, bytes: &[u8]) -> [u8; 64] {
        match self.keys_of(server) {
            AllKeys::Table(table) => table.sign(server, bytes),
            AllKeys::Real(real) => real.sign(server, bytes),
        }
    }

    fn share(&self, server: ServerIndex, context: &Context, statement: &Statement) -> Vec<u8> {
        match self.keys_of(server) {
            AllKeys::Table(table) => table.statement_share(server, context, statement),
            AllKeys::Real(real) => real.share(server, statement),
        }
    }

    fn combine(
        &self,
        context: &Context,
        statement: &Statement,
        shares: &[(ServerIndex, Vec<u8>)],
    ) -> Option<Vec<u8>> {
        self.keys.combine(context, statement, shares).ok()
    }

    fn certify_share(&self, server: ServerIndex, checkpoint: &Checkpoint) -> Vec<u8> {
        match self.keys_of(server) {
            AllKeys::Table(table) => table.certify_share(server, checkpoint),
            AllKeys::Real(real) => real.certify_share(server, checkpoint),
        }
    }

    fn foreign_certificate(&self, context: &Context, statement: &Statement) -> Vec<u8> {
        match &*self.keys {
            AllKeys::Table(table) => table.foreign_certificate(context, statement),
            AllKeys::Real(_) => NO_SIGNATURE.to_vec(),
        }
    }

    fn foreign_checkpoint(&self, checkpoint: &Checkpoint) -> Vec<u8> {
        match &*self.keys {
            AllKeys::Table(table) => table.foreign_checkpoint(checkpoint),
            AllKeys::Real(_) => NO_SIGNATURE.to_vec(),
        }
    }
}

impl Authenticator for AllKeys {
    fn signature(&self, signer: ServerIndex, bytes: &[u8], signature: &[u8; 64]) -> bool {
        match self {
            Self::Table(table) => table.signature(signer, bytes, signature),
            Self::Real(real) => real.public.signature(signer, bytes, signature),
        }
    }

    fn statement(&self, context: &Context, statement: &Statement, signature: &[u8]) -> bool {
        match self {
            Self::Table(table) => table.statement(context, statement, signature),
            Self::Real(real) => real.public.statement(context, statement, signature),
        }
    }

    fn checkpoint(&self, context: &Context, certificate: &CheckpointCertificate) -> bool {
        match self {
            Self::Table(table) => table.checkpoint(context, certificate),
            Self::Real(real) => Authenticator::checkpoint(&real.public, context, certificate),
        }
    }

    fn share_bytes_max(&self, signer: ServerIndex, statement: &Statement) -> usize {
        match self {
            Self::Table(table) => table.share_bytes_max(signer, statement),
            Self::Real(real) => real.public.share_bytes_max(signer, statement),
        }
    }
}

impl Judge for AllKeys {
    fn statement_share(
        &self,
        context: &Context,
        statement: &Statement,
        server: ServerIndex,
        share: &[u8],
    ) -> bool {
        match self {
            Self::Table(table) => share == table.statement_share(server, context, statement),
            Self::Real(real) => real.public.statement_share(context, statement, server, share),
        }
    }
}

impl CertifyJudge for AllKeys {
    fn is_wrong(
        &self,
        context: &Context,
        server: ServerIndex,
        share: &CertifyShare,
        proof: Option<&[u8]>,
    ) -> bool {
        match self {
            Self::Table(table) => table.is_wrong(context, server, share, proof),
            Self::Real(real) => real.public.is_wrong(context, server, share, proof),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::{AllianceId, Epoch, PolicyDigest};
    use ally_policy::FaultModel;

    #[test]
    #[should_panic(expected = "not in these hands")]
    fn nobody_signs_with_anothers_key() {
        let policy = Arc::new(TrustPolicy::flat(3, 4, FaultModel::Byzantine).unwrap());
        let context = Context {
            alliance: AllianceId([1; 32]),
            epoch: Epoch(0),
            policy: PolicyDigest(policy.digest()),
        };
        let origin = Origin::new("example.org/sim").unwrap();
        let table = KeyTable::new(1, policy, context, origin, false);
        let keys = Arc::new(AllKeys::Table(table));
        keys.signer(ServerSet::first(1)).sign(ServerIndex(1), b"a");
    }
}
