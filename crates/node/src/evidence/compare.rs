//! From what several servers kept to evidence against those who told them different things.

use super::file::{EvidenceError, Proven, to_file};
use super::records::Records;

use ally_alliance::Alliance;
use ally_codec::Encode;
use ally_consensus::{Conflict, Findings, Law, Pool, TrailEnd};
use ally_keyring::PublicKeys;
use ally_replica::Evidence;

/// What the records of several servers show.
#[derive(Debug)]
pub struct Comparison {
    /// The lowest height at which two blocks are decided; none if the records agree.
    pub conflict: Option<Conflict>,
    /// Proofs, checked, each with its file: one for each server and rule.
    pub proven: Vec<(Proven, String)>,
    /// Whether the guilty are more than the policy tolerates.
    pub beyond_policy: bool,
    /// Certificates that took part in the conflict and that nothing in the records explains.
    pub ends: Vec<TrailEnd>,
    /// Parts that were not what their signers signed; they were left out.
    pub refused: usize,
}

/// Holds the records of several servers against each other.
///
/// # Errors
/// [`EvidenceError::Origin`]: the document is to blame.
///
/// # Cost
/// One signature check for each vote, commit, header and report in the records.
pub fn compare(records: &[Records], alliance: &Alliance) -> Result<Comparison, EvidenceError> {
    let keys = PublicKeys::of(alliance)?;
    let (context, rotation) = (alliance.context(), alliance.rotation());
    let policy = alliance.policy();
    let law = Law { context: &context, rotation: &rotation, policy, judge: &keys };
    let mut pool = Pool::new(law);
    for Records { server: _, testimony, headers, certificate } in records {
        testimony.iter().for_each(|testimony| pool.take(testimony));
        headers.iter().for_each(|header| pool.take_header(header.clone()));
        certificate.iter().for_each(|certificate| pool.take_certificate(certificate));
    }
    let Findings { conflict, charges, beyond_policy, ends } = pool.findings();
    let files = charges
        .into_iter()
        .map(|charge| to_file(&Evidence::Consensus(charge).to_bytes(), alliance));
    let proven = files.collect::<Result<_, _>>()?;
    Ok(Comparison { conflict, proven, beyond_policy, ends, refused: pool.refused() })
}
