//! What one participant does: a pure function of its secrets and the board.

use ally_alliance::keys::SigningKey;
use ally_codec::{DecodeError, Encode, Reader};
use ally_policy::ServerIndex;
use ally_threshold::{KeyShare, Progress, SecretPart};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::board::Board;
use crate::judgement::{
    DealerFault, Judgement, commitment, keys_of, knowledge_context, place, readers,
};
use crate::proposal::{CeremonyId, Proposal};
use crate::record::{
    Body, Complaint, Confirmation, DealingRecord, DealtKey, Hello, Record, Stage, TestShare,
    Verdict,
};
use crate::sealing::SealSecret;
use crate::status::Status;
use crate::task::OwnDealError;

/// The version of the encoding.
const VERSION: u8 = 1;

/// The longest contribution or part that is kept.
const PIECE_BYTES_MAX: usize = 2 << 20;

/// What a participant knows that nobody else does, from its first word until it holds its shares.
///
/// It has to be on disk before the first word is published, and gone when the shares are kept: who
/// reads it can read what was sealed to this participant. Wiped when it goes; cannot be printed.
pub struct Secrets {
    ceremony: CeremonyId,
    me: ServerIndex,
    pub(crate) reader: SealSecret,
    dealer: SealSecret,
    dealt: Vec<Dealt>,
}

/// What it deals for one key.
struct Dealt {
    contribution: Vec<u8>,
    /// For each server of the formula, ascending.
    parts: Vec<Zeroizing<Vec<u8>>>,
}

/// What a participant has to say next.
pub enum Step {
    /// A record: keep it, then publish it. There must never be another one of this stage.
    Publish(Box<Record>),
    /// The keys are made and this participant's shares are right: see them, then confirm.
    Confirm(Shares),
    /// Nothing: this is how far the ceremony has come.
    Rest(Status),
}

/// A participant's shares of the new keys, before it has told the others that they are right.
pub struct Shares {
    /// The keys, in the order of the proposal.
    pub keys: Vec<ally_threshold::PublicKey>,
    /// Its share of each; none of a key whose formula does without it.
    pub shares: Vec<Option<KeyShare>>,
    /// Dealers that were left out.
    pub disqualified: Vec<(ServerIndex, DealerFault)>,
}

impl Secrets {
    /// Draws everything that this participant will need.
    ///
    /// `own`: its old share of each key that is handed over, by number of the key.
    ///
    /// # Errors
    /// [`OwnDealError`].
    ///
    /// # Cost
    /// For an RSA key that it deals, the search for two safe primes.
    pub fn new(
        proposal: &Proposal,
        me: ServerIndex,
        own: &[Option<&KeyShare>],
        rng: &mut impl CryptoRng,
        progress: &dyn Progress,
    ) -> Result<Self, OwnDealError> {
        let mut dealt = Vec::new();
        for number in keys_of(proposal, me) {
            let own = own.get(number).copied().flatten();
            let task = &proposal.keys()[number].task;
            let (contribution, parts) = task.deal(own, rng, progress)?;
            let parts = parts.iter().map(SecretPart::encode).collect();
            dealt.push(Dealt { contribution: contribution.to_bytes(), parts });
        }
        let (reader, dealer) = (SealSecret::random(rng), SealSecret::random(rng));
        Ok(Self { ceremony: proposal.id(), me, reader, dealer, dealt })
    }

    /// The ceremony that they belong to.
    pub fn ceremony(&self) -> CeremonyId {
        self.ceremony
    }

    /// What to do next, given what is published. Never twice the same word: what is on the board under
    /// this participant's name counts as said.
    ///
    /// # Cost
    /// As [`Board::status`].
    pub fn step(&self, board: &Board, own: &[Option<&KeyShare>], key: &SigningKey) -> Step {
        let stages = [Stage::Hello, Stage::Dealing, Stage::Verdict, Stage::Confirmation];
        for stage in stages {
            if let Err(status) = board.reached(stage) {
                return Step::Rest(*status);
            }
            let due = stage != Stage::Dealing || !self.dealt.is_empty();
            if !due || board.has(stage, self.me) {
                continue;
            }
            let body = match stage {
                Stage::Hello => Body::Hello(self.hello()),
                Stage::Dealing => Body::Dealing(self.dealing(board)),
                Stage::Verdict => Body::Verdict(self.verdict(board)),
                Stage::Confirmation | Stage::Abort => return self.last_step(board, own),
            };
            let record = Record::signed(self.ceremony, self.me, body, key);
            return Step::Publish(Box::new(record));
        }
        Step::Rest(board.status())
    }

