//! The statement that the alliance signs about a decided block.

use crate::hash::Hash;
use crate::origin::{ORIGIN_BYTES_MAX, Origin};
use crate::text::{LineReader, TextError, decimal};
use alloc::string::String;
use ally_codec::{Decode, DecodeError, Encode, Reader, Writer};
use core::fmt::Write as _;

/// The longest statement in bytes: origin, three numbers of twenty digits, two hashes, words.
pub const STATEMENT_BYTES_MAX: usize = ORIGIN_BYTES_MAX + 3 * 20 + 44 + 64 + 32;

/// Room that is set aside for a statement at once, in bytes: all but those of long origins fit.
const STATEMENT_ROOM: usize = 256;

/// What the alliance says about a decided block: so many commands, with this Merkle tree root.
///
/// ```
/// use ally_log::{Checkpoint, Hash, Origin};
/// let checkpoint = Checkpoint {
///     origin: Origin::new("example.org/clearing").unwrap(),
///     log_size: 0,
///     log_root: Hash::EMPTY_ROOT,
///     epoch: 0,
///     height: 0,
///     block: Hash([0; 32]),
/// };
/// assert!(checkpoint.statement().starts_with("example.org/clearing\n0\n47DEQpj8"));
/// assert_eq!(Checkpoint::parse(&checkpoint.statement()), Ok(checkpoint));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The alliance that speaks.
    pub origin: Origin,
    /// Commands in the log after the block.
    pub log_size: u64,
    /// Merkle tree root over them.
    pub log_root: Hash,
    /// Configuration that decided the block.
    pub epoch: u64,
    /// Position of the block in the chain.
    pub height: u64,
    /// Hash of the block.
    pub block: Hash,
}

impl Checkpoint {
    /// The bytes that are signed, as text:
    ///
    /// ```text
    /// <origin>\n<log size>\n<base64 log root>\nally epoch <e> height <h> block <hex hash>\n
    /// ```
    ///
    /// # Source
    /// docs/protocol.md#certificates; the form of a C2SP tlog-checkpoint note body.
    pub fn statement(&self) -> String {
        let Self { origin, log_size, log_root, epoch, height, block } = self;
        let root = log_root.to_base64();
        let mut text = String::with_capacity(STATEMENT_ROOM);
        write!(
            text,
            "{origin}\n{log_size}\n{root}\nally epoch {epoch} height {height} block {block}\n"
        )
        .expect("a string takes whatever is written");
        text
    }

    /// Reads a statement. Nothing but the output of [`Checkpoint::statement`] is accepted.
    ///
    /// # Errors
    /// [`TextError`] with the line: another spelling of a number, a carriage return, a byte before
    /// or after.
    pub fn parse(statement: &str) -> Result<Self, TextError> {
        if statement.len() > STATEMENT_BYTES_MAX {
            return Err(TextError { line: 1, problem: "longer than any checkpoint statement" });
        }
        let mut lines = LineReader::new(statement);
        let checkpoint = Self::parse_lines(&mut lines)?;
        match checkpoint.statement() == statement {
            true => Ok(checkpoint),
            false => Err(lines.error("bytes after the statement, or a carriage return in it")),
        }
    }

    /// Takes the four lines of a statement. The caller compares them with
    /// [`Checkpoint::statement`], since lines do not tell which bytes ended them.
    pub(crate) fn parse_lines(lines: &mut LineReader<'_>) -> Result<Self, TextError> {
        let origin = lines.parsed(|line| Origin::new(line).ok(), "not an alliance origin")?;
        let log_size = lines.parsed(decimal, "not a log size")?;
        let log_root = lines.parsed(Hash::from_base64, "not a log root in base64")?;
        let (epoch, height, block) =
            lines.parsed(block_line, "not `ally epoch E height H block HEX`")?;
        Ok(Self { origin, log_size, log_root, epoch, height, block })
    }
}

/// Reads `ally epoch <e> height <h> block <hex hash>`.
fn block_line(line: &str) -> Option<(u64, u64, Hash)> {
    let (epoch, rest) = line.strip_prefix("ally epoch ")?.split_once(" height ")?;
    let (height, block) = rest.split_once(" block ")?;
    Some((decimal(epoch)?, decimal(height)?, Hash::from_hex(block)?))
}

/// `origin (4-byte length first) || log size (8, LE) || log root (32) || epoch (8, LE) ||
/// height (8, LE) || block (32)`. For storing and sending; the alliance signs
/// [`Checkpoint::statement`].
impl Encode for Checkpoint {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.origin.as_str().as_bytes());
        writer.u64(self.log_size).value(&self.log_root);
        writer.u64(self.epoch).u64(self.height).value(&self.block);
    }
}

impl Decode for Checkpoint {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let origin = core::str::from_utf8(reader.bytes(ORIGIN_BYTES_MAX)?)
            .ok()
            .and_then(|text| Origin::new(text).ok())
            .ok_or(DecodeError::Invalid("checkpoint origin"))?;
        Ok(Self {
            origin,
            log_size: reader.u64()?,
            log_root: reader.value()?,
            epoch: reader.u64()?,
            height: reader.u64()?,
            block: reader.value()?,
        })
    }
}
