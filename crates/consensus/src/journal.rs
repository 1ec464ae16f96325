//! The journal: what a server must remember to keep its word after a crash.

use crate::{
    BlockRef, CheckpointCertificate, CommitCertificate, NewViewCertificate, Proposal, Signed, View,
};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use std::sync::Arc;

/// One thing that this server is about to say, or a place it will not go back from.
///
/// Each is journalled before the message it stands for is sent. Replaying them in order gives the
/// acceptor as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// A vote for this proposal. The payload is kept with it until the block is certified.
    Vote(Signed<Proposal>),
    /// A block below one voted for, committed to or taken as a tip, without a vote for it. Its
    /// payload is kept as a voted one's is.
    Hold(Signed<Proposal>),
    /// The last vote was for this block. Stands for all votes before it, in a shortened journal
    /// ([`crate::Engine::snapshot`]); the blocks are held by [`Record::Hold`]. It is there even where
    /// the block is certified: selection ranks reports by the view of the last vote.
    Voted {
        /// The block's view.
        view: View,
        /// The block.
        block: BlockRef,
    },
    /// A commit vote.
    Commit(CommitCertificate),
    /// Left every view below this one; no vote in them any more.
    Leave(View),
    /// A share of NV(view) with this tip.
    NewViewShare {
        /// The view.
        view: View,
        /// The tip it was given for.
        tip: BlockRef,
    },
    /// Entered the view that this certificate opens.
    Enter(NewViewCertificate),
    /// Everything up to this block is decided and certified; earlier records on it may go.
    Certified(Arc<CheckpointCertificate>),
}

impl Encode for Record {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Vote(proposal) => writer.u8(1).value(proposal),
            Self::Commit(certificate) => writer.u8(2).value(certificate),
            Self::Leave(view) => writer.u8(3).value(view),
            Self::NewViewShare { view, tip } => writer.u8(4).value(view).value(tip),
            Self::Enter(certificate) => writer.u8(5).value(certificate),
            Self::Certified(certificate) => writer.u8(6).value(certificate),
            Self::Hold(proposal) => writer.u8(7).value(proposal),
            Self::Voted { view, block } => writer.u8(8).value(view).value(block),
        };
    }
}

impl Decode for Record {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            1 => Self::Vote(reader.value()?),
            2 => Self::Commit(reader.value()?),
            3 => Self::Leave(reader.value()?),
            4 => Self::NewViewShare { view: reader.value()?, tip: reader.value()? },
            5 => Self::Enter(reader.value()?),
            6 => Self::Certified(reader.value()?),
            7 => Self::Hold(reader.value()?),
            8 => Self::Voted { view: reader.value()?, block: reader.value()? },
            _ => return Err(DecodeError::Invalid("journal record kind")),
        })
    }
}
