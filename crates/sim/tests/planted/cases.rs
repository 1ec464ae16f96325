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

/// What comes of a view that starts beside a decision: it is seen at once, or where it leads to.
const LOST: &[&str] =
    &["selection", "new view", "agreement", "report", "halt", "panic", "no liveness"];

/// What comes of a lie that is believed.
const LIES: &[&str] = &[
    "agreement",
    "blame",
    "decision",
    "halt",
    "log",
    "new view",
    "panic",
    "refused",
    "report",
    "selection",
    "time",
    "validity",
    "certificate",
    "no liveness",
];

/// The same, or evidence made of what should have been refused, which convinces no outsider.
const UNPROVEN: &[&str] =
    &["selection", "new view", "agreement", "report", "halt", "panic", "no liveness", "blame"];

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
    case(Bug::EquivocationIgnored, "seven", Plot, 0, LOST),
    case(Bug::EquivocatorAdmitted, "four", Plot, 4, LOST),
    case(Bug::EquivocatorNotCounted, "two-level", Plot, 3, LOST),
    case(Bug::CommitIgnored, "seven", Plot, 24, LOST),
    case(Bug::EarlyBlocksVotedFor, "seven", Weather, 3, &["time"]),
    case(Bug::EarlyReportsCounted, "two-level", Weather, 3, &["time"]),
    case(Bug::ReportsOneShort, "four", Plot, 4, LOST),
    case(Bug::LowestCertificate, "two-level", Weather, 0, LOST),
    case(Bug::LowestView, "five", Weather, 0, LOST),
    case(Bug::ChoiceUnchecked, "seven", Weather, 49, LOST),
    case(Bug::TipNotHeld, "nine", Weather, 0, &["durability"]),
    case(Bug::TipNotJournalled, "nine", Weather, 0, &["durability"]),
    case(Bug::OlderVoteUnreported, "seven", Plot, 0, LOST),
    case(Bug::CommitUnreported, "seven", Plot, 0, LOST),
    case(Bug::VotesOneShort, "four", Weather, 0, &["decision", "agreement"]),
    case(Bug::ServerCountedTwice, "four", Plot, 0, &["decision", "agreement"]),
    case(Bug::OtherViewCounted, "nine", Weather, 0, &["decision"]),
    case(Bug::OwnVoteCountedEarly, "four", Weather, 0, &["decision"]),
    case(Bug::KernelOfCommits, "seven", Weather, 0, &["decision"]),
    case(Bug::VoteSentEarly, "four", Weather, 0, &["durability"]),
    case(Bug::VoteRepeatedEarly, "two-level", Weather, 0, &["durability"]),
    case(Bug::ReportSentEarly, "four", Plot, 0, &["durability"]),
    case(Bug::ShareSentEarly, "five", Weather, 0, &["durability"]),
    case(Bug::CommitSentEarly, "seven", Weather, 0, &["durability"]),
    case(Bug::LeaveNotJournalled, "four", Plot, 0, &["durability"]),
    case(Bug::VoteAfterLeaving, "four", Plot, 0, &["late vote", "panic"]),
    case(Bug::VoteWithoutPayload, "seven", Plot, 0, &["no liveness", "panic", "log", "validity"]),
    case(Bug::LeadsAgain, "five", Weather, 13, &["blame", "no liveness"]),
    case(Bug::LeaveForgotten, "seven", Weather, 10, &["late vote", "report", "blame", "panic"]),
    case(Bug::LastRecordForgotten, "two-level", Weather, 0, &["report", "double vote", "late vote", "blame", "panic"]),
    case(Bug::ReplayedBackwards, "five", Weather, 0, &["panic"]),
    case(Bug::SnapshotWithoutVote, "seven", Weather, 8, &["report", "selection", "new view", "double vote"]),
    case(Bug::CertificateIgnored, "four", Plot, 0, &["no liveness"]),
    case(Bug::PatienceNeverShrinks, "four", Plot, 0, &["patience"]),
    case(Bug::TimerRunsIdle, "four", Weather, 0, &["no rest"]),
    case(Bug::AskedForOnce, "two-level", Weather, 33, &["no liveness"]),
    case(Bug::RepeatTakenForLie, "four", Plot, 0, &["blame"]),
    case(Bug::DescendantTakenForLie, "four", Weather, 0, &["blame"]),
    case(Bug::BatchSentEarly, "four", Weather, 0, &["durability"]),
    case(Bug::BatchNumberReused, "four", Weather, 1, &["no liveness", "blame", "validity"]),
    case(Bug::BatchesNotResent, "five", Weather, 76, &["no liveness"]),
    case(Bug::ShareBeforeDecision, "two-level", Weather, 1, &["time", "certificate", "decision", "agreement", "halt", "log", "validity", "no liveness", "panic"]),
    case(Bug::BudgetUnchecked, "seven", Plot, 0, &["budget"]),
    case(Bug::LogUnchecked, "four", Weather, 8, &["log", "panic"]),
    case(Bug::TimeMayGoBack, "nine", Weather, 6, &["time"]),
    case(Bug::SequenceUnchecked, "four", Weather, 8, &["validity", "log", "panic"]),
    case(Bug::HeadersUnsigned, "seven", Weather, 11, LIES),
    case(Bug::ReportsUnsigned, "five", Weather, 11, LIES),
    case(Bug::OldReportsCounted, "two-level", Weather, 17, UNPROVEN),
    case(Bug::BranchUnlinked, "seven", Plot, 18, LIES),
    case(Bug::NewViewUnchecked, "nine", Weather, 4, UNPROVEN),
    case(Bug::CommitUnchecked, "seven", Weather, 11, LIES),
    case(Bug::CheckpointUnchecked, "seven", Weather, 2, LIES),
    case(Bug::OtherEpochAccepted, "nine", Weather, 17, LIES),
    case(Bug::OtherPolicyAccepted, "five", Weather, 27, UNPROVEN),
    case(Bug::SenderUnchecked, "two-level", Weather, 2, &["refused"]),
    case(Bug::EquivocationUnproven, "four", Weather, 11, &["blame"]),
    case(Bug::PayloadUnmatched, "nine", Weather, 32, LIES),
    case(Bug::BatchesUnsigned, "two-level", Weather, 2, &["blame", "validity"]),
    case(Bug::BlocksUnlinked, "two-level", Weather, 130, LIES),
    case(Bug::ProofsSkipped, "nine", Weather, 3, &["blame"]),
    case(Bug::ProofsUnchecked, "nine", Weather, 779, &["no liveness"]),
    case(Bug::FutureUnbounded, "seven", Weather, 26, &["memory"]),
    case(Bug::PendingUnbounded, "two-level", Weather, 5, &["memory"]),
    case(Bug::WantsUnbounded, "nine", Weather, 47, &["memory"]),
    case(Bug::AccusationsUnbounded, "nine", Weather, 30, &["memory"]),
    case(Bug::PoolUnbounded, "five", Weather, 30, &["memory"]),
    case(Bug::ConflictsUnbounded, "four", Weather, 5, &["memory"]),
    case(Bug::IntakeUnbounded, "four", Weather, 11, &["memory"]),
    case(Bug::CertificateNotShown, "four", Weather, 43, &["no liveness"]),
    case(Bug::MostSharesFollowed, "drawn", Weather, 194, &["no liveness"]),
    case(Bug::OwnCommitHidden, "seven", Plot, 3, &["report"]),
    case(Bug::OverheadCharged, "two-level", Weather, 79, &["memory"]),
    case(Bug::OtherEpochShared, "seven", Weather, 80, &["blame"]),
    case(Bug::OtherLogShared, "two-level", Weather, 17, &["blame"]),
    case(Bug::OtherTipFollowed, "seven", Plot, 71, &["report", "refused"]),
];
