//! Some receipts of a run, checked as a stranger would.

use super::checks::Check;
use super::history::History;
use crate::demo::{Verdict, openssl_verifies};
use crate::failure::Failure;
use crate::files::read_text;
use crate::member::{self, PUBLIC_KEY_FILE};
use ally::{AllianceKey, ReceiptFile};
use ally_alliance::{Alliance, KeyPurpose};
use ally_threshold::Scheme;
use std::path::Path;

/// Certificates that openssl is shown: it takes some milliseconds for each.
const OPENSSL_MAX: usize = 8;

/// Checks the sample with the alliance's public key alone, and some of its certificates with openssl
/// where there is one that knows the scheme.
///
/// # Errors
/// [`Failure`] if a file cannot be read or written.
pub async fn judge(
    histories: &[History],
    alliance: &Alliance,
    dir: &Path,
) -> Result<Vec<Check>, Failure> {
    let pem = read_text(&dir.join(PUBLIC_KEY_FILE), 1 << 16)?;
    let key = AllianceKey::from_pem(&pem).map_err(Failure::internal)?;
    let mut ours = Check::of("receipts verify offline, as files");
    for history in histories {
        for (proposal, receipt) in &history.sample {
            let text = proposal.receipt_file(receipt.clone()).to_text();
            let verified = ReceiptFile::from_text(text.as_bytes())
                .map_err(|error| error.to_string())
                .and_then(|file| {
                    file.verify(&proposal.command(), &key).map_err(|error| error.to_string())
                });
            ours.look(verified.err().map(|error| format!("of entry {}: {error}", receipt.index)));
        }
    }
    let mut checks = vec![ours];
    // openssl knows no BLS.
    if alliance.key(KeyPurpose::Certify).scheme() != Scheme::Bls12381 {
        checks.extend(openssl(histories, dir).await?);
    }
    Ok(checks)
}

async fn openssl(histories: &[History], dir: &Path) -> Result<Option<Check>, Failure> {
    let mut check = Check::of("openssl verifies the certificates of receipts");
    let pem = dir.join(PUBLIC_KEY_FILE);
    let (statement, signature) = (dir.join("checkpoint.txt"), dir.join("cert.sig"));
    let last = histories.iter().filter_map(|history| history.sample.last());
    for (_, receipt) in last.take(OPENSSL_MAX) {
        let certificate = &receipt.certificate;
        member::write(&statement, certificate.checkpoint.statement().as_bytes())?;
        member::write(&signature, &certificate.signature)?;
        match openssl_verifies(&pem, &signature, &statement).await? {
            Verdict::NotInstalled => return Ok(None),
            Verdict::Verified => check.look(None::<String>),
            Verdict::Refused => {
                check.look(Some(format!("it refuses that of entry {}", receipt.index)));
            }
        }
    }
    Ok(Some(check))
}
