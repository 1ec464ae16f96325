//! What becomes of one key: it is made, or handed over. The same to a ceremony.

use ally_codec::DecodeError;
use ally_policy::{Formula, ServerIndex};
use ally_threshold::{
    Contribution, Dealing, Handover, KeyShare, PartFault, Plan, PlanError, Progress, PublicKey,
    SecretPart,
};
use rand_core::CryptoRng;

/// What becomes of one key.
#[derive(Clone)]
pub enum Task {
    /// A key that was not there before.
    Generate(Plan),
    /// New shares of a key that is there.
    Handover(Handover),
}

/// Why a dealer has nothing to give. It is this participant's own fault, or wish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnDealError {
    /// The key could not be dealt.
    #[error(transparent)]
    Deal(#[from] ally_threshold::DealError),
    /// To hand over a key takes the old share of it.
    #[error("the old share of this key is needed to deal new ones, and it was not given")]
    NoShare,
}

impl Task {
    /// Everything that the task says, in 32 bytes.
    pub(crate) fn digest(&self) -> [u8; 32] {
        match self {
            Self::Generate(plan) => plan.digest(),
            Self::Handover(handover) => handover.digest(),
        }
    }

    /// Who will hold shares, and which of them sign.
    pub fn formula(&self) -> &Formula {
        match self {
            Self::Generate(plan) => plan.formula(),
            Self::Handover(handover) => handover.formula(),
        }
    }

    /// How many dealers it takes, if it takes a certain number.
    pub(crate) fn dealers(&self) -> Option<usize> {
        match self {
            Self::Generate(plan) => plan.moduli().map(usize::from),
            Self::Handover(_) => None,
        }
    }

    pub(crate) fn deal(
        &self,
        own: Option<&KeyShare>,
        rng: &mut impl CryptoRng,
        progress: &dyn Progress,
    ) -> Result<Dealing, OwnDealError> {
        match self {
            Self::Generate(plan) => Ok(plan.deal(rng, progress)?),
            Self::Handover(handover) => Ok(handover.deal(own.ok_or(OwnDealError::NoShare)?, rng)?),
        }
    }

    pub(crate) fn contribution(
        &self,
        dealer: ServerIndex,
        bytes: &[u8],
    ) -> Result<Contribution, DecodeError> {
        match self {
            Self::Generate(plan) => plan.contribution(bytes),
            Self::Handover(handover) => handover.contribution(dealer, bytes),
        }
    }

    pub(crate) fn part(
        &self,
        contribution: &Contribution,
        server: ServerIndex,
        bytes: &[u8],
    ) -> Result<SecretPart, PartFault> {
        match self {
            Self::Generate(plan) => plan.part(contribution, server, bytes),
            Self::Handover(handover) => handover.part(contribution, server, bytes),
        }
    }

    pub(crate) fn public_key(
        &self,
        contributions: &[(ServerIndex, &Contribution)],
    ) -> Result<PublicKey, PlanError> {
        match self {
            Self::Generate(plan) => {
                let contributions: Vec<_> =
                    contributions.iter().map(|(_, contribution)| *contribution).collect();
                plan.public_key(&contributions)
            }
            Self::Handover(handover) => handover.public_key(contributions),
        }
    }

    pub(crate) fn key_share(
        &self,
        public: &PublicKey,
        own: Option<&KeyShare>,
        parts: Vec<(ServerIndex, SecretPart)>,
    ) -> Result<KeyShare, PlanError> {
        match self {
            Self::Generate(plan) => {
                let parts: Vec<_> = parts.into_iter().map(|(_, part)| part).collect();
                plan.key_share(public, &parts)
            }
            Self::Handover(handover) => handover.key_share(public, own, &parts),
        }
    }
}
