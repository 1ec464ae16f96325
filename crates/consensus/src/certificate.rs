//! What a quorum said, in one signature of constant size.
//!
//! The engine treats the signatures as opaque bytes: whoever hands it a certificate has checked it
//! ([`crate::Authenticator`]).

use crate::{BlockRef, Digest, View};
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};

/// The longest threshold signature, in bytes: an RSA modulus of 8192 bits.
pub const SIGNATURE_BYTES_MAX: usize = 1024;

/// NV(v): a kernel of servers checked that every block decided before view v is on the chain that
/// ends in `tip`. View 0 has none; its tip is the epoch's first parent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewViewCertificate {
    /// The view that it opens.
    pub view: View,
    /// The block that the view's first block extends.
    pub tip: BlockRef,
    /// Threshold signature of a kernel.
    pub signature: Vec<u8>,
}

/// CC(v, b): a quorum voted in view v for the block or for descendants of it. Slow path only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommitCertificate {
    /// The view of the votes.
    pub view: View,
    /// The block.
    pub block: BlockRef,
    /// Threshold signature of a quorum.
    pub signature: Vec<u8>,
}

/// A certificate on the checkpoint statement of a decided block: the alliance's own signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CheckpointCertificate {
    /// The decided block.
    pub block: BlockRef,
    /// The log's size after it.
    pub log_size: u64,
    /// The log's root after it.
    pub log_root: Digest,
    /// Threshold signature of a certify set.
    pub signature: Vec<u8>,
}

/// What a combined signature says, for certificates that the engine asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statement {
    /// Becomes a [`NewViewCertificate`]; the kernel key signs it.
    NewView {
        /// The view that is opened.
        view: View,
        /// The block it starts from.
        tip: BlockRef,
    },
    /// Becomes a [`CommitCertificate`]; the quorum key signs it.
    Commit {
        /// The view of the votes.
        view: View,
        /// The block voted for.
        block: BlockRef,
    },
}

impl Statement {
    /// The name of the statement's kind inside [`crate::signing_bytes`].
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NewView { .. } => "new-view",
            Self::Commit { .. } => "commit",
        }
    }

    /// The content inside [`crate::signing_bytes`]: `view (8, LE) || height (8, LE) || hash (32)`.
    pub fn content(&self) -> Vec<u8> {
        let (Self::NewView { view, tip: block } | Self::Commit { view, block }) = self;
        let mut writer = Writer::new();
        writer.value(view).value(block);
        writer.into_bytes()
    }
}

impl NewViewCertificate {
    /// What was signed.
    pub fn statement(&self) -> Statement {
        Statement::NewView { view: self.view, tip: self.tip }
    }
}

impl CommitCertificate {
    /// What was signed.
    pub fn statement(&self) -> Statement {
        Statement::Commit { view: self.view, block: self.block }
    }
}

impl Encode for NewViewCertificate {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.view).value(&self.tip).bytes(&self.signature);
    }
}

impl Decode for NewViewCertificate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            view: reader.value()?,
            tip: reader.value()?,
            signature: reader.bytes(SIGNATURE_BYTES_MAX)?.to_vec(),
        })
    }
}

impl Encode for CommitCertificate {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.view).value(&self.block).bytes(&self.signature);
    }
}

impl Decode for CommitCertificate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            view: reader.value()?,
            block: reader.value()?,
            signature: reader.bytes(SIGNATURE_BYTES_MAX)?.to_vec(),
        })
    }
}

impl Encode for CheckpointCertificate {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.block).u64(self.log_size).value(&self.log_root).bytes(&self.signature);
    }
}

impl Decode for CheckpointCertificate {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            block: reader.value()?,
            log_size: reader.u64()?,
            log_root: reader.value()?,
            signature: reader.bytes(SIGNATURE_BYTES_MAX)?.to_vec(),
        })
    }
}
