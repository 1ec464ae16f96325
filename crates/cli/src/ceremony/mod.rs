//! Ceremonies on disk: the folder that participants share, what each keeps for itself, and the loop
//! in which one takes part.

mod folder;
mod home;
mod part;
mod words;

pub use folder::{Folder, Transcript};
pub use part::{Member, Reached};
pub use words::{describe, failed, name, stage_name, waiting};
