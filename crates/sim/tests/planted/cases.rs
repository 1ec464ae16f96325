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

/// What comes of too few reports: the same, or the choice convicts who made it.
const TOO_FEW: &[&str] = &["selection", "new view", "agreement", "no liveness", "accountability"];

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
    case(Bug::EquivocationIgnored, "five", Plot, 0, LOST),
    case(Bug::EquivocatorAdmitted, "four", Plot, 4, LOST),
    case(Bug::EquivocatorNotCounted, "four", Plot, 4, LOST),
    case(Bug::CommitIgnored, "drawn", Plot, 12, LOST),
    case(Bug::EarlyBlocksVotedFor, "five", Weather, 3, &["time"]),
    case(Bug::EarlyReportsCounted, "five", Weather, 3, &["time"]),
    case(Bug::ReportsOneShort, "five", Plot, 2, TOO_FEW),
    case(Bug::LowestCertificate, "four", Weather, 1, LOST),
    case(Bug::LowestView, "two-level", Weather, 0, LOST),
    case(Bug::ChoiceUnchecked, "drawn", Weather, 46, LOST),
    case(Bug::TipNotHeld, "four", Plot, 0, &["durability"]),
    case(Bug::TipNotJournalled, "four", Plot, 0, &["durability"]),
    case(Bug::OlderVoteUnreported, "two-level", Weather, 0, LOST),
    case(Bug::CommitUnreported, "seven", Plot, 0, LOST),
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
    case(Bug::VoteWithoutPayload, "nine", Weather, 0, &["budget", "no liveness", "panic", "log", "validity"]),
    case(Bug::LeadsAgain, "five", Weather, 13, &["blame", "no liveness"]),
    case(Bug::LeaveForgotten, "five", Plot, 7, &["late vote", "report", "blame", "panic"]),
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
    case(Bug::BatchesNotResent, "five", Weather, 76, &["no liveness"]),
    case(Bug::ShareBeforeDecision, "seven", Weather, 3, &["time", "certificate", "decision", "agreement", "halt", "log", "validity", "no liveness", "panic"]),
    case(Bug::BudgetUnchecked, "two-level", Plot, 0, &["budget"]),
    case(Bug::LogUnchecked, "four", Weather, 8, &["log", "panic"]),
    case(Bug::TimeMayGoBack, "nine", Weather, 6, &["time"]),
    case(Bug::SequenceUnchecked, "four", Weather, 8, &["validity", "log", "panic"]),
    case(Bug::HeadersUnsigned, "four", Weather, 4, LIES),
    case(Bug::ReportsUnsigned, "four", Weather, 27, LIES),
    case(Bug::OldReportsCounted, "seven", Weather, 27, UNPROVEN),
    case(Bug::BranchUnlinked, "seven", Plot, 1, LIES),
    case(Bug::NewViewUnchecked, "drawn", Weather, 2, UNPROVEN),
    case(Bug::CommitUnchecked, "drawn", Weather, 2, LIES),
    case(Bug::CheckpointUnchecked, "nine", Weather, 2, LIES),
    case(Bug::OtherEpochAccepted, "drawn", Weather, 11, LIES),
    case(Bug::OtherPolicyAccepted, "two-level", Weather, 11, UNPROVEN),
    case(Bug::SenderUnchecked, "drawn", Weather, 2, &["refused"]),
    case(Bug::EquivocationUnproven, "four", Weather, 11, &["blame"]),
    case(Bug::PayloadUnmatched, "two-level", Weather, 17, LIES),
    case(Bug::BatchesUnsigned, "seven", Weather, 2, &["blame", "validity"]),
    case(Bug::BlocksUnlinked, "drawn", Weather, 91, LIES),
    case(Bug::ProofsSkipped, "five", Weather, 1, &["blame"]),
    case(Bug::ProofsUnchecked, "drawn", Weather, 425, &["no liveness"]),
    case(Bug::FutureUnbounded, "seven", Weather, 26, &["memory"]),
    case(Bug::PendingUnbounded, "two-level", Weather, 5, &["memory"]),
    case(Bug::WantsUnbounded, "drawn", Weather, 26, &["memory"]),
    case(Bug::AccusationsUnbounded, "nine", Weather, 30, &["memory"]),
    case(Bug::PoolUnbounded, "drawn", Weather, 44, &["memory"]),
    case(Bug::ConflictsUnbounded, "four", Weather, 5, &["memory"]),
    case(Bug::IntakeUnbounded, "four", Weather, 11, &["memory"]),
    case(Bug::CertificateNotShown, "drawn", Weather, 41, &["no liveness"]),
    case(Bug::MostSharesFollowed, "drawn", Weather, 32, &["no liveness"]),
    case(Bug::NotToldAgain, "drawn", Weather, 496, &["no liveness"]),
    case(Bug::OwnCommitHidden, "seven", Plot, 1, &["report"]),
    case(Bug::OverheadCharged, "two-level", Weather, 174, &["memory"]),
    case(Bug::OtherEpochShared, "drawn", Weather, 18, &["blame"]),
    case(Bug::OtherLogShared, "two-level", Weather, 17, &["blame"]),
    case(Bug::OtherTipFollowed, "seven", Plot, 71, &["report", "refused"]),
    case(Bug::UnsignedNonsenseKept, "seven", Weather, 2, &["blame"]),
];
