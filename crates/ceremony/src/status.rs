//! How far a ceremony has come, as everybody sees it.

use ally_codec::Decode;
use ally_policy::{ServerIndex, ServerSet};
use ally_threshold::{PlanError, PublicKey, ShareProof, SignatureShare, combine, verify_share};

use crate::board::Board;
use crate::judgement::{DealerFault, Judgement};
use crate::proposal::{CeremonyId, KeyTask};
use crate::record::Stage;

/// How far a ceremony has come.
#[derive(Debug)]
#[non_exhaustive]
pub enum Status {
    /// Others have to publish first.
    Waiting {
        /// The stage that is not complete.
        stage: Stage,
        /// Who has not published in it.
        missing: ServerSet,
    },
    /// It will not come to an end; a new one has to be proposed.
    Failed(Failure),
    /// The keys are made, and everybody has signed with them.
    Complete(Outcome),
}

/// Why a ceremony came to nothing, and because of whom.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A participant gave up.
    #[error("server {by} gave up: {reason}")]
    Aborted {
        /// Who.
        by: ServerIndex,
        /// What it says why.
        reason: String,
    },
    /// A participant signed two different records of one stage.
    #[error("server {by} published two different records of one stage")]
    Equivocation {
        /// Who.
        by: ServerIndex,
    },
    /// A participant has seen other records of the stages before than are here. Either it or the
    /// author of one of these told different people different things; put all copies of the board
    /// together, and who did will show.
    #[error("server {by} answers to other records than those that are here")]
    Diverged {
        /// Whose record does not fit.
        by: ServerIndex,
        /// In which stage it was published.
        stage: Stage,
    },
    /// So many dealers of a key lied that none of the rest need be honest, or one did that the key
    /// cannot do without.
    #[error("the key `{key}` cannot be made: {}", list(faults))]
    Dealers {
        /// Which key.
        key: String,
        /// Who did what.
        faults: Vec<(ServerIndex, DealerFault)>,
    },
    /// What the dealers gave does not make a key.
    #[error("the key `{key}` cannot be made: {error}")]
    Key {
        /// Which key.
        key: String,
        /// Why.
        error: PlanError,
    },
    /// A participant signed wrongly with its new share.
    #[error("server {by} did not sign rightly with its share of the key `{key}`: {reason}")]
    Confirmation {
        /// Which key.
        key: String,
        /// Who.
        by: ServerIndex,
        /// What is wrong.
        reason: String,
    },
    /// All shares of the test signature are proven right, and yet it is wrong: the dealers of the
    /// modulus made numbers that nobody could see were wrong.
    #[error(
        "the key `{key}` does not sign although every share of the signature is right: its dealers are to blame"
    )]
    Unsound {
        /// Which key.
        key: String,
    },
}

/// What came out.
#[derive(Debug)]
pub struct Outcome {
    /// The keys, in the order of the proposal.
    pub keys: Vec<PublicKey>,
    /// The signature by each key on [`test_message`].
    pub signatures: Vec<Vec<u8>>,
    /// The dealers whose contributions were left out, and why.
    pub disqualified: Vec<(ServerIndex, DealerFault)>,
    /// Who complained about whom without cause.
    pub false_complaints: Vec<(ServerIndex, ServerIndex)>,
}

/// What the new key with this number signs to show that it can: nothing that means anything elsewhere.
pub fn test_message(ceremony: CeremonyId, key: usize) -> Vec<u8> {
    let number = (key as u16).to_le_bytes();
    [&b"ally/v1/ceremony-test"[..], &ceremony.0, &number].concat()
}

impl Board {
    /// How far the ceremony has come.
    ///
    /// # Cost
    /// Everything that is published is checked: for RSA keys some exponentiations for each dealer and
    /// each share.
    pub fn status(&self) -> Status {
        match self.settled() {
            Ok(outcome) => Status::Complete(outcome),
            Err(status) => *status,
        }
    }

    fn settled(&self) -> Result<Outcome, Box<Status>> {
        self.reached(Stage::Confirmation)?;
        let judgement = Judgement::of(self);
        let keys = self.keys(&judgement).map_err(failed)?;
        self.complete(Stage::Confirmation)?;
        let signatures = self.signatures(&keys).map_err(failed)?;
        Ok(Outcome {
            keys,
            signatures,
            disqualified: judgement.faults.into_iter().collect(),
            false_complaints: judgement.false_complaints,
        })
    }

    /// That nobody has given up, and that all stages before `stage` are complete and fit together.
    pub(crate) fn reached(&self, stage: Stage) -> Result<(), Box<Status>> {
        if let Some([record, _]) = self.conflict() {
            return Err(failed(Failure::Equivocation { by: record.author() }));
        }
        if let Some((by, reason)) = self.abort() {
            return Err(failed(Failure::Aborted { by, reason: reason.to_owned() }));
        }
        let earlier = [Stage::Hello, Stage::Dealing, Stage::Verdict];
        earlier.into_iter().filter(|at| *at < stage).try_for_each(|at| self.complete(at))
    }

