//! What this server said last.
//!
//! What matters is said again: half way through a server's patience, and to each peer whose link
//! comes up. Signature and share follow from the message and the keys alone, so the last message of
//! each kind is kept as it was signed, and saying it again takes no exponentiation and no hash.

use ally_consensus::Message;
use ally_replica::{PeerMessage, Unsigned};
use std::collections::BTreeMap;

/// The last message of each kind that is repeated: votes, commits, reports, choices and shares of NV.
/// The longest, a choice, stays until this server makes another: some megabytes at most, and the
/// reports in it are shared with the engine's.
#[derive(Default)]
pub(super) struct Said {
    last: BTreeMap<&'static str, (Unsigned, PeerMessage)>,
}

impl Said {
    /// The message signed: as it was last time, if it is what was said last of its kind; else as
    /// `sign` does it.
    pub(super) fn signed(
        &mut self,
        unsigned: Unsigned,
        sign: impl FnOnce(Unsigned) -> PeerMessage,
    ) -> PeerMessage {
        let Some(kind) = repeated_kind(&unsigned) else { return sign(unsigned) };
        match self.last.get(kind) {
            Some((known, signed)) if *known == unsigned => signed.clone(),
            _ => {
                let signed = sign(unsigned.clone());
                self.last.insert(kind, (unsigned, signed.clone()));
                signed
            }
        }
    }
}

fn repeated_kind(unsigned: &Unsigned) -> Option<&'static str> {
    match unsigned {
        Unsigned::Consensus(
            message @ (Message::Vote(_)
            | Message::Commit(_)
            | Message::ViewChange(_)
            | Message::NewView(_)
            | Message::NewViewShare(_)),
        ) => message.signed_kind(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_consensus::{BlockHash, BlockRef, Height, View, Vote};
    use ally_policy::ServerIndex;

    fn vote(view: u64) -> Unsigned {
        let block = BlockRef { height: Height(1), hash: BlockHash([1; 32]) };
        Unsigned::Consensus(Message::Vote(Vote { view: View(view), block, share: None }))
    }

    #[test]
    fn only_what_was_said_last_is_not_signed_again() {
        let (mut said, mut signings) = (Said::default(), 0);
        let fetch = Unsigned::Consensus(Message::Fetch(BlockHash([2; 32])));
        let words = [vote(1), vote(1), fetch.clone(), vote(1), vote(2), vote(1), fetch];
        for (unsigned, expected) in words.into_iter().zip([1, 1, 2, 2, 3, 4, 5]) {
            let signed = said.signed(unsigned.clone(), |unsigned| {
                signings += 1;
                unsigned.signed(ServerIndex(3), [signings; 64])
            });
            assert_eq!(signings, expected);
            let PeerMessage::Consensus(signed) = signed else { panic!("{signed:?}") };
            assert_eq!(Unsigned::Consensus(signed.body), unsigned, "what was to be said is said");
        }
    }
}
