//! Sizes that both ends of the client API keep to.

use ally_log::NONCE_BYTES;

/// The longest command, in bytes.
pub const COMMAND_BYTES_MAX: usize = 1 << 20;

/// The shortest entry: a nonce and a command of one byte.
pub const ENTRY_BYTES_MIN: usize = NONCE_BYTES + 1;

/// The longest entry: a nonce and a command.
pub const ENTRY_BYTES_MAX: usize = NONCE_BYTES + COMMAND_BYTES_MAX;

/// The most entries in one `ProposeRequest`.
pub const REQUEST_ENTRIES_MAX: usize = 4096;

/// The most bytes of entries in one `ProposeRequest`; a single long entry fits.
pub const REQUEST_BYTES_MAX: usize = 2 << 20;

/// The largest protobuf message either side accepts. A block of entries is the largest there is:
/// up to [`BLOCK_BYTES_MAX`] and the framing of each entry.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// The most bytes of entries in one decided block that the API can hand out.
pub const BLOCK_BYTES_MAX: usize = 48 << 20;

/// The most headers in one `Anchor`; a server whose next certificate is further ahead sends the
/// blocks first.
pub const ANCHOR_HEADERS_MAX: usize = 4096;
