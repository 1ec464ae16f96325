//! The ceremony in which an alliance is founded: its three keys at once.

use ally_alliance::{AllianceDocument, Founding, KeyMismatch, KeyPurpose, ThresholdKeys};
use ally_policy::ServerIndex;
use ally_threshold::{Plan, PlanError, PublicKey, Scheme};

use crate::proposal::{KeyTask, Participant, Proposal, ProposalError};
use crate::task::Task;

/// Why an alliance cannot be founded as proposed. Whoever wrote the proposal is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoundingError {
    /// A key of this scheme cannot be dealt so.
    #[error("the {purpose} key cannot be dealt: {error}")]
    Plan {
        /// Which key.
        purpose: KeyPurpose,
        /// Why.
        error: PlanError,
    },
    /// Who takes part, or who deals, will not do.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
}

/// The ceremony that makes the keys of a new alliance: the one for checkpoints in the scheme of the
/// proposal, by its dealers; the two that stay among servers in BLS, by all servers.
///
/// # Errors
/// [`FoundingError`].
pub fn found(founding: &Founding) -> Result<Proposal, FoundingError> {
    let draft = founding.draft();
    let policy = draft.policy();
    let everybody: Vec<_> = (0..policy.server_count()).map(|at| ServerIndex(at as u16)).collect();
    let key = |purpose: KeyPurpose| {
        let (scheme, dealers) = match (purpose, founding.scheme()) {
            (KeyPurpose::Certify, scheme) if scheme != Scheme::Bls12381 => {
                (scheme, founding.dealers().to_vec())
            }
            _ => (Scheme::Bls12381, everybody.clone()),
        };
        let moduli = if scheme == Scheme::Bls12381 { 1 } else { dealers.len() as u8 };
        let plan = Plan::new(scheme, moduli, purpose.formula(policy), draft.epoch().0);
        let plan = plan.map_err(|error| FoundingError::Plan { purpose, error })?;
        Ok::<_, FoundingError>(KeyTask {
            name: purpose.name().to_owned(),
            task: Task::Generate(plan),
            dealers,
        })
    };
    let keys = KeyPurpose::ALL.into_iter().map(key).collect::<Result<_, _>>()?;
    let servers = draft.organisations().iter().flat_map(|member| member.servers());
    let participants = servers
        .map(|server| Participant { name: server.name().to_owned(), signing: *server.signing() })
        .collect();
    let honest = policy.kernel().clone();
    Ok(Proposal::new(founding.subject(), founding.round(), participants, honest, keys)?)
}

/// The alliance document with the keys that a founding ceremony came to, for members to sign.
///
/// # Errors
/// [`KeyMismatch`] if the keys are those of another ceremony.
pub fn founded(founding: &Founding, keys: &[PublicKey]) -> Result<AllianceDocument, KeyMismatch> {
    let key = |purpose: KeyPurpose| {
        let at = KeyPurpose::ALL.iter().position(|one| *one == purpose).unwrap_or_default();
        keys.get(at).cloned().ok_or(KeyMismatch::Formula(purpose))
    };
    let keys = ThresholdKeys {
        certify: key(KeyPurpose::Certify)?,
        kernel: key(KeyPurpose::Kernel)?,
        quorum: key(KeyPurpose::Quorum)?,
    };
    founding.draft().clone().seal(keys)
}
