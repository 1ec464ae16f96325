//! What a ceremony is about: everything that its participants have to agree on beforehand.

use ally_alliance::keys::SigningPublic;
use ally_codec::Writer;
use ally_policy::{Formula, ServerIndex, ServerSet};
use sha2::{Digest, Sha256};

use crate::task::Task;

/// The most keys that one ceremony makes.
const KEYS_MAX: usize = 16;

/// The most participants: the most servers of an alliance.
const PARTICIPANTS_MAX: usize = 256;

/// The longest name of a key.
const NAME_BYTES_MAX: usize = 64;

/// Names a ceremony: SHA-256 over its proposal. Every record carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CeremonyId(pub [u8; 32]);

/// Someone who takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The server's name.
    pub name: String,
    /// What its records are signed with.
    pub signing: SigningPublic,
}

/// One key that comes out.
#[derive(Clone)]
pub struct KeyTask {
    /// What it is called, for instance `certify`.
    pub name: String,
    /// What becomes of it.
    pub task: Task,
    /// Who deals, in the order of the moduli where each has one.
    pub dealers: Vec<ServerIndex>,
}

/// What a ceremony is about. Never changed once it is made.
pub struct Proposal {
    id: CeremonyId,
    subject: [u8; 32],
    participants: Vec<Participant>,
    honest: Formula,
    keys: Vec<KeyTask>,
}

/// What is wrong with a proposal. Whoever wrote it is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalError {
    /// None, or more than there may be.
    #[error(
        "a ceremony makes 1 to {KEYS_MAX} keys, each with a name of its own of 1 to {NAME_BYTES_MAX} bytes"
    )]
    Keys,
    /// None, or more than there may be.
    #[error("1 to {PARTICIPANTS_MAX} servers take part, each with a signing key of its own")]
    Participants,
    /// A formula or a list of dealers names a server that does not take part.
    #[error("the key `{key}` is about server {server}, who does not take part")]
    Stranger {
        /// Which key.
        key: String,
        /// Who.
        server: ServerIndex,
    },
    /// Not as many dealers as the key has moduli, or one of them twice.
    #[error("the key `{key}` takes {expected} dealers, each of them once; {actual} are named")]
    Dealers {
        /// Which key.
        key: String,
        /// How many it takes.
        expected: usize,
        /// How many are named.
        actual: usize,
    },
    /// All dealers of a key together might be dishonest.
    #[error("the key `{key}`: all of its dealers together might be faulty; let more servers deal")]
    NoHonestDealer {
        /// Which key.
        key: String,
    },
}

impl Proposal {
    /// A proposal of a ceremony.
    ///
    /// - `subject`: a hash of whatever else the participants agree on by taking part, for instance the
    ///   draft of an alliance document.
    /// - `round`: 16 random bytes that no other proposal has: what was published in one ceremony means
    ///   nothing in another.
    /// - `participants`: by server index.
    /// - `honest`: holds on every set of servers that has an honest one among them, whatever may fail
    ///   (the policy's kernels). It has to hold on the dealers of every key of which nobody may know
    ///   the whole, and to go on holding when dealers that lied are left out.
    ///
    /// # Errors
    /// [`ProposalError`].
    pub fn new(
        subject: [u8; 32],
        round: [u8; 16],
        participants: Vec<Participant>,
        honest: Formula,
        keys: Vec<KeyTask>,
    ) -> Result<Self, ProposalError> {
        check_participants(&participants)?;
        check_names(&keys)?;
        let present = ServerSet::first(participants.len());
        keys.iter().try_for_each(|key| check_key(key, &present, &honest))?;
        let mut proposal = Self { id: CeremonyId([0; 32]), subject, participants, honest, keys };
        proposal.id = proposal.compute_id(&round);
        Ok(proposal)
    }

    /// The ceremony's name.
    pub fn id(&self) -> CeremonyId {
        self.id
    }

    /// Who takes part, by server index.
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }

    /// The keys that come out.
    pub fn keys(&self) -> &[KeyTask] {
        &self.keys
    }

    /// Everybody who deals some key.
    pub fn dealers(&self) -> ServerSet {
        self.keys.iter().flat_map(|key| key.dealers.iter().copied()).collect()
    }

    pub(crate) fn everybody(&self) -> ServerSet {
        ServerSet::first(self.participants.len())
    }

    pub(crate) fn participant(&self, server: ServerIndex) -> Option<&Participant> {
        self.participants.get(server.index())
    }

    /// Whether some of these dealers are honest, whoever is faulty.
    pub(crate) fn has_honest(&self, dealers: &[ServerIndex]) -> bool {
        self.honest.holds(&dealers.iter().copied().collect())
    }

    fn compute_id(&self, round: &[u8; 16]) -> CeremonyId {
        let mut writer = Writer::new();
        writer.raw(&self.subject).raw(round);
        writer.u16(self.participants.len() as u16);
        for participant in &self.participants {
            writer.bytes(participant.name.as_bytes()).raw(participant.signing.as_bytes());
        }
        writer.bytes(&self.honest.to_bytes());
        writer.u16(self.keys.len() as u16);
        for key in &self.keys {
            writer.bytes(key.name.as_bytes()).raw(&key.task.digest());
            writer.u16(key.dealers.len() as u16);
            key.dealers.iter().for_each(|dealer| _ = writer.u16(dealer.0));
        }
        let hash = Sha256::new_with_prefix(b"ally/v1/ceremony").chain_update(writer.as_bytes());
        CeremonyId(hash.finalize().into())
    }
}

fn check_participants(participants: &[Participant]) -> Result<(), ProposalError> {
    let mut keys: Vec<_> = participants.iter().map(|one| *one.signing.as_bytes()).collect();
    keys.sort_unstable();
    let distinct = keys.windows(2).all(|pair| pair[0] != pair[1]);
    let fine = distinct && (1..=PARTICIPANTS_MAX).contains(&participants.len());
    if fine { Ok(()) } else { Err(ProposalError::Participants) }
}

fn check_names(keys: &[KeyTask]) -> Result<(), ProposalError> {
    let mut names: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
    names.sort_unstable();
    let distinct = names.windows(2).all(|pair| pair[0] != pair[1]);
    let named = names.iter().all(|name| (1..=NAME_BYTES_MAX).contains(&name.len()));
    let fine = distinct && named && (1..=KEYS_MAX).contains(&keys.len());
    if fine { Ok(()) } else { Err(ProposalError::Keys) }
}

fn check_key(key: &KeyTask, present: &ServerSet, honest: &Formula) -> Result<(), ProposalError> {
    let name = || key.name.clone();
    let dealers: ServerSet = key.dealers.iter().copied().collect();
    let named = key.task.formula().servers().union(&dealers);
    if let Some(server) = named.difference(present).iter().next() {
        return Err(ProposalError::Stranger { key: name(), server });
    }
    let actual = key.dealers.len();
    let expected = key.task.dealers().unwrap_or(actual.max(1));
    if actual != expected || dealers.len() != actual {
        return Err(ProposalError::Dealers { key: name(), expected, actual });
    }
    // Where every dealer has a modulus of its own, all of them together know the key: that they do not
    // conspire is what the participants agree on by naming them.
    if key.task.dealers().is_none() && !honest.holds(&dealers) {
        return Err(ProposalError::NoHonestDealer { key: name() });
    }
    Ok(())
}
