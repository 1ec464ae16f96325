//! The parts of `ally demo`: what it tells, what it loads the alliance with, what it leaves behind.

mod artefacts;
mod bar;
mod forgery;
mod load;
mod narrator;
mod openssl;
mod receipts;
mod unexpected;

pub use artefacts::Artefacts;
pub use bar::Bar;
pub use forgery::refused_forgeries;
pub use load::{Load, commands_of, propose_all};
pub use narrator::{Narrator, good};
pub use openssl::{Verdict, openssl_verifies};
pub use receipts::write_receipts;
pub use unexpected::unexpected;
