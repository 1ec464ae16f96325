//! The parts of `ally bench`: the load, what it costs, and the limits of the machine.

mod limits;
mod load;
mod report;
mod usage;

pub use limits::Limits;
pub use load::{Load, Measured, Pace};
pub use report::{Process, Report};
pub use usage::Usage;
