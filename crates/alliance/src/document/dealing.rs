//! Dealing all threshold keys of an alliance at once.

use super::{Draft, KeyPurpose, ThresholdKeys};
use crate::key_file::KeyFileError;
use crate::server_config::share_file_name;
use crate::share_file::write_share;
use ally_policy::ServerIndex;
use ally_threshold::{DealError, Dealt, KeyShare, Progress, Scheme, deal};
use rand_core::CryptoRng;
use std::path::Path;

/// The shares of one server, of every key that it has a share of.
pub struct ServerShares {
    server: ServerIndex,
    shares: Vec<(KeyPurpose, KeyShare)>,
}

impl Draft {
    /// Deals the keys over the policy's formulas: the one for checkpoints in `scheme`, the two that
    /// stay among servers in BLS. Also returns what each server gets, in the order of the servers;
    /// whoever calls this is trusted until the shares have been handed over and forgotten.
    ///
    /// # Errors
    /// [`DealError`]: cancelled, or a formula that the scheme cannot carry.
    ///
    /// # Cost
    /// RSA: seconds on all cores (3072 bits); see [`deal`]. BLS: milliseconds.
    pub fn deal(
        &self,
        scheme: Scheme,
        rng: &mut impl CryptoRng,
        progress: &dyn Progress,
    ) -> Result<(ThresholdKeys, Vec<ServerShares>), DealError> {
        let mut deal = |purpose: KeyPurpose, scheme| -> Result<Dealt, DealError> {
            deal(scheme, purpose.formula(&self.policy), self.epoch().0, rng, progress)
        };
        let certify = deal(KeyPurpose::Certify, scheme)?;
        let kernel = deal(KeyPurpose::Kernel, Scheme::Bls12381)?;
        let quorum = deal(KeyPurpose::Quorum, Scheme::Bls12381)?;
        let mut servers: Vec<ServerShares> = (0..self.policy.server_count())
            .map(|index| ServerShares { server: ServerIndex(index as u16), shares: Vec::new() })
            .collect();
        let keys = ThresholdKeys {
            certify: hand_out(KeyPurpose::Certify, certify, &mut servers),
            kernel: hand_out(KeyPurpose::Kernel, kernel, &mut servers),
            quorum: hand_out(KeyPurpose::Quorum, quorum, &mut servers),
        };
        Ok((keys, servers))
    }
}

fn hand_out(
    purpose: KeyPurpose,
    dealt: Dealt,
    servers: &mut [ServerShares],
) -> ally_threshold::PublicKey {
    for share in dealt.shares {
        // A formula of the policy names servers of the policy only.
        if let Some(server) = servers.get_mut(share.server().index()) {
            server.shares.push((purpose, share));
        }
    }
    dealt.public
}

impl ServerShares {
    /// Whose shares these are.
    pub fn server(&self) -> ServerIndex {
        self.server
    }

    /// The share of the key of this purpose; `None` if the formula does without this server.
    pub fn of(&self, purpose: KeyPurpose) -> Option<&KeyShare> {
        self.shares.iter().find(|(own, _)| *own == purpose).map(|(_, share)| share)
    }

    /// Writes each share to its file in the server's key directory, which must exist. `owner` is the
    /// server's name.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`], [`KeyFileError::Write`].
    pub fn write(&self, directory: &Path, owner: &str) -> Result<(), KeyFileError> {
        self.shares.iter().try_for_each(|(purpose, share)| {
            write_share(&directory.join(share_file_name(*purpose)), *purpose, owner, share)
        })
    }
}
