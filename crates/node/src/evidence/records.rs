//! What a server kept of what others signed, as a file to carry to others.
//!
//! ```text
//! "ally records 1\n" || alliance (32) || epoch (8) || server (2)
//!   || testimonies || headers || newest certificate
//! ```
//!
//! in the canonical encoding. The file is not signed: every part of it that counts stands for itself.

use crate::driver::stored::BlockRecord;
use crate::store::{Durability, Identity, Store, StoreError};
use ally_alliance::Alliance;
use ally_codec::{Decode, DecodeError, Reader, Writer};
use ally_consensus::{
    AllianceId, BlockHeader, CheckpointCertificate, Epoch, Height, Testimony, TestimonyKind,
};
use ally_policy::ServerIndex;
use std::path::Path;
use thiserror::Error;

/// The longest file: as much as a server keeps, with the headers of as many blocks.
pub const RECORDS_FILE_BYTES_MAX: usize = 256 << 20;

/// The most testimonies, and headers, in one file.
const ITEMS_MAX: usize = 1 << 20;
/// The most blocks whose headers go with the testimony: the newest.
const HEADERS_MAX: u64 = 1 << 18;
/// How a file begins.
const MAGIC: &[u8] = b"ally records 1\n";

/// What one server kept of what others signed, and what it decided meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Whose records these are, as whoever brings them says; nothing rests on it.
    pub server: ServerIndex,
    /// What others signed.
    pub testimony: Vec<Testimony>,
    /// The decided blocks from the lowest that the testimony is about, ascending.
    pub headers: Vec<BlockHeader>,
    /// For the highest certified block.
    pub certificate: Option<CheckpointCertificate>,
}

/// Why records cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They are those of another alliance's server, or of another epoch.
    #[error("they are records of alliance {found}, and the document is that of {expected}")]
    OtherAlliance {
        /// Which one, with its epoch.
        found: String,
        /// That of the document.
        expected: String,
    },
    /// The bytes are no records.
    #[error("they cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
}

impl Records {
    /// Reads the data directory of a server that does not run. Nothing is added to it; a last write
    /// that was cut off is dropped, as the server's own start would.
    ///
    /// # Errors
    /// [`RecordsError`]: the directory, or whoever named it, is to blame.
    ///
    /// # Cost
    /// Reads what was kept: at most 64 MiB of each kind.
    pub fn of_data(dir: &Path, alliance: &Alliance) -> Result<Self, RecordsError> {
        let identity = Identity::read(dir)?;
        check_alliance(identity.alliance, identity.epoch, alliance)?;
        let (store, recovered) = Store::open(dir, &identity, Durability::Fsync)?;
        let mut testimony = Vec::new();
        for key in store.all_testimony()? {
            let bytes = store.testimony(key)?;
            testimony.extend(bytes.map(|bytes| Testimony::from_bytes(&bytes)).transpose()?);
        }
        let top = recovered.top.map_or(Height::ZERO, |top| top.height);
        let oldest = Height(top.0.saturating_sub(HEADERS_MAX));
        let from = lowest(&testimony).unwrap_or(top).max(oldest);
        let mut headers = Vec::new();
        for block in store.blocks(from) {
            headers.push(BlockRecord::read(&block?)?.header);
        }
        let certificate = store.newest_certificate()?;
        let certificate =
            certificate.map(|(_, bytes)| CheckpointCertificate::from_bytes(&bytes)).transpose()?;
        Ok(Self { server: identity.server, testimony, headers, certificate })
    }

    /// The file.
    pub fn to_file(&self, alliance: &Alliance) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.raw(MAGIC).value(&alliance.id()).value(&alliance.epoch());
        writer.u16(self.server.0).list(&self.testimony).list(&self.headers);
        writer.option(self.certificate.as_ref());
        writer.into_bytes()
    }

    /// Reads a file back.
    ///
    /// # Errors
    /// [`RecordsError::Unreadable`], [`RecordsError::OtherAlliance`]: whoever made the file is wrong.
    pub fn from_file(bytes: &[u8], alliance: &Alliance) -> Result<Self, RecordsError> {
        let mut reader = Reader::new(bytes);
        if reader.raw(MAGIC.len())? != MAGIC {
            return Err(DecodeError::Invalid("beginning of a records file").into());
        }
        check_alliance(reader.value()?, reader.value()?, alliance)?;
        let records = Self {
            server: ServerIndex(reader.u16()?),
            testimony: reader.list(ITEMS_MAX)?,
            headers: reader.list(ITEMS_MAX)?,
            certificate: reader.option()?,
        };
        reader.finish()?;
        Ok(records)
    }

    /// How many testimonies of a kind there are.
    pub fn count(&self, kind: TestimonyKind) -> usize {
        self.testimony.iter().filter(|testimony| testimony.kind() == kind).count()
    }
}

/// The lowest block that votes or commits were kept for.
fn lowest(testimony: &[Testimony]) -> Option<Height> {
    let headers = testimony.iter().filter_map(|kept| match kept {
        Testimony::Backing(backing) => backing.headers.first(),
        _ => None,
    });
    headers.map(|header| header.body.height).min()
}

fn check_alliance(
    found: AllianceId,
    epoch: Epoch,
    alliance: &Alliance,
) -> Result<(), RecordsError> {
    if (found, epoch) == (alliance.id(), alliance.epoch()) {
        return Ok(());
    }
    let expected = format!("{}, epoch {}", alliance.id(), alliance.epoch());
    Err(RecordsError::OtherAlliance { found: format!("{found}, epoch {epoch}"), expected })
}
