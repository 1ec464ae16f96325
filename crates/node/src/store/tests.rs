//! What was acknowledged is there again; what is damaged does not open.

use super::*;
use ally_consensus::{AllianceId, BlockHash, Digest, Epoch, Height, JournalPosition, Sequence};
use ally_policy::ServerIndex;
use std::path::Path;

mod common;
mod damage;
mod order;
mod refusal;
mod round_trip;
mod tables_damage;
