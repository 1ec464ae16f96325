//! The API's own checks, for the fuzz targets.

use super::Notices;
use super::propose;
use ally_proto::Entry;
use ally_proto::v1::ProposeRequest;

/// Checks a message of a propose stream that expects `next_tag`: the first tag, and the entries.
///
/// # Errors
/// What the client is told.
pub fn request(message: ProposeRequest, next_tag: u64) -> Result<(u64, Vec<Entry>), String> {
    propose::submission(message, next_tag, &Notices::new().0)
        .map(|submission| (submission.first_tag, submission.entries))
        .map_err(|status| status.message().to_owned())
}
