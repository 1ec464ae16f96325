//! What is private and reads bytes from others, for the fuzz targets. Not in a server.

pub use crate::api::fuzzing::request;
pub use crate::driver::fuzzing::block_record;
pub use crate::net::fuzzing::{frames, hello};
pub use crate::store::fuzzing::{LogEnd, commit, log_end, manifest, stored_block};
