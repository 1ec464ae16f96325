//! Mistakes that can be made on purpose, to show that the tests would notice them.
//!
//! Where a rule stands in the code, the code asks [`Bugs::has`]. Without the feature `planted-bugs`
//! the answer is always no, known when the code is compiled: no server holds a switch that breaks a
//! rule.

use crate::{Context, Epoch, PolicyDigest};
use ally_policy::ServerSet;

/// Declares the mistakes with their names.
macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal,)+) => {
        /// A mistake that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Bug {
            $($(#[doc = $doc])+ $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];

            /// What it is called on command lines and in reports.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }
        }
    };
}

bugs! {
    /// Selection, rule 3 is never used: the longest block wins although the leader has equivocated.
    EquivocationIgnored = "equivocation-ignored",
    /// The equivocator's own report is used in selection.
    EquivocatorAdmitted = "equivocator-admitted",
    /// The equivocator is not counted among the faulty ones when a block is weighed.
    EquivocatorNotCounted = "equivocator-not-counted",
    /// Commit certificates are ignored once the leader has equivocated.
    CommitIgnored = "commit-ignored",
    /// Votes are given however far a block's time is ahead.
    EarlyBlocksVotedFor = "early-blocks-voted-for",
    /// Reports count however far their blocks' time is ahead.
    EarlyReportsCounted = "early-reports-counted",
    /// Selection takes the reports of one server fewer than a quorum.
    ReportsOneShort = "reports-one-short",
    /// Selection starts from the lowest certified block reported, not from the highest.
    LowestCertificate = "lowest-certificate",
    /// Selection looks at the lowest view voted in, not at the highest.
    LowestView = "lowest-view",
    /// A leader's choice is endorsed without being recomputed.
    ChoiceUnchecked = "choice-unchecked",
    /// A view's tip is endorsed although it is not held.
    TipNotHeld = "tip-not-held",
    /// Blocks below an endorsed tip are not journalled.
    TipNotJournalled = "tip-not-journalled",
    /// A report speaks of the vote only if it was cast in the view just left.
    OlderVoteUnreported = "older-vote-unreported",
    /// A report leaves out the commit certificate.
    CommitUnreported = "commit-unreported",
    /// A block is decided by one vote fewer than a fast quorum.
    VotesOneShort = "votes-one-short",
    /// A vote that comes again counts again.
    ServerCountedTwice = "server-counted-twice",
    /// Votes for descendants of another view count.
    OtherViewCounted = "other-view-counted",
    /// A server counts its own vote before it is durable.
    OwnVoteCountedEarly = "own-vote-counted-early",
    /// Commits of a kernel decide.
    KernelOfCommits = "kernel-of-commits",
    /// A vote is sent before it is durable.
    VoteSentEarly = "vote-sent-early",
    /// A vote is repeated, on a timer or to a peer that came back, before it is durable.
    VoteRepeatedEarly = "vote-repeated-early",
    /// A report is sent before the view's end is durable.
    ReportSentEarly = "report-sent-early",
    /// A share of a new view is sent before it is durable.
    ShareSentEarly = "share-sent-early",
    /// A commit is sent before it is durable.
    CommitSentEarly = "commit-sent-early",
    /// Leaving a view is not journalled.
    LeaveNotJournalled = "leave-not-journalled",
    /// A server goes on voting in the view that it has left.
    VoteAfterLeaving = "vote-after-leaving",
    /// A block is voted for while its payload is still being checked.
    VoteWithoutPayload = "vote-without-payload",
    /// A restarted server leads its view again.
    LeadsAgain = "leads-again",
    /// Replay passes over the records of views that were left.
    LeaveForgotten = "leave-forgotten",
    /// Replay drops the last record.
    LastRecordForgotten = "last-record-forgotten",
    /// Replay goes through the journal backwards.
    ReplayedBackwards = "replayed-backwards",
    /// A shortened journal holds no word of the last vote.
    SnapshotWithoutVote = "snapshot-without-vote",
    /// A certificate for a block that is out of reach is ignored.
    CertificateIgnored = "certificate-ignored",
    /// Patience does not fall back with a decision.
    PatienceNeverShrinks = "patience-never-shrinks",
    /// The timer runs while there is nothing to wait for.
    TimerRunsIdle = "timer-runs-idle",
    /// A block that does not come is not asked for again.
    AskedForOnce = "asked-for-once",
    /// A vote for the same block again is taken for a second vote.
    RepeatTakenForLie = "repeat-taken-for-lie",
    /// A vote for a descendant is taken for a conflicting one.
    DescendantTakenForLie = "descendant-taken-for-lie",
    /// A batch is sent before it is durable.
    BatchSentEarly = "batch-sent-early",
    /// After a restart the numbers of undelivered batches are used again.
    BatchNumberReused = "batch-number-reused",
    /// Equals take no turns in blocks: it is always the first one's.
    TurnsForgotten = "turns-forgotten",
    /// A leader is left after eight blocks without somebody's batch, however many share a block.
    PassedOverSoon = "passed-over-soon",
    /// Batches are not sent again to a peer that comes back.
    BatchesNotResent = "batches-not-resent",
    /// A share of the alliance key is given for a block that was only checked.
    ShareBeforeDecision = "share-before-decision",
    /// Payloads are voted for beyond the limits of a block.
    BudgetUnchecked = "budget-unchecked",
    /// The log's size and root in a header are not compared with what the batches give.
    LogUnchecked = "log-unchecked",
    /// A block may be older than its parent.
    TimeMayGoBack = "time-may-go-back",
    /// A block may order batches out of their origin's order.
    SequenceUnchecked = "sequence-unchecked",
    /// The signatures of headers are not checked.
    HeadersUnsigned = "headers-unsigned",
    /// The signatures of the reports in a leader's choice are not checked.
    ReportsUnsigned = "reports-unsigned",
    /// Reports of an earlier view change count in a leader's choice.
    OldReportsCounted = "old-reports-counted",
    /// The headers in a report need not follow each other.
    BranchUnlinked = "branch-unlinked",
    /// The signature of a new-view certificate is not checked.
    NewViewUnchecked = "new-view-unchecked",
    /// The signature of a commit certificate is not checked.
    CommitUnchecked = "commit-unchecked",
    /// The alliance's signature on a block and its log is not checked.
    CheckpointUnchecked = "checkpoint-unchecked",
    /// A certificate of another epoch is accepted.
    OtherEpochAccepted = "other-epoch-accepted",
    /// A certificate is checked for its signature, but not for the policy that it was made under.
    OtherPolicyAccepted = "other-policy-accepted",
    /// Whoever is named as sender is taken for the sender.
    SenderUnchecked = "sender-unchecked",
    /// Votes and commits that somebody passes on are taken for those of whom they name.
    SupportUnchecked = "support-unchecked",
    /// Two headers are taken for a proof of equivocation, whatever they say.
    EquivocationUnproven = "equivocation-unproven",
    /// The batches of a proposal are not compared with its header.
    PayloadUnmatched = "payload-unmatched",
    /// The origin's signature of a batch is not checked.
    BatchesUnsigned = "batches-unsigned",
    /// Blocks to catch up with need not follow each other.
    BlocksUnlinked = "blocks-unlinked",
    /// Shares that do not combine convict all who gave them; nobody is asked for a proof.
    ProofsSkipped = "proofs-skipped",
    /// A proof of a share is believed unseen.
    ProofsUnchecked = "proofs-unchecked",
    /// Proposals for views that are not open are kept without limit.
    FutureUnbounded = "future-unbounded",
    /// Votes for unknown blocks are kept without limit.
    PendingUnbounded = "pending-unbounded",
    /// Blocks are asked for without limit because of what one server said.
    WantsUnbounded = "wants-unbounded",
    /// Proofs against one server are kept without limit.
    AccusationsUnbounded = "accusations-unbounded",
    /// Batches of one origin are kept without limit.
    PoolUnbounded = "pool-unbounded",
    /// All batches that an origin signs under one number are kept.
    ConflictsUnbounded = "conflicts-unbounded",
    /// Clients' commands are taken without limit.
    IntakeUnbounded = "intake-unbounded",
    /// Who shares what is certified already is not shown the certificate.
    CertificateNotShown = "certificate-not-shown",
    /// Who waits for a certificate in vain goes over to the block with the most shares, and never to the
    /// one that the rule names.
    MostSharesFollowed = "most-shares-followed",
    /// Who gives no share of the alliance key is not told again what it may have missed.
    NotToldAgain = "not-told-again",
    /// It is told again what this server said, and not what others did.
    DecisionNotPassedOn = "decision-not-passed-on",
    /// A certificate waits for its budget also where there is nothing else to do.
    QuietBudgeted = "quiet-budgeted",
    /// A commit certificate that was only learned hides one's own commit in reports.
    OwnCommitHidden = "own-commit-hidden",
    /// What holds a batch together counts against its origin's limit too.
    OverheadCharged = "overhead-charged",
    /// A share of the alliance key that was signed in another epoch is taken.
    OtherEpochShared = "other-epoch-shared",
    /// A share of the alliance key on another log is taken.
    OtherLogShared = "other-log-shared",
    /// Blocks are voted for and committed to that start from another tip than the server's own.
    OtherTipFollowed = "other-tip-followed",
    /// What is wrong in a message that nobody signs is kept as a proof against its sender.
    UnsignedNonsenseKept = "unsigned-nonsense-kept",
    /// A commit is repeated, on a timer or to a peer that came back, before it is durable.
    CommitRepeatedEarly = "commit-repeated-early",
    /// A new leader counts reports of blocks whose payload it does not hold.
    UnheldReportCounted = "unheld-report-counted",
    /// A block counts as possibly decided if most of the reports used speak for it, whatever the policy.
    MajorityForDecided = "majority-for-decided",
}