    /// The last word: that the shares are right, each of which signs and proves it.
    pub fn confirmation(
        &self,
        board: &Board,
        shares: &Shares,
        key: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Record {
        let mut test_shares = Vec::new();
        for (number, (public, own)) in shares.keys.iter().zip(&shares.shares).enumerate() {
            let Some(own) = own else { continue };
            for message in board.test_messages(number) {
                let (share, proof) = own
                    .sign_with_proof(public, &message, rng)
                    .expect("the share was made for this key");
                test_shares.push(TestShare { share: share.to_bytes(), proof: proof.to_bytes() });
            }
        }
        let before = board.digest_before(Stage::Confirmation);
        let body = Body::Confirmation(Confirmation { before, shares: test_shares });
        Record::signed(self.ceremony, self.me, body, key)
    }

    fn hello(&self) -> Hello {
        let contributions = self.dealt.iter().map(|dealt| dealt.contribution.as_slice());
        let committed = commitment(self.ceremony, self.me, contributions);
        let deals = !self.dealt.is_empty();
        Hello { reader: self.reader.public(), commitment: deals.then_some(committed) }
    }

    fn dealing(&self, board: &Board) -> DealingRecord {
        let readers = readers(board);
        let proposal = board.proposal();
        let keys = keys_of(proposal, self.me).zip(&self.dealt).map(|(number, dealt)| {
            let servers = proposal.keys()[number].task.formula().servers();
            let letters = servers.iter().zip(&dealt.parts).filter_map(|(server, part)| {
                let place = place(self.ceremony, self.me, server, number);
                Some(self.dealer.seal(readers.get(&server)?, &place, part))
            });
            DealtKey { contribution: dealt.contribution.clone(), letters: letters.collect() }
        });
        DealingRecord {
            before: board.digest_before(Stage::Dealing),
            dealer: self.dealer.public(),
            knowledge: self.dealer.knowledge(&knowledge_context(self.ceremony, self.me)),
            keys: keys.collect(),
        }
    }

    fn verdict(&self, board: &Board) -> Verdict {
        let judgement = Judgement::of(board);
        let complaints = board.proposal().dealers().iter().filter_map(|dealer| {
            self.read(board, &judgement, dealer).err()?;
            let opening = self.reader.opening(&board.dealing(dealer)?.dealer);
            Some(Complaint { dealer, opening })
        });
        let complaints = complaints.collect();
        Verdict { before: board.digest_before(Stage::Verdict), complaints }
    }

    fn last_step(&self, board: &Board, own: &[Option<&KeyShare>]) -> Step {
        let judgement = Judgement::of(board);
        let made = board.keys(&judgement).and_then(|keys| {
            let shares = self.shares(board, &judgement, &keys, own)?;
            Ok(Shares {
                keys,
                shares,
                disqualified: judgement.faults.clone().into_iter().collect(),
            })
        });
        match made {
            Ok(shares) => Step::Confirm(shares),
            Err(failure) => Step::Rest(Status::Failed(failure)),
        }
    }

    fn shares(
        &self,
        board: &Board,
        judgement: &Judgement,
        keys: &[ally_threshold::PublicKey],
        own: &[Option<&KeyShare>],
    ) -> Result<Vec<Option<KeyShare>>, crate::Failure> {
        let proposal = board.proposal();
        let mut parts: Vec<Vec<(ServerIndex, SecretPart)>> =
            keys.iter().map(|_| Vec::new()).collect();
        for dealer in proposal.dealers().iter() {
            // Letters that hold rubbish were complained of, so their dealer is out.
            for (number, part) in self.read(board, judgement, dealer).unwrap_or_default() {
                parts[number].push((dealer, part));
            }
        }
        let mut shares = Vec::with_capacity(keys.len());
        for (number, (public, mut parts)) in keys.iter().zip(parts).enumerate() {
            let key = &proposal.keys()[number];
            if !public.formula().servers().contains(self.me) {
                shares.push(None);
                continue;
            }
            parts.sort_by_key(|(dealer, _)| key.dealers.iter().position(|one| one == dealer));
            let own = own.get(number).copied().flatten();
            let share = key.task.key_share(public, own, parts);
            let fault = |error| crate::Failure::Key { key: key.name.clone(), error };
            shares.push(Some(share.map_err(fault)?));
        }
        Ok(shares)
    }

    /// What is in a dealer's letters to this participant.
    fn read(
        &self,
        board: &Board,
        judgement: &Judgement,
        dealer: ServerIndex,
    ) -> Result<Vec<(usize, SecretPart)>, DealerFault> {
        let Some(dealing) = board.dealing(dealer) else { return Ok(Vec::new()) };
        judgement.inspect_letters(board, dealer, self.me, |place, letter| {
            self.reader.open(&dealing.dealer, place, letter)
        })
    }

    /// `version (1) || ceremony (32) || server (2) || reader (32) || dealer (32) || keys (4)`, and of
    /// each key `contribution || parts (4) || each part`, pieces with their length in front. Keep it
    /// as secret as the secrets themselves.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let pieces = |dealt: &Dealt| {
            let parts: usize = dealt.parts.iter().map(|part| 4 + part.len()).sum();
            8 + dealt.contribution.len() + parts
        };
        // Of the final size at once: a buffer that grows leaves copies of secrets behind.
        let length = 103 + self.dealt.iter().map(pieces).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.ceremony.0);
        bytes.extend_from_slice(&self.me.0.to_le_bytes());
        bytes.extend_from_slice(&*self.reader.encode());
        bytes.extend_from_slice(&*self.dealer.encode());
        let piece = |bytes: &mut Vec<u8>, piece: &[u8]| {
            bytes.extend_from_slice(&(piece.len() as u32).to_le_bytes());
            bytes.extend_from_slice(piece);
        };
        bytes.extend_from_slice(&(self.dealt.len() as u32).to_le_bytes());
        for dealt in &self.dealt {
            piece(&mut bytes, &dealt.contribution);
            bytes.extend_from_slice(&(dealt.parts.len() as u32).to_le_bytes());
            dealt.parts.iter().for_each(|part| piece(&mut bytes, part));
        }
        debug_assert_eq!(bytes.len(), length);
        bytes
    }

    /// Reads what [`Secrets::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`]: the bytes are no secrets of a ceremony.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(DecodeError::Invalid("version of a ceremony's secrets"));
        }
        let ceremony = CeremonyId(reader.array()?);
        let me = ServerIndex(reader.u16()?);
        let mut secret = || {
            let bytes = Zeroizing::new(reader.array()?);
            SealSecret::decode(&bytes).ok_or(DecodeError::Invalid("secret of a ceremony"))
        };
        let (read, deal) = (secret()?, secret()?);
        let dealt =
            (0..reader.u32()?).map(|_| Dealt::decode(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { ceremony, me, reader: read, dealer: deal, dealt })
    }
}

impl Dealt {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let contribution = reader.bytes(PIECE_BYTES_MAX)?.to_vec();
        let piece = |reader: &mut Reader<'_>| {
            Ok::<_, DecodeError>(Zeroizing::new(reader.bytes(PIECE_BYTES_MAX)?.to_vec()))
        };
        let parts = (0..reader.u32()?).map(|_| piece(reader)).collect::<Result<_, _>>()?;
        Ok(Self { contribution, parts })
    }
}

/// The record of a participant that gives up.
pub fn abort(proposal: &Proposal, me: ServerIndex, reason: &str, key: &SigningKey) -> Record {
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(100).collect();
    Record::signed(proposal.id(), me, Body::Abort(reason), key)
}
