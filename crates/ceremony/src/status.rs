//! How far a ceremony has come, as everybody sees it.

use ally_codec::Decode;
use ally_policy::{ServerIndex, ServerSet};
use ally_threshold::{PlanError, PublicKey, ShareProof, SignatureShare, combine, verify_share};

use crate::board::Board;
use crate::judgement::{DealerFault, Judgement};
use crate::proposal::KeyTask;
use crate::record::{Stage, TestShare};

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
        "the key `{key}` does not sign although every share of the signature is right: its dealers \
         are to blame"
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
    /// The signatures by each key on its [`Board::test_messages`].
    pub signatures: Vec<Vec<Vec<u8>>>,
    /// The dealers whose contributions were left out, and why.
    pub disqualified: Vec<(ServerIndex, DealerFault)>,
    /// Who complained about whom without cause.
    pub false_complaints: Vec<(ServerIndex, ServerIndex)>,
}

/// How many messages a new key signs to show that it can. A dealer with a modulus that nobody can see is
/// wrong spoils two thirds of all messages at least (`ally_threshold`, `rsa::generation`), so it is missed
/// once in 6,561 times; and has gained nothing then but signatures that fail later.
const TESTS: u16 = 8;

impl Board {
    /// What the new key with this number signs to show that it can: nothing that means anything
    /// elsewhere. Dealers cannot know these messages when they commit to what they deal, as they depend
    /// on what everybody dealt.
    pub fn test_messages(&self, key: usize) -> impl Iterator<Item = Vec<u8>> + use<> {
        let seen = self.digest_before(Stage::Confirmation);
        let message = move |test: u16| {
            let number = (key as u16).to_le_bytes();
            [&b"ally/v1/ceremony-test"[..], &seen, &number, &test.to_le_bytes()].concat()
        };
        (0..TESTS).map(message)
    }

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
    fn signatures(&self, keys: &[PublicKey]) -> Result<Vec<Vec<Vec<u8>>>, Failure> {
        let mut shares: Vec<Vec<Contributions>> =
            keys.iter().map(|_| vec![Vec::new(); usize::from(TESTS)]).collect();
        for author in self.proposal().everybody().iter() {
            self.test_shares(author, keys, &mut shares)?;
        }
        let tasks = self.proposal().keys().iter().zip(keys).zip(&shares).enumerate();
        tasks
            .map(|(number, ((task, public), shares))| {
                let signed = |(message, shares): (Vec<u8>, &Contributions)| {
                    combine(public, &message, shares)
                        .map_err(|_| Failure::Unsound { key: task.name.clone() })
                };
                self.test_messages(number).zip(shares).map(signed).collect()
            })
            .collect()
    }

    /// What one participant signed, each share proven to be right.
    fn test_shares(
        &self,
        author: ServerIndex,
        keys: &[PublicKey],
        shares: &mut [Vec<Contributions>],
    ) -> Result<(), Failure> {
        let Some(confirmation) = self.confirmation(author) else { return Ok(()) };
        let mut given = confirmation.shares.iter();
        for (number, (public, task)) in keys.iter().zip(self.proposal().keys()).enumerate() {
            if !public.formula().servers().contains(author) {
                continue;
            }
            for (test, message) in self.test_messages(number).enumerate() {
                let share = given.next().ok_or_else(|| "a share is missing".to_owned());
                let share = share.and_then(|given| check_share(public, &message, author, given));
                let share = share.map_err(|reason| Failure::Confirmation {
                    key: task.name.clone(),
                    by: author,
                    reason,
                })?;
                shares[number][test].push((author, share));
            }
        }
        Ok(())
    }
}

/// Shares of one signature, by who gave them.
type Contributions = Vec<(ServerIndex, SignatureShare)>;

/// A share of a test signature, if it is proven to be right.
fn check_share(
    public: &PublicKey,
    message: &[u8],
    author: ServerIndex,
    given: &TestShare,
) -> Result<SignatureShare, String> {
    let share = SignatureShare::from_bytes(&given.share).map_err(|error| error.to_string())?;
    let proof = ShareProof::from_bytes(&given.proof).map_err(|error| error.to_string())?;
    verify_share(public, message, author, &share, Some(&proof))
        .map_err(|blame| blame.to_string())?;
    Ok(share)
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