/// The mistakes that are made: none, but in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bugs {
    #[cfg(feature = "planted-bugs")]
    planted: u128,
}

impl Bugs {
    /// No mistake.
    pub const NONE: Self = Self {
        #[cfg(feature = "planted-bugs")]
        planted: 0,
    };

    /// One mistake.
    #[cfg(feature = "planted-bugs")]
    pub const fn planted(bug: Bug) -> Self {
        Self { planted: 1 << bug as u64 }
    }

    /// Whether this mistake is made.
    #[inline]
    pub fn has(self, bug: Bug) -> bool {
        #[cfg(feature = "planted-bugs")]
        return self.planted & (1 << bug as u64) != 0;
        #[cfg(not(feature = "planted-bugs"))]
        {
            let _ = bug;
            false
        }
    }

    /// What certificates may have been made under: `own` and, where a mistake accepts it, the next
    /// epoch, or a policy that nobody has.
    pub(crate) fn contexts(self, own: Context) -> impl Iterator<Item = Context> {
        let epoch = Epoch(own.epoch.0.wrapping_add(1));
        let next = self.has(Bug::OtherEpochAccepted).then_some(Context { epoch, ..own });
        let policy = PolicyDigest([0; 32]);
        let other = self.has(Bug::OtherPolicyAccepted).then_some(Context { policy, ..own });
        [Some(own), next, other].into_iter().flatten()
    }

    /// A set with one more member, where a mistake counts somebody who is not there.
    pub(crate) fn one_more(self, bug: Bug, set: &ServerSet, servers: usize) -> ServerSet {
        let absent = ServerSet::first(servers).difference(set).iter().next();
        let added = absent.filter(|_| self.has(bug));
        set.union(&added.into_iter().collect())
    }

    /// Whether no mistake is made.
    #[inline]
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_all_fit() {
        let mut names: Vec<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Bug::ALL.len());
        assert!(Bug::ALL.len() <= 128);
    }

    #[test]
    fn nothing_is_planted_unless_asked_for() {
        assert!(Bug::ALL.iter().all(|bug| !Bugs::NONE.has(*bug)));
    }

    #[cfg(feature = "planted-bugs")]
    #[test]
    fn one_is_planted_at_a_time() {
        for bug in Bug::ALL {
            let planted = Bugs::planted(*bug);
            assert!(Bug::ALL.iter().all(|other| planted.has(*other) == (other == bug)));
        }
    }
}
