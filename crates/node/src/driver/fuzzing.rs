//! The driver's own readers, for the fuzz targets.

use super::stored::BlockRecord;
use ally_codec::{Decode, Encode};

/// Reads the body of a stored block and writes it again; none if it is refused.
pub fn block_record(bytes: &[u8]) -> Option<Vec<u8>> {
    BlockRecord::from_bytes(bytes).ok().map(|record| record.to_bytes())
}
