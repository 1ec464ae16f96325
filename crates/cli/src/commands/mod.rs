//! One file per command. A command is a struct of its arguments with a method `run`.

mod completion;
mod man;
mod policy;

pub use completion::Completion;
pub use man::Man;
pub use policy::Policy;
