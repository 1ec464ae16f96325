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
    case(Bug::EquivocationIgnored, "seven", Plot, 1, LOST),
    case(Bug::EquivocatorAdmitted, "four", Plot, 7, LOST),
    case(Bug::EquivocatorNotCounted, "four", Plot, 7, LOST),
    case(Bug::CommitIgnored, "seven", Plot, 8, LOST),
    case(Bug::EarlyBlocksVotedFor, "seven", Weather, 3, &["time"]),
    case(Bug::EarlyReportsCounted, "seven", Weather, 3, &["time"]),
    case(Bug::ReportsOneShort, "four", Weather, 24, LOST),
    case(Bug::LowestCertificate, "seven", Weather, 5, LOST),
    case(Bug::LowestView, "nine", Weather, 0, LOST),
    case(Bug::ChoiceUnchecked, "nine", Weather, 48, LOST),
    case(Bug::TipNotHeld, "nine", Weather, 0, &["durability"]),
    case(Bug::TipNotJournalled, "nine", Weather, 0, &["durability"]),
    case(Bug::OlderVoteUnreported, "seven", Plot, 0, LOST),
    case(Bug::CommitUnreported, "seven", Plot, 0, LOST),
    case(Bug::VotesOneShort, "four", Weather, 0, &["decision", "agreement"]),
    case(Bug::ServerCountedTwice, "four", Plot, 0, &["decision", "agreement"]),
    case(Bug::OtherViewCounted, "two-level", Weather, 0, &["decision"]),
    case(Bug::OwnVoteCountedEarly, "four", Weather, 0, &["decision"]),
    case(Bug::KernelOfCommits, "seven", Weather, 1, &["decision"]),
    case(Bug::VoteSentEarly, "four", Weather, 0, &["durability"]),
    case(Bug::VoteRepeatedEarly, "four", Plot, 0, &["durability"]),
    case(Bug::ReportSentEarly, "four", Plot, 0, &["durability"]),
    case(Bug::ShareSentEarly, "five", Plot, 0, &["durability"]),
    case(Bug::CommitSentEarly, "seven", Weather, 0, &["durability"]),
    case(Bug::LeaveNotJournalled, "four", Plot, 0, &["durability"]),
    case(Bug::VoteAfterLeaving, "four", Plot, 0, &["late vote", "panic"]),
    case(Bug::VoteWithoutPayload, "seven", Plot, 0, &["no liveness", "panic", "log", "validity"]),
    case(Bug::LeadsAgain, "seven", Weather, 2, &["blame", "no liveness"]),
    case(Bug::LeaveForgotten, "two-level", Weather, 5, &["late vote", "report", "blame", "panic"]),
    case(Bug::LastRecordForgotten, "seven", Weather, 2, &["report", "double vote", "late vote", "blame", "panic"]),
    case(Bug::ReplayedBackwards, "five", Weather, 0, &["panic"]),
    case(Bug::SnapshotWithoutVote, "two-level", Weather, 0, &["report", "selection", "new view", "double vote"]),
    case(Bug::CertificateIgnored, "four", Plot, 0, &["no liveness"]),
    case(Bug::PatienceNeverShrinks, "five", Weather, 0, &["patience"]),
    case(Bug::TimerRunsIdle, "four", Weather, 0, &["no rest"]),
    case(Bug::AskedForOnce, "nine", Weather, 49, &["no liveness"]),
    case(Bug::RepeatTakenForLie, "four", Plot, 0, &["blame"]),
    case(Bug::DescendantTakenForLie, "four", Weather, 0, &["blame"]),
    case(Bug::BatchSentEarly, "four", Weather, 0, &["durability"]),
    case(Bug::BatchNumberReused, "four", Weather, 1, &["no liveness", "blame", "validity"]),
    case(Bug::BatchesNotResent, "seven", Weather, 131, &["no liveness"]),
    case(Bug::ShareBeforeDecision, "two-level", Weather, 0, &["time", "certificate", "decision", "agreement", "halt", "log", "validity", "no liveness", "panic"]),
    case(Bug::BudgetUnchecked, "seven", Plot, 0, &["budget"]),
    case(Bug::LogUnchecked, "seven", Weather, 0, &["log", "panic"]),
    case(Bug::TimeMayGoBack, "nine", Weather, 0, &["time"]),
    case(Bug::SequenceUnchecked, "nine", Weather, 0, &["validity", "log", "panic"]),
    case(Bug::HeadersUnsigned, "nine", Weather, 0, LIES),
    case(Bug::ReportsUnsigned, "nine", Weather, 0, LIES),
    case(Bug::OldReportsCounted, "two-level", Weather, 28, LOST),
    case(Bug::BranchUnlinked, "two-level", Weather, 17, LIES),
    case(Bug::NewViewUnchecked, "five", Weather, 32, LOST),
    case(Bug::CommitUnchecked, "seven", Weather, 0, LIES),
    case(Bug::CheckpointUnchecked, "nine", Weather, 0, LIES),
    case(Bug::OtherEpochAccepted, "nine", Weather, 0, LIES),
    case(Bug::OtherPolicyAccepted, "nine", Weather, 138, LOST),
    case(Bug::SenderUnchecked, "nine", Weather, 0, &["refused"]),
    case(Bug::EquivocationUnproven, "five", Weather, 6, &["blame"]),
    case(Bug::PayloadUnmatched, "seven", Weather, 6, LIES),
    case(Bug::BatchesUnsigned, "nine", Weather, 2, &["blame", "validity"]),
    case(Bug::BlocksUnlinked, "seven", Weather, 78, LIES),
    case(Bug::ProofsSkipped, "nine", Weather, 3, &["blame"]),
    case(Bug::ProofsUnchecked, "seven", Weather, 25, &["no liveness"]),
];
