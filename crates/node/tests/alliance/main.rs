//! Whole servers: what clients of an alliance see while members come and go.

mod bed;
mod damage;
mod liar;

use ally::{Proposal, Until};
use ally_consensus::TestimonyKind;
use ally_node::evidence::{self, Proven, Records};
use bed::Bed;
use liar::Liar;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);
const THREE_OF_FOUR: &str = "3 of (s0, s1, s2, s3)";

#[tokio::test(flavor = "multi_thread")]
async fn e2e_a_command_is_ordered_and_proven() {
    let bed = Bed::start(4, THREE_OF_FOUR, 300).await;
    let client = bed.client(0);
    let proposal = Proposal::new(b"hello").expect("short");
    let receipt = client.propose(&proposal, WITHIN).await.expect("ordered");
    assert_eq!(receipt.index, 0);
    let again = client.propose(&proposal, WITHIN).await.expect("ordered once");
    assert_eq!(again.index, 0, "a proposal is ordered once, however often it is sent");
    let status = client.status(WITHIN).await.remove(0).1.expect("it answers");
    assert_eq!(status.log_size, 1, "what the log holds is not ordered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn e2e_any_one_of_four_may_stop_and_come_back() {
    let mut bed = Bed::start(4, THREE_OF_FOUR, 300).await;
    for stopped in 0..4 {
        bed.down(stopped).await;
        let client = bed.client((stopped + 1) % 4);
        for number in 0..5 {
            let command = format!("{number} without s{stopped}");
            let proposal = Proposal::new(command.as_bytes()).expect("short");
            let placed = client.propose_until(&[proposal], Until::Decided, WITHIN).await;
            placed.unwrap_or_else(|e| panic!("without s{stopped}: {e:?}"));
        }
        bed.up(stopped).await;
        let client = bed.client(stopped);
        let proposal = Proposal::new(format!("s{stopped} is back").as_bytes()).expect("short");
        let receipt = client.propose(&proposal, WITHIN).await;
        let receipt = receipt.unwrap_or_else(|e| panic!("s{stopped} back: {e:?}"));
        assert_eq!(receipt.index, 6 * stopped as u64 + 5);
    }
    for place in 0..4 {
        bed.down(place).await;
    }
    nobody_is_guilty(&bed);
}

/// What all servers kept, together: it agrees, and accuses nobody.
fn nobody_is_guilty(bed: &Bed) {
    let all = (0..4).map(|place| {
        let records = Records::of_data(bed.config(place).data(), &bed.alliance).expect("readable");
        let file = records.to_file(&bed.alliance);
        assert_eq!(Records::from_file(&file, &bed.alliance).expect("reads back"), records);
        records
    });
    let all: Vec<_> = all.collect();
    assert!(all.iter().all(|records| records.count(TestimonyKind::Backing) > 0));
    assert!(all.iter().any(|records| records.count(TestimonyKind::Choice) > 0));
    let compared = evidence::compare(&all, &bed.alliance).expect("the document is right");
    assert_eq!((compared.conflict, compared.refused), (None, 0));
    assert!(compared.proven.is_empty() && compared.ends.is_empty());
}

/// The formula for certificates is one's own choice: a server that it leaves out has no share.
#[tokio::test(flavor = "multi_thread")]
async fn e2e_a_server_may_have_no_part_in_certificates() {
    let formulas = [("decide", THREE_OF_FOUR), ("certify", "2 of (s0, s1, s2)")];
    let bed = Bed::with(4, &formulas, 300).await;
    let proposal = Proposal::new(b"hello").expect("short");
    let receipt = bed.client(3).propose(&proposal, WITHIN).await.expect("ordered and certified");
    assert_eq!(receipt.index, 0);
}

/// The leader shows one block to two servers and another to the third, and lets one of the two decide
/// alone. The others must come to the same decision without being able to know of it.
#[tokio::test(flavor = "multi_thread")]
async fn e2e_a_leader_that_equivocates_changes_nothing() {
    let mut bed = Bed::down_all(4, &[("decide", THREE_OF_FOUR)], 300);
    let all_met = Liar::start(&bed).await;
    for place in 1..4 {
        bed.up(place).await;
    }
    tokio::time::timeout(WITHIN, all_met).await.expect("in time").expect("the liar runs");
    let mut entries = Vec::new();
    for number in 0..6 {
        let proposal = Proposal::new(format!("command {number}").as_bytes()).expect("short");
        let receipt = bed.client(1 + number % 3).propose(&proposal, WITHIN).await;
        let receipt = receipt.unwrap_or_else(|e| panic!("command {number}: {e:?}"));
        assert_eq!(receipt.index, number as u64, "each command is ordered once");
        entries.push(proposal.entry().clone());
    }
    for place in 1..4 {
        let client = bed.client(place);
        for (index, entry) in entries.iter().enumerate() {
            let (found, _) = client.receipt(index as u64, WITHIN).await.expect("held and proven");
            assert_eq!(found, *entry, "entry {index} at s{place}");
        }
    }
    let shown = evidence_shown(&bed, 1).await;
    let mut kept = Vec::new();
    for place in 1..4 {
        bed.down(place).await;
        kept.extend(bed.evidence(place));
        // It is there after a restart, and no more of it.
        bed.up(place).await;
        bed.down(place).await;
        kept.truncate(kept.len() - bed.evidence(place).len());
        kept.extend(bed.evidence(place));
    }
    kept.sort_unstable();
    kept.dedup();
    let mut listed: Vec<_> = shown.iter().map(|proven| proven.id).collect();
    listed.sort_unstable();
    assert!(listed.iter().all(|id| kept.contains(id)), "{listed:?} of {kept:?}");
}

/// Evidence that is held already adds nothing to the store. Where it is the last that a server was to
/// write, there is nothing to wait for, and the server stops all the same.
#[tokio::test(flavor = "multi_thread")]
async fn e2e_a_server_stops_after_evidence_that_it_holds_already() {
    let mut bed = Bed::down_all(4, &[("decide", THREE_OF_FOUR)], 300);
    let mut heard = Liar::babble(&bed).await;
    for time in 0..3 {
        bed.up(1).await;
        tokio::time::timeout(WITHIN, heard.recv()).await.expect("in time").expect("the liar runs");
        wait_for_evidence(&bed, 1).await;
        // Time to take in what came again, of which nothing is to be seen.
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::time::timeout(WITHIN, bed.down(1)).await.expect("it stops");
        assert_eq!(bed.evidence(1).len(), 1, "after start {time}");
    }
}

/// Waits until a server, the only one that is up, holds evidence.
async fn wait_for_evidence(bed: &Bed, place: usize) {
    let holds = async || {
        let answers = bed.client(place).evidence(WITHIN).await;
        answers.iter().any(|(_, answer)| answer.as_ref().is_ok_and(|listed| !listed.is_empty()))
    };
    let waits = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WITHIN, waits).await.expect("in time");
}

/// What clients are told about misbehaviour: listed, fetched, put into a file, and verified with the
/// document alone. All of it convicts the leader of view 0.
async fn evidence_shown(bed: &Bed, first: usize) -> Vec<Proven> {
    let client = bed.client(first);
    let liar = bed.alliance.rotation().leader(ally_consensus::View(0));
    let mut shown = Vec::new();
    for (server, answer) in client.evidence(WITHIN).await {
        let Ok(listed) = answer else { continue };
        for summary in listed {
            let id = summary.id[..].try_into().expect("32 bytes");
            let bytes = client.fetch_evidence(&server, id, WITHIN).await.expect("it is kept");
            let (proven, text) = evidence::to_file(&bytes, &bed.alliance).expect("a proof");
            assert_eq!(proven.id.0, id);
            assert_eq!(proven.culprit, liar);
            assert_eq!((&summary.server, &summary.kind[..]), (&proven.server, proven.kind));
            assert_eq!(evidence::verify_file(&text, &bed.alliance).expect("verifies"), proven);
            shown.push(proven);
        }
    }
    let blocks = shown.iter().filter(|proven| proven.kind == "two-blocks").count();
    assert!(blocks > 0, "whoever saw both blocks keeps the proof: {shown:?}");
    shown
}
