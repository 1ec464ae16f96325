//! Receipts out of the alliance and into files.

use super::{Artefacts, Bar, unexpected};
use crate::failure::Failure;
use ally::{Client, Placement, Proposal, Receipt};
use futures::{StreamExt, TryStreamExt, stream};
use std::path::PathBuf;
use std::time::Duration;

/// Receipts asked for at a time.
const UNDER_WAY: usize = 64;

/// What was written.
pub struct Written {
    /// How many receipts.
    pub count: usize,
    /// The last of them, with its command.
    pub sample: (PathBuf, PathBuf),
    /// The one whose certificate covers most.
    pub newest: Receipt,
}

/// Fetches the receipts of all these commands and writes them; `bar` counts them. The library
/// verifies each: entry, proof, certificate.
///
/// # Errors
/// [`Failure`] if one does not come `within` the time, is for another command, or cannot be written.
pub async fn write_receipts(
    client: &Client,
    artefacts: &Artefacts,
    placed: &[(Proposal, Placement)],
    within: Duration,
    bar: &Bar,
) -> Result<Written, Failure> {
    let last = placed.iter().map(|(_, place)| place.index).max().unwrap_or(0);
    let fetched = placed.iter().map(|(proposal, place)| async move {
        let (entry, receipt) = client.receipt(place.index, within).await?;
        match entry == *proposal.entry() {
            true => Ok((proposal, receipt)),
            false => Err(unexpected(format_args!("another command stands at {}", place.index))),
        }
    });
    let mut fetched = stream::iter(fetched).buffered(UNDER_WAY);
    let mut written: Option<Written> = None;
    while let Some((proposal, receipt)) = fetched.try_next().await? {
        let sample = artefacts.write_receipt(proposal, receipt.clone(), last)?;
        let size = |receipt: &Receipt| receipt.certificate.checkpoint.log_size;
        let (count, newest) = match written {
            Some(own) if size(&own.newest) >= size(&receipt) => (own.count, own.newest),
            own => (own.map_or(0, |own| own.count), receipt),
        };
        written = Some(Written { count: count + 1, sample, newest });
        bar.more(1);
    }
    written.ok_or_else(|| unexpected("there are no receipts"))
}
