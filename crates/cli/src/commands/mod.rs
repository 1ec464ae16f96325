//! One file per command. A command is a struct of its arguments with a method `run`.

mod alliance;
mod bench;
mod completion;
mod demo;
mod dev;
mod evidence;
mod init;
mod key;
mod listen;
mod man;
mod policy;
mod propose;
mod receipt;
mod serve;
mod sim;
mod status;
mod verify;

pub use alliance::AllianceCommand;
pub use bench::Bench;
pub use completion::Completion;
pub use demo::Demo;
pub use dev::Dev;
pub use evidence::EvidenceCommand;
pub use init::Init;
pub use key::Key;
pub use listen::Listen;
pub use man::Man;
pub use policy::Policy;
pub use propose::Propose;
pub use receipt::Receipt;
pub use serve::Serve;
pub use sim::Sim;
pub use status::Status;
pub use verify::Verify;
