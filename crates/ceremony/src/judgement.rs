//! Which dealers dealt rightly: what everybody can see, and what complaints have shown.
//!
//! Everything here follows from what was published, so everybody, also an outsider years later, comes
//! to the same judgement.

use std::collections::BTreeMap;

use ally_codec::Encode;
use ally_policy::{ServerIndex, ServerSet};
use ally_threshold::{Contribution, PartFault};
use sha2::{Digest, Sha256};

use crate::board::Board;
use crate::proposal::{CeremonyId, Proposal};
use crate::record::{Complaint, DealingRecord, DealtKey};
use crate::sealing::{Place, SealPoint};

/// What a dealer did wrong. Everybody can check it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DealerFault {
    /// It did not show that it knows the secret of the point that it seals letters with.
    #[error("it seals its letters under a point whose secret it does not know")]
    Knowledge,
    /// What it dealt is not what it had committed to.
    #[error("it dealt something else than it had committed to")]
    Commitment,
    /// Not one piece for each key that it deals, or not one letter for each server.
    #[error("it left out a key or a server")]
    Count,
    /// The public half of what it dealt is wrong.
    #[error("for the key `{key}` it published numbers that cannot be right: {reason}")]
    Contribution {
        /// Which key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// Two dealers dealt the same. Both had committed to it before either showed it, so they had agreed
    /// to: together they give what one of them would.
    #[error("for the key `{key}` it dealt the same as server {other}")]
    Same {
        /// Which key.
        key: String,
        /// Who else.
        other: ServerIndex,
    },
    /// A letter cannot be opened.
    #[error("for the key `{key}` its letter to server {reader} holds nothing")]
    Letter {
        /// Which key.
        key: String,
        /// For whom it was.
        reader: ServerIndex,
    },
    /// A letter holds something else than the public half says.
    #[error("for the key `{key}` it gave server {reader} a wrong secret: {fault}")]
    Part {
        /// Which key.
        key: String,
        /// For whom it was.
        reader: ServerIndex,
        /// What is wrong.
        fault: PartFault,
    },
}

/// Who dealt rightly, as far as is published.
pub(crate) struct Judgement {
    /// What each dealer contributes to each key, by number of the key, where it is right.
    contributions: BTreeMap<(usize, ServerIndex), Contribution>,
    /// What is wrong with the others.
    pub(crate) faults: BTreeMap<ServerIndex, DealerFault>,
    /// Who complained, and about whom, without cause.
    pub(crate) false_complaints: Vec<(ServerIndex, ServerIndex)>,
}

/// What a dealer commits to before it deals: its contributions, one after the other.
pub(crate) fn commitment<'a>(
    ceremony: CeremonyId,
    dealer: ServerIndex,
    contributions: impl Iterator<Item = &'a [u8]>,
) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"ally/v1/ceremony-commitment");
    hash.update(ceremony.0);
    hash.update(dealer.0.to_le_bytes());
    for contribution in contributions {
        hash.update((contribution.len() as u64).to_le_bytes());
        hash.update(contribution);
    }
    hash.finalize().into()
}

/// What a dealer's proof of knowledge speaks of.
pub(crate) fn knowledge_context(ceremony: CeremonyId, dealer: ServerIndex) -> Vec<u8> {
    [&ceremony.0[..], &dealer.0.to_le_bytes()].concat()
}

/// The numbers of the keys that a dealer deals, ascending.
pub(crate) fn keys_of(proposal: &Proposal, dealer: ServerIndex) -> impl Iterator<Item = usize> {
    let keys = proposal.keys().iter().enumerate();
    keys.filter(move |(_, key)| key.dealers.contains(&dealer)).map(|(at, _)| at)
}

impl Judgement {
    /// Of everything that is on the board, where the stages up to the dealings are complete.
    ///
    /// # Cost
    /// For each dealer and key what it takes to check a contribution.
    pub(crate) fn of(board: &Board) -> Self {
        let proposal = board.proposal();
        let mut judgement = Self {
            contributions: BTreeMap::new(),
            faults: BTreeMap::new(),
            false_complaints: Vec::new(),
        };
        for dealer in proposal.dealers().iter() {
            match check_dealing(board, dealer) {
                Ok(contributions) => judgement.contributions.extend(contributions),
                Err(fault) => judgement.convict(dealer, fault),
            }
        }
        for (dealer, fault) in judgement.same(board) {
            judgement.convict(dealer, fault);
        }
        // Every complaint is judged by what the dealers published, before any is convicted by another:
        // whether it is true does not depend on who else complained.
        let mut convicted = Vec::new();
        for author in proposal.everybody().iter() {
            for complaint in
                board.verdict(author).into_iter().flat_map(|verdict| &verdict.complaints)
            {
                match judgement.judge(board, author, complaint) {
                    Some(fault) => convicted.push((complaint.dealer, fault)),
                    None if judgement.faults.contains_key(&complaint.dealer) => {}
                    None => judgement.false_complaints.push((author, complaint.dealer)),
                }
            }
        }
        for (dealer, fault) in convicted {
            judgement.convict(dealer, fault);
        }
        judgement
    }

    /// What a dealer gave for a key; `None` if it dealt wrongly.
    pub(crate) fn contribution(&self, key: usize, dealer: ServerIndex) -> Option<&Contribution> {
        self.contributions.get(&(key, dealer))
    }

    /// The dealers of a key who dealt rightly, in the proposal's order.
    pub(crate) fn qualified(&self, proposal: &Proposal, key: usize) -> Vec<ServerIndex> {
        let dealers = proposal.keys()[key].dealers.iter();
        dealers.copied().filter(|dealer| !self.faults.contains_key(dealer)).collect()
    }

