//! What a server keeps of what others have signed.

use crate::{BRANCH_HEADERS_MAX, Commit, NewView, NewViewCertificate, Signed, SignedHeader, Vote};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use ally_policy::SERVERS_MAX;

/// The most headers in one [`Backing`].
pub(crate) const BACKING_HEADERS_MAX: usize = 2 * BRANCH_HEADERS_MAX;

/// What others have signed, and this server has acted on: kept for the day on which somebody has to
/// answer for it.
///
/// It accuses nobody by itself. Held beside what another server kept, it shows who told the two of
/// them different things ([`crate::Pool`]).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Testimony {
    /// Who stood behind a block that this server decided or committed to.
    Backing(Backing),
    /// A new leader's choice, with its reports, for which this server gave a share of NV.
    Choice(Signed<NewView>),
}

/// Who stood behind a block, as far as it takes to decide it or to commit to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backing {
    /// NV of the block's view, if this server still had it; view 0 has none.
    pub new_view: Option<NewViewCertificate>,
    /// The headers from the last decided block (exclusive) up to the block, and those of its
    /// descendants that the votes are for; parents first.
    pub headers: Vec<SignedHeader>,
    /// Votes of the block's view, for it or for descendants of it; by ascending sender.
    pub votes: Vec<Signed<Vote>>,
    /// Commits likewise.
    pub commits: Vec<Signed<Commit>>,
}

/// What a testimony is about; each kind is kept under a limit of its own, so that neither drives the
/// other out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TestimonyKind {
    /// [`Testimony::Backing`].
    Backing,
    /// [`Testimony::Choice`].
    Choice,
}

impl TestimonyKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Backing, Self::Choice];

    /// The first byte of the encoding; never 0.
    pub fn code(self) -> u8 {
        self as u8 + 1
    }
}

impl Testimony {
    /// What it is about.
    pub fn kind(&self) -> TestimonyKind {
        match self {
            Self::Backing(_) => TestimonyKind::Backing,
            Self::Choice(_) => TestimonyKind::Choice,
        }
    }

    /// The backing, if that is what it is.
    pub fn backing(&self) -> Option<&Backing> {
        match self {
            Self::Backing(backing) => Some(backing),
            Self::Choice(_) => None,
        }
    }
}

impl Encode for Testimony {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(self.kind().code());
        match self {
            Self::Backing(backing) => writer.value(backing),
            Self::Choice(choice) => writer.value(choice),
        };
    }
}

impl Decode for Testimony {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            1 => Self::Backing(reader.value()?),
            2 => Self::Choice(reader.value()?),
            _ => return Err(DecodeError::Invalid("testimony kind")),
        })
    }
}

impl Encode for Backing {
    fn encode(&self, writer: &mut Writer) {
        writer.option(self.new_view.as_ref());
        writer.list(&self.headers).list(&self.votes).list(&self.commits);
    }
}

impl Decode for Backing {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            new_view: reader.option()?,
            headers: reader.list(BACKING_HEADERS_MAX)?,
            votes: reader.list(SERVERS_MAX)?,
            commits: reader.list(SERVERS_MAX)?,
        })
    }
}
