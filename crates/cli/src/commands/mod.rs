//! One file per command. A command is a struct of its arguments with a method `run`.

mod completion;
mod listen;
mod man;
mod policy;
mod propose;
mod status;
mod verify;

pub use completion::Completion;
pub use listen::Listen;
pub use man::Man;
pub use policy::Policy;
pub use propose::Propose;
pub use status::Status;
pub use verify::Verify;
