//! Which alliance, epoch and policy a signature belongs to.

use crate::{AllianceId, Epoch, PolicyDigest};
use ally_codec::{Encode, Writer};

const TAG: &[u8] = b"ally/v1/";

/// What every signature covers besides its content, so that nothing said in one alliance, epoch or
/// under one policy means anything in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Context {
    /// The alliance.
    pub alliance: AllianceId,
    /// The configuration in force.
    pub epoch: Epoch,
    /// The trust policy in force.
    pub policy: PolicyDigest,
}

/// The bytes that a server's key or a threshold key signs:
/// `"ally/v1/" || kind || 0 || alliance (32) || epoch (8, LE) || policy digest (32) || content`.
///
/// The zero byte ends `kind`, which holds none, so that no two kinds share a prefix.
///
/// # Source
/// docs/protocol.md#signatures
pub fn signing_bytes(context: &Context, kind: &str, content: &[u8]) -> Vec<u8> {
    let mut writer = begin(context, kind);
    writer.raw(content);
    writer.into_bytes()
}

/// The same for the encoding of `content`, which is written in its place at once.
pub fn signing_bytes_of(context: &Context, kind: &str, content: &impl Encode) -> Vec<u8> {
    let mut writer = begin(context, kind);
    writer.value(content);
    writer.into_bytes()
}

fn begin(context: &Context, kind: &str) -> Writer {
    let mut writer = Writer::new();
    writer.raw(TAG).raw(kind.as_bytes()).u8(0);
    writer.value(&context.alliance).value(&context.epoch).value(&context.policy);
    writer
}
