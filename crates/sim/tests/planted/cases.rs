//! What is planted, where a seed is known to find it, and which invariants may be the first to.

use ally_consensus::Bug;
use ally_sim::Style::{self, Plot, Weather};

/// A mistake and who finds it.
pub struct Case {
    /// The mistake.
    pub bug: Bug,
    /// Where.
    pub alliance: &'static str,
    /// How.
    pub style: Style,
    /// From which seed on.
    pub seed: u64,
    /// The invariants, any of which may be broken first.
    pub found_by: &'static [&'static str],
}

/// A view starts beside a decision, or honest servers would start one there: it is seen at once, or by the
/// blocks that come of it, or a server finds two certified ones, or nobody can go on from there.
const BESIDE: &[&str] = &["selection", "new view", "agreement", "halt", "no liveness"];

/// The same, but what an outsider makes of the reports is another choice: honest leaders are convicted.
const OTHER_CHOICE: &[&str] =
    &["selection", "new view", "agreement", "no liveness", "accountability"];

/// A certificate that nobody could make here opens a view or decides a block; or evidence that rests on
/// it convinces no outsider.
const FORGED: &[&str] = &["blame", "new view", "agreement", "decision"];

const fn case(
    bug: Bug,
    alliance: &'static str,
    style: Style,
    seed: u64,
    found_by: &'static [&'static str],
) -> Case {
    Case { bug, alliance, style, seed, found_by }
}

