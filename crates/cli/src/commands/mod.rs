//! One file per command. A command is a struct of its arguments with a method `run`.

mod bench;
mod completion;
mod demo;
mod dev;
mod listen;
mod man;
mod policy;
mod propose;
mod serve;
mod status;
mod verify;

pub use bench::Bench;
pub use completion::Completion;
pub use demo::Demo;
pub use dev::Dev;
pub use listen::Listen;
pub use man::Man;
pub use policy::Policy;
pub use propose::Propose;
pub use serve::Serve;
pub use status::Status;
pub use verify::Verify;