    /// The dealers of one key who dealt the same as another.
    fn same(&self, board: &Board) -> Vec<(ServerIndex, DealerFault)> {
        let mut same = Vec::new();
        for (number, key) in board.proposal().keys().iter().enumerate() {
            let mut dealt = BTreeMap::<Vec<u8>, Vec<ServerIndex>>::new();
            for dealer in &key.dealers {
                if let Some(contribution) = self.contribution(number, *dealer) {
                    dealt.entry(contribution.to_bytes()).or_default().push(*dealer);
                }
            }
            for dealers in dealt.values().filter(|dealers| dealers.len() > 1) {
                let fault = |other| DealerFault::Same { key: key.name.clone(), other };
                same.push((dealers[0], fault(dealers[1])));
                same.extend(dealers[1..].iter().map(|dealer| (*dealer, fault(dealers[0]))));
            }
        }
        same
    }

    /// A dealer who lied in one key is out of all.
    fn convict(&mut self, dealer: ServerIndex, fault: DealerFault) {
        self.faults.entry(dealer).or_insert(fault);
        self.contributions.retain(|(_, of), _| *of != dealer);
    }

    /// What the letters that a complaint opens show against the dealer.
    fn judge(
        &self,
        board: &Board,
        author: ServerIndex,
        complaint: &Complaint,
    ) -> Option<DealerFault> {
        let dealing = board.dealing(complaint.dealer)?;
        let reader = &board.hello(author)?.reader;
        if !complaint.opening.holds(&dealing.dealer, reader) {
            return None;
        }
        let open = |place: &Place, letter: &[u8]| {
            complaint.opening.open(&dealing.dealer, reader, place, letter)
        };
        self.inspect_letters(board, complaint.dealer, author, open).err()
    }

    /// Opens the letters of a dealer to a reader, and checks what is in them: what the reader does to
    /// find out whether to complain, and everybody to judge the complaint.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn inspect_letters(
        &self,
        board: &Board,
        dealer: ServerIndex,
        reader: ServerIndex,
        open: impl Fn(&Place, &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>>,
    ) -> Result<Vec<(usize, ally_threshold::SecretPart)>, DealerFault> {
        let proposal = board.proposal();
        let Some(dealing) = board.dealing(dealer) else { return Ok(Vec::new()) };
        let mut parts = Vec::new();
        for (number, dealt) in keys_of(proposal, dealer).zip(&dealing.keys) {
            let key = &proposal.keys()[number];
            let name = || key.name.clone();
            let Some(contribution) = self.contribution(number, dealer) else { continue };
            let Some(letter) = letter_to(dealt, &key.task.formula().servers(), reader) else {
                continue;
            };
            let place = place(proposal.id(), dealer, reader, number);
            let text =
                open(&place, letter).ok_or_else(|| DealerFault::Letter { key: name(), reader })?;
            let part = key.task.part(contribution, reader, &text);
            let part = part.map_err(|fault| DealerFault::Part { key: name(), reader, fault })?;
            parts.push((number, part));
        }
        Ok(parts)
    }
}

/// Where the letter for a key hangs.
pub(crate) fn place(
    ceremony: CeremonyId,
    dealer: ServerIndex,
    reader: ServerIndex,
    key: usize,
) -> Place {
    Place { ceremony: ceremony.0, dealer: dealer.0, reader: reader.0, letter: key as u16 }
}

/// The letter to `reader` among those to all `readers`; `None` if there is none to it.
fn letter_to<'a>(
    dealt: &'a DealtKey,
    readers: &ServerSet,
    reader: ServerIndex,
) -> Option<&'a Vec<u8>> {
    let at = readers.iter().position(|one| one == reader)?;
    dealt.letters.get(at)
}

/// What everybody can see of a dealing; what it contributes, by number of the key.
fn check_dealing(
    board: &Board,
    dealer: ServerIndex,
) -> Result<BTreeMap<(usize, ServerIndex), Contribution>, DealerFault> {
    let proposal = board.proposal();
    let (Some(hello), Some(dealing)) = (board.hello(dealer), board.dealing(dealer)) else {
        return Ok(BTreeMap::new());
    };
    check_commitment(proposal.id(), dealer, hello.commitment, dealing)?;
    let keys: Vec<usize> = keys_of(proposal, dealer).collect();
    if keys.len() != dealing.keys.len() {
        return Err(DealerFault::Count);
    }
    let mut contributions = BTreeMap::new();
    for (number, dealt) in keys.into_iter().zip(&dealing.keys) {
        let key = &proposal.keys()[number];
        if dealt.letters.len() != key.task.formula().servers().len() {
            return Err(DealerFault::Count);
        }
        let contribution = key.task.contribution(dealer, &dealt.contribution);
        let contribution = contribution.map_err(|error| DealerFault::Contribution {
            key: key.name.clone(),
            reason: error.to_string(),
        })?;
        contributions.insert((number, dealer), contribution);
    }
    Ok(contributions)
}

fn check_commitment(
    ceremony: CeremonyId,
    dealer: ServerIndex,
    committed: Option<[u8; 32]>,
    dealing: &DealingRecord,
) -> Result<(), DealerFault> {
    let context = knowledge_context(ceremony, dealer);
    if !dealing.knowledge.holds(&context, &dealing.dealer) {
        return Err(DealerFault::Knowledge);
    }
    let contributions = dealing.keys.iter().map(|dealt| dealt.contribution.as_slice());
    match committed == Some(commitment(ceremony, dealer, contributions)) {
        true => Ok(()),
        false => Err(DealerFault::Commitment),
    }
}

/// The points that letters to everybody are sealed to.
pub(crate) fn readers(board: &Board) -> BTreeMap<ServerIndex, SealPoint> {
    let everybody = board.proposal().everybody();
    everybody.iter().filter_map(|one| Some((one, board.hello(one)?.reader))).collect()
}