/// All of them.
#[rustfmt::skip] // A table.
pub const CASES: &[Case] = &[
    case(Bug::EquivocationIgnored, "four", Plot, 0, BESIDE),
    case(Bug::EquivocatorAdmitted, "four", Plot, 4, BESIDE),
    case(Bug::EquivocatorNotCounted, "four", Plot, 0, BESIDE),
    case(Bug::CommitIgnored, "drawn", Plot, 12, BESIDE),
    case(Bug::EarlyBlocksVotedFor, "seven", Weather, 3, &["time"]),
    case(Bug::EarlyReportsCounted, "two-level", Weather, 18, &["time"]),
    case(Bug::ReportsOneShort, "five", Plot, 2, OTHER_CHOICE),
    case(Bug::LowestCertificate, "four", Weather, 1, BESIDE),
    case(Bug::LowestView, "two-level", Weather, 0, BESIDE),
    case(Bug::ChoiceUnchecked, "seven", Plot, 15, BESIDE),
    case(Bug::TipNotHeld, "four", Plot, 0, &["durability"]),
    case(Bug::TipNotJournalled, "four", Plot, 0, &["durability"]),
    case(Bug::OlderVoteUnreported, "two-level", Weather, 0, &["report"]),
    case(Bug::CommitUnreported, "seven", Plot, 0, &["report"]),
    case(Bug::VotesOneShort, "four", Weather, 0, &["decision", "agreement"]),
    case(Bug::ServerCountedTwice, "four", Plot, 0, &["decision", "agreement"]),
    case(Bug::OtherViewCounted, "two-level", Weather, 0, &["decision"]),
    case(Bug::OwnVoteCountedEarly, "four", Weather, 0, &["decision"]),
    case(Bug::KernelOfCommits, "seven", Weather, 0, &["decision"]),
    case(Bug::VoteSentEarly, "four", Weather, 0, &["durability"]),
    case(Bug::VoteRepeatedEarly, "four", Weather, 1, &["durability"]),
    case(Bug::ReportSentEarly, "four", Plot, 0, &["durability"]),
    case(Bug::ShareSentEarly, "four", Plot, 0, &["durability"]),
    case(Bug::CommitSentEarly, "seven", Weather, 0, &["durability"]),
    case(Bug::LeaveNotJournalled, "four", Plot, 0, &["durability"]),
    case(Bug::VoteAfterLeaving, "four", Plot, 0, &["late vote", "panic"]),
    case(Bug::VoteWithoutPayload, "nine", Weather, 0, &["budget", "log", "validity", "panic"]),
    case(Bug::LeadsAgain, "nine", Weather, 3, &["blame", "no liveness"]),
    case(Bug::LeaveForgotten, "nine", Weather, 3, &["late vote", "report", "blame", "panic"]),
    case(Bug::LastRecordForgotten, "five", Weather, 0, &["report", "double vote", "late vote", "blame", "panic"]),
    case(Bug::ReplayedBackwards, "five", Weather, 0, &["panic"]),
    case(Bug::SnapshotWithoutVote, "four", Weather, 1, &["report", "selection", "new view", "double vote"]),
    case(Bug::CertificateIgnored, "five", Weather, 0, &["no liveness"]),
    case(Bug::PatienceNeverShrinks, "four", Plot, 0, &["patience"]),
    case(Bug::TimerRunsIdle, "four", Weather, 0, &["no rest"]),
    case(Bug::AskedForOnce, "two-level", Plot, 135, &["no liveness"]),
    case(Bug::RepeatTakenForLie, "four", Plot, 0, &["blame"]),
    case(Bug::DescendantTakenForLie, "four", Weather, 0, &["blame"]),
    case(Bug::BatchSentEarly, "four", Weather, 0, &["durability"]),
    case(Bug::BatchNumberReused, "four", Weather, 1, &["no liveness", "blame", "validity"]),
    case(Bug::TurnsForgotten, "drawn", Weather, 108, &["good case"]),
    case(Bug::PassedOverSoon, "drawn", Weather, 617, &["good case"]),
    case(Bug::BatchesNotResent, "four", Weather, 37, &["no liveness"]),
    case(Bug::ShareBeforeDecision, "seven", Weather, 3, &["certificate", "decision", "agreement", "halt"]),
    case(Bug::BudgetUnchecked, "two-level", Plot, 0, &["budget"]),
    case(Bug::LogUnchecked, "four", Weather, 8, &["log", "panic"]),
    case(Bug::TimeMayGoBack, "nine", Weather, 6, &["time"]),
    case(Bug::SequenceUnchecked, "four", Weather, 8, &["validity", "log", "panic"]),
    case(Bug::HeadersUnsigned, "four", Weather, 2, &["blame"]),
    case(Bug::ReportsUnsigned, "four", Weather, 27, &["blame"]),
    case(Bug::OldReportsCounted, "drawn", Weather, 27, &["blame"]),
    case(Bug::BranchUnlinked, "seven", Plot, 1, &["blame"]),
    case(Bug::NewViewUnchecked, "nine", Weather, 2, FORGED),
    case(Bug::CommitUnchecked, "drawn", Weather, 2, &["blame", "refused"]),
    case(Bug::CheckpointUnchecked, "four", Weather, 2, &["blame", "halt", "no liveness"]),
    case(Bug::OtherEpochAccepted, "four", Weather, 11, FORGED),
    case(Bug::OtherPolicyAccepted, "two-level", Weather, 11, FORGED),
    case(Bug::SenderUnchecked, "two-level", Weather, 2, &["refused"]),
    case(Bug::EquivocationUnproven, "seven", Weather, 11, &["blame"]),
    case(Bug::PayloadUnmatched, "seven", Weather, 27, &["no liveness", "panic"]),
    case(Bug::BatchesUnsigned, "five", Weather, 2, &["blame", "validity"]),
    case(Bug::BlocksUnlinked, "two-level", Weather, 130, &["panic"]),
    case(Bug::ProofsSkipped, "five", Weather, 1, &["blame"]),
    case(Bug::ProofsUnchecked, "two-level", Weather, 515, &["no liveness"]),
    case(Bug::FutureUnbounded, "seven", Weather, 26, &["memory"]),
    case(Bug::PendingUnbounded, "two-level", Weather, 5, &["memory"]),
    case(Bug::WantsUnbounded, "seven", Weather, 5, &["memory"]),
    case(Bug::AccusationsUnbounded, "nine", Weather, 30, &["memory"]),
    case(Bug::PoolUnbounded, "drawn", Weather, 47, &["memory"]),
    case(Bug::ConflictsUnbounded, "four", Weather, 5, &["memory"]),
    case(Bug::IntakeUnbounded, "four", Weather, 11, &["memory"]),
    case(Bug::CertificateNotShown, "four", Weather, 43, &["no liveness"]),
    case(Bug::MostSharesFollowed, "drawn", Weather, 194, &["no liveness"]),
    case(Bug::NotToldAgain, "drawn", Weather, 32, &["no liveness"]),
    case(Bug::DecisionNotPassedOn, "drawn", Weather, 3963, &["no liveness"]),
    case(Bug::SupportUnchecked, "five", Weather, 4, &["decision", "agreement", "time", "blame"]),
    case(Bug::QuietBudgeted, "drawn", Weather, 25639, &["no liveness"]),
    case(Bug::OwnCommitHidden, "seven", Plot, 1, &["report"]),
    case(Bug::OverheadCharged, "five", Weather, 191, &["memory"]),
    case(Bug::OtherEpochShared, "drawn", Weather, 18, &["blame"]),
    case(Bug::OtherLogShared, "nine", Weather, 2, &["blame"]),
    case(Bug::OtherTipFollowed, "seven", Plot, 71, &["report", "refused"]),
    case(Bug::UnsignedNonsenseKept, "seven", Weather, 2, &["blame"]),
    case(Bug::CommitRepeatedEarly, "drawn", Weather, 1, &["durability"]),
    case(Bug::UnheldReportCounted, "seven", Weather, 5, &["selection", "no liveness"]),
    case(Bug::MajorityForDecided, "drawn", Plot, 73, OTHER_CHOICE),
];
