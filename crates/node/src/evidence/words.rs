//! What a proof proves, in words.

use ally_consensus::{BlockRef, Commit, Law, Message, Signed, View, ViewChange};
use ally_replica::Evidence;
use std::fmt;

/// A sentence about the accused, `server`; without names or texts that others have chosen.
pub(super) fn proves(evidence: &Evidence, server: &str, law: &Law<'_>) -> String {
    match evidence {
        Evidence::Consensus(ally_consensus::Evidence::Misstated(message)) => {
            misstatement(message, server, law)
        }
        Evidence::Consensus(evidence) => agreement(evidence, server),
        Evidence::Batches { first, .. } => {
            format!(
                "{server} signed two different batches under the number {}",
                first.body.sequence
            )
        }
        Evidence::Share { share, proof } => {
            let beside =
                if proof.is_some() { ", as the proof that it gave for it shows" } else { "" };
            format!(
                "{server} signed a share of a certificate for {} that its key share does not \
                 give{beside}",
                Block(share.body.block)
            )
        }
        Evidence::Statements { first, second } => format!(
            "{server} signed shares of certificates for two different states of the log at height \
             {}: {} with {} entries, and {} with {}",
            first.body.block.height,
            Block(first.body.block),
            first.body.log_size,
            Block(second.body.block),
            second.body.log_size
        ),
        other => format!("{server} broke the rule `{}`", other.kind().name()),
    }
}

fn agreement(evidence: &ally_consensus::Evidence, server: &str) -> String {
    use ally_consensus::Evidence as Of;
    match evidence {
        Of::Headers(proof) => format!(
            "{server}, as leader of view {}, signed two blocks of which neither extends the other: \
             {} and {}",
            proof.first.body.view,
            Block(proof.first.body.block_ref()),
            Block(proof.second.body.block_ref())
        ),
        Of::Votes { first, second, .. } => format!(
            "{server} voted in view {} for two blocks of which neither extends the other: {} and {}",
            first.body.view,
            Block(first.body.block),
            Block(second.body.block)
        ),
        Of::Selection(choice) => format!(
            "{server}, as leader of view {}, chose to go on from {}, which does not follow from the \
             {} reports that it gave as its reason",
            choice.body.view,
            Block(choice.body.tip),
            choice.body.reports.len()
        ),
        Of::Concealed { vote, report } => format!(
            "{server} voted in view {} for {}, and left for view {} with a report that says {}",
            vote.body.view,
            Block(vote.body.block),
            report.body.view,
            LastVote(&report.body)
        ),
        Of::Reports { first, second } => format!(
            "{server} left for view {} with a report that says {}, and for view {} with one that \
             says {}",
            first.body.view,
            LastVote(&first.body),
            second.body.view,
            LastVote(&second.body)
        ),
        Of::Choices { first, second } => format!(
            "{server}, as leader of view {}, chose two blocks to go on from: {} and {}",
            first.body.view,
            Block(first.body.tip),
            Block(second.body.tip)
        ),
        Of::Tips { first, second } => format!(
            "{server} signed that view {} goes on from {}, and that it goes on from {}",
            first.body.view,
            Block(first.body.tip),
            Block(second.body.tip)
        ),
        Of::NewViewShare(share) => format!(
            "{server} signed a share of the certificate that opens view {} from {}, which its key \
             share does not give",
            share.body.view,
            Block(share.body.tip)
        ),
        Of::CommitShare(vote) => format!(
            "{server} voted in view {} for {} with a share of the commit certificate that its key \
             share does not give",
            vote.body.view,
            Block(vote.body.block)
        ),
        Of::ConcealedCommit { commit, report, .. } => format!(
            "{server} committed in view {} to {}, and left for view {} with a report that knows of no \
             certificate as high",
            commit.body.certificate.view,
            Block(commit.body.certificate.block),
            report.body.view
        ),
        other => format!("{server} broke the rule `{}`", other.kind().name()),
    }
}

fn misstatement(message: &Signed<Message>, server: &str, law: &Law<'_>) -> String {
    let what = match &message.body {
        Message::Proposal(proposal) => format!("{}", Block(proposal.block_ref())),
        Message::Vote(vote) => format!("a vote in view {} for {}", vote.view, Block(vote.block)),
        Message::Commit(Commit { certificate }) => {
            format!("a commit in view {} to {}", certificate.view, Block(certificate.block))
        }
        Message::ViewChange(report) => format!("a report for view {}", report.view),
        Message::NewView(choice) => {
            format!("a choice for view {} of {}", choice.view, Block(choice.tip))
        }
        Message::NewViewShare(share) => {
            format!("a share for view {} from {}", share.view, Block(share.tip))
        }
        _ => "a message".to_owned(),
    };
    match law.misstatement(message) {
        Ok(rule) => format!("{server} signed {what}, and no correct server signs that: {rule}"),
        Err(_) => format!("{server} signed {what}"),
    }
}

/// `block 7 (0123456789ab)`.
struct Block(BlockRef);

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.0.hash.to_string();
        write!(f, "block {} ({})", self.0.height, &hash[..12])
    }
}

/// What a report says about its sender's last vote.
struct LastVote<'a>(&'a ViewChange);

impl fmt::Display for LastVote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(branch) = &self.0.voted else { return f.write_str("that it had not voted") };
        let View(view) = branch.view;
        match branch.headers.last() {
            Some(top) => {
                let block = Block(top.body.block_ref());
                write!(f, "that it voted last in view {view}, for {block}")
            }
            None => write!(f, "that it voted last in view {view}"),
        }
    }
}
