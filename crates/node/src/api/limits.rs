//! What one client may ask of the server, and what all may together.

use std::time::Duration;

/// Connections of all clients together.
pub const CONNECTIONS_MAX: usize = 1024;

/// Connections of one client.
pub const CONNECTIONS_PER_CLIENT_MAX: usize = 64;

/// TLS handshakes under way.
pub const HANDSHAKES_MAX: usize = 256;

/// TLS handshakes under way with one address.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 64;

/// How long a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls under way on one connection.
pub const CALLS_PER_CONNECTION_MAX: u32 = 128;

/// Bytes of all clients' proposals: from the first byte of a message on, until all of it is answered.
pub const PROPOSALS_BYTES_MAX: usize = 256 << 20;

/// Bytes of all answers that hold entries: what was read for listeners and is not sent, receipts.
pub const ANSWERS_BYTES_MAX: usize = 256 << 20;

/// How long a call waits for its part of these before it is refused.
pub const ROOM_PATIENCE: Duration = Duration::from_secs(1);

/// How long a message may take from its first byte to its last.
pub const MESSAGE_PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may leave the answers to its proposals unread.
pub const REPLY_PATIENCE: Duration = Duration::from_secs(30);

/// Streams of one client that propose. Each may hold one message that is not paid for yet by the
/// client's own budget.
pub const PROPOSE_STREAMS_PER_CLIENT_MAX: usize = 8;

/// Streams (propose and listen) of one client.
pub const STREAMS_PER_CLIENT_MAX: usize = 128;

/// Bytes of one client's entries that are not answered yet. At the limit the server stops reading
/// from the client.
pub const UNANSWERED_BYTES_PER_CLIENT_MAX: usize = 32 << 20;

/// Entries of one client that are not answered yet.
pub const UNANSWERED_ENTRIES_PER_CLIENT_MAX: usize = 1 << 17;

/// How long a stream waits for a busy ordering service before it refuses the proposals.
pub const BUSY_PATIENCE: Duration = Duration::from_secs(1);

/// Replies waiting for a slow reader, per stream; each is bounded by what was read from the store
/// or by the client's own unanswered entries.
pub const REPLIES_QUEUED_MAX: usize = 2;

/// Receipts made before the next reply is sent.
pub const RECEIPTS_PER_REPLY_MAX: usize = 64;

/// Bytes of entries read from the store at a time for a listener.
pub const READ_BYTES: usize = 1 << 20;

/// Reads of the store by clients at a time: the rest wait, so that slow disks cost no threads.
pub const READS_MAX: usize = 8;

/// How often a quiet connection is probed, and how long the answer may take.
pub const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15));
