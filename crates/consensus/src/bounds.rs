//! How much one message may hold, in an alliance of so many servers.

use crate::message::BRANCH_HEADERS_MAX;
use crate::{Quorums, SIGNATURE_BYTES_MAX};

/// The most bytes that a choice of a new leader, with a report of every server, may take. Three
/// quarters of a frame: a queue that holds one has room for other messages.
pub const NEW_VIEW_BYTES_MAX: usize = 12 << 20;

const BLOCK_BYTES: usize = 8 + 32;
const SIGNED_BYTES: usize = 2 + 64;
const SIGNED_HEADER_BYTES: usize = SIGNED_BYTES + 4 * 32 + 5 * 8;
const CHECKPOINT_BYTES: usize = BLOCK_BYTES + 8 + 32 + 4 + SIGNATURE_BYTES_MAX;
const STATEMENT_BYTES: usize = 8 + BLOCK_BYTES + 4 + SIGNATURE_BYTES_MAX;
/// A branch without its headers.
const BRANCH_BYTES: usize = 8 + 1 + STATEMENT_BYTES + 4;
/// A signed report without branches and commit certificate: view and certified block, and a byte
/// for each part that there may be.
const REPORT_BYTES: usize = SIGNED_BYTES + 8 + 1 + CHECKPOINT_BYTES + 1 + 1;
/// A choice without reports, with its signature and its kind.
const CHOICE_BYTES: usize = SIGNED_BYTES + 1 + 8 + 4 + BLOCK_BYTES;

/// What follows from the number of servers, and from whether there is a slow path: how long a report
/// may be. The same at every server of an alliance.
///
/// A new leader sends the reports of all servers in one message. So that it fits into a frame
/// whatever they hold, the more servers there are, the fewer blocks may wait for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    servers: usize,
    slow_path: bool,
    branch_headers_max: usize,
}

impl Bounds {
    /// The bounds under a policy.
    pub fn of(policy: &dyn Quorums) -> Self {
        let slow_path = policy.has_slow_path();
        let servers = policy.server_count();
        let share = (NEW_VIEW_BYTES_MAX - CHOICE_BYTES) / servers.max(1);
        let branches = if slow_path { 2 } else { 1 };
        let headers = share.saturating_sub(report_bytes(slow_path, 0)) / SIGNED_HEADER_BYTES;
        let branch_headers_max = (headers / branches).clamp(1, BRANCH_HEADERS_MAX);
        Self { servers, slow_path, branch_headers_max }
    }

    /// How many servers there are.
    pub fn servers(&self) -> usize {
        self.servers
    }

    /// Whether commits decide too, so that votes carry shares and reports commits.
    pub fn has_slow_path(&self) -> bool {
        self.slow_path
    }

    /// The most headers of one branch in a report: as many blocks may be voted for past the last
    /// certified one.
    pub fn branch_headers_max(&self) -> usize {
        self.branch_headers_max
    }
}

/// The longest signed report whose branches have so many headers.
const fn report_bytes(slow_path: bool, headers: usize) -> usize {
    let branch = BRANCH_BYTES + headers * SIGNED_HEADER_BYTES;
    let committed = if slow_path { STATEMENT_BYTES + branch } else { 0 };
    REPORT_BYTES + branch + committed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::selection::tests::Counts;
    use crate::{
        AllianceId, BlockHash, BlockHeader, BlockRef, Branch, CheckpointCertificate,
        CommitCertificate, Digest, Epoch, Height, Message, Micros, NewView, NewViewCertificate,
        Signed, View, ViewChange, WINDOW_BLOCKS,
    };
    use ally_codec::{Decode, Encode};
    use ally_policy::{SERVERS_MAX, ServerIndex};
    use std::sync::Arc;

    fn bounds(n: usize, slow_path: bool) -> Bounds {
        Bounds::of(&Counts { n, f: 1, t: usize::from(!slow_path) })
    }

    fn signed<T>(signer: usize, body: T) -> Signed<T> {
        Signed { signer: ServerIndex(signer as u16), signature: [7; 64], body }
    }

    /// The longest report there may be.
    fn report(bounds: Bounds, signer: usize) -> Signed<ViewChange> {
        let (hash, signature) = (BlockHash([1; 32]), vec![9; SIGNATURE_BYTES_MAX]);
        let block = BlockRef { height: Height(1), hash };
        let header = BlockHeader {
            alliance: AllianceId([2; 32]),
            epoch: Epoch(0),
            height: Height(2),
            view: View(3),
            parent: hash,
            payload_digest: Digest([4; 32]),
            log_size: 5,
            log_root: Digest([6; 32]),
            timestamp_us: Micros(7),
        };
        let certificate =
            NewViewCertificate { view: View(3), tip: block, signature: signature.clone() };
        let headers = vec![signed(signer, header); bounds.branch_headers_max()];
        let branch = Branch { view: View(3), new_view: Some(certificate), headers };
        let log_root = Digest([6; 32]);
        let commit = CommitCertificate { view: View(3), block, signature: signature.clone() };
        let body = ViewChange {
            view: View(4),
            certified: Some(CheckpointCertificate { block, log_size: 5, log_root, signature }),
            voted: Some(branch.clone()),
            committed: bounds.has_slow_path().then_some((commit, branch)),
        };
        signed(signer, body)
    }

    #[test]
    fn lengths_are_those_of_the_encoding() {
        for slow_path in [false, true] {
            let bounds = bounds(40, slow_path);
            let report = Arc::new(report(bounds, 1));
            let expected = report_bytes(slow_path, bounds.branch_headers_max());
            assert_eq!(report.to_bytes().len(), expected);
            let choice = NewView {
                view: View(4),
                reports: [&report; 3].map(Arc::clone).into(),
                tip: BlockRef { height: Height(1), hash: BlockHash([1; 32]) },
            };
            let message = signed(0, Message::NewView(choice));
            assert_eq!(message.to_bytes().len(), CHOICE_BYTES + 3 * expected);
        }
    }

    #[test]
    fn the_largest_choice_fits_however_many_servers_there_are() {
        for n in 1..=SERVERS_MAX {
            for slow_path in [false, true] {
                let headers = bounds(n, slow_path).branch_headers_max();
                let bytes = CHOICE_BYTES + n * report_bytes(slow_path, headers);
                assert!(bytes <= NEW_VIEW_BYTES_MAX, "{n} servers: {bytes} bytes");
                assert!(headers as u64 >= WINDOW_BLOCKS, "{n} servers: {headers} headers");
            }
        }
        assert_eq!(bounds(50, false).branch_headers_max(), BRANCH_HEADERS_MAX);
        assert!(bounds(60, false).branch_headers_max() < BRANCH_HEADERS_MAX);
    }

    #[test]
    fn a_choice_of_the_largest_alliance_is_read_back() {
        let bounds = bounds(SERVERS_MAX, true);
        let reports = (0..SERVERS_MAX).map(|signer| Arc::new(report(bounds, signer))).collect();
        let tip = BlockRef { height: Height(1), hash: BlockHash([1; 32]) };
        let message = Message::NewView(NewView { view: View(4), reports, tip });
        let bytes = message.to_bytes();
        assert!(bytes.len() <= NEW_VIEW_BYTES_MAX);
        assert!(bytes.len() > NEW_VIEW_BYTES_MAX * 9 / 10, "the room is used");
        assert_eq!(Message::from_bytes(&bytes), Ok(message));
    }
}