    /// That everybody has published in this stage, having seen the same before.
    fn complete(&self, stage: Stage) -> Result<(), Box<Status>> {
        let missing = self.missing(stage);
        if !missing.is_empty() {
            return Err(Box::new(Status::Waiting { stage, missing }));
        }
        let expected = self.digest_before(stage);
        let seen = |author| match stage {
            Stage::Dealing => self.dealing(author).map(|record| record.before),
            Stage::Verdict => self.verdict(author).map(|record| record.before),
            Stage::Confirmation => self.confirmation(author).map(|record| record.before),
            Stage::Hello | Stage::Abort => None,
        };
        let diverged =
            |author: &ServerIndex| seen(*author).is_some_and(|before| before != expected);
        match self.proposal().everybody().iter().find(diverged) {
            Some(by) => Err(failed(Failure::Diverged { by, stage })),
            None => Ok(()),
        }
    }

    /// The public keys, once all verdicts are in.
    pub(crate) fn keys(&self, judgement: &Judgement) -> Result<Vec<PublicKey>, Failure> {
        let keys = self.proposal().keys().iter().enumerate();
        keys.map(|(number, key)| self.key(judgement, number, key)).collect()
    }

    fn key(
        &self,
        judgement: &Judgement,
        number: usize,
        key: &KeyTask,
    ) -> Result<PublicKey, Failure> {
        let proposal = self.proposal();
        let qualified = judgement.qualified(proposal, number);
        let enough = match key.task.dealers() {
            Some(all) => qualified.len() == all,
            None => proposal.has_honest(&qualified),
        };
        if !enough {
            let of_this_key = |(dealer, _): &(&ServerIndex, _)| key.dealers.contains(dealer);
            let faults = judgement.faults.iter().filter(of_this_key);
            let faults = faults.map(|(dealer, fault)| (*dealer, fault.clone())).collect();
            return Err(Failure::Dealers { key: key.name.clone(), faults });
        }
        let contributions: Vec<_> = qualified
            .iter()
            .filter_map(|dealer| Some((*dealer, judgement.contribution(number, *dealer)?)))
            .collect();
        let public = key.task.public_key(&contributions);
        public.map_err(|error| Failure::Key { key: key.name.clone(), error })
    }

    /// The test signatures, once all confirmations are in.
    fn signatures(&self, keys: &[PublicKey]) -> Result<Vec<Vec<u8>>, Failure> {
        let mut shares = vec![Vec::new(); keys.len()];
        for author in self.proposal().everybody().iter() {
            self.test_shares(author, keys, &mut shares)?;
        }
        let ceremony = self.proposal().id();
        let names = self.proposal().keys().iter().map(|key| &key.name);
        keys.iter()
            .zip(names)
            .zip(&shares)
            .enumerate()
            .map(|(number, ((public, name), shares))| {
                let message = test_message(ceremony, number);
                combine(public, &message, shares)
                    .map_err(|_| Failure::Unsound { key: name.clone() })
            })
            .collect()
    }

    /// What one participant signed, each share proven to be right.
    fn test_shares(
        &self,
        author: ServerIndex,
        keys: &[PublicKey],
        shares: &mut [Vec<(ServerIndex, SignatureShare)>],
    ) -> Result<(), Failure> {
        let Some(confirmation) = self.confirmation(author) else { return Ok(()) };
        let mut given = confirmation.shares.iter();
        for (number, (public, task)) in keys.iter().zip(self.proposal().keys()).enumerate() {
            if !public.formula().servers().contains(author) {
                continue;
            }
            let fault = |reason: String| Failure::Confirmation {
                key: task.name.clone(),
                by: author,
                reason,
            };
            let given = given.next().ok_or_else(|| fault("a share is missing".into()))?;
            let share = SignatureShare::from_bytes(&given.share);
            let share = share.map_err(|error| fault(error.to_string()))?;
            let proof = ShareProof::from_bytes(&given.proof);
            let proof = proof.map_err(|error| fault(error.to_string()))?;
            let message = test_message(self.proposal().id(), number);
            verify_share(public, &message, author, &share, Some(&proof))
                .map_err(|blame| fault(blame.to_string()))?;
            shares[number].push((author, share));
        }
        Ok(())
    }
}

fn failed(failure: Failure) -> Box<Status> {
    Box::new(Status::Failed(failure))
}

fn list(faults: &[(ServerIndex, DealerFault)]) -> String {
    let one = |(dealer, fault): &(ServerIndex, DealerFault)| format!("server {dealer}: {fault}");
    match faults {
        [] => "there are too few dealers".to_owned(),
        faults => faults.iter().map(one).collect::<Vec<_>>().join("; "),
    }
}
