//! One file per command. A command is a struct of its arguments with a method `run`.

mod completion;
mod man;

pub use completion::Completion;
pub use man::Man;
