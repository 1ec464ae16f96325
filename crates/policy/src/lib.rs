//! Trust formulas over organisations and servers, and what follows from them.
//!
//! An alliance says who has to respond for a decision to stand with one monotone formula over
//! servers, [`TrustPolicy::decide`]. Which servers may fail together, which sets contain a correct
//! server, whether decisions take two steps and whose shares open a threshold key all follow from
//! it.
//!
//! - [`Definition`]: the formulas as they were written, with their places in the file.
//! - [`TrustPolicy`]: a policy that meets the conditions of its [`FaultModel`]; the tests on sets
//!   of servers that the protocol makes.
//! - [`check`] and [`explain`]: the same for people, as text and as data.
//!
//! Nothing here does I/O, and nothing takes longer than a policy's size allows: leaves, depth,
//! servers and the work of the exact search are bounded by named limits.

#![forbid(unsafe_code)]

mod assessment;
mod conditions;
mod coverage;
mod definition;
mod error;
mod explain;
mod families;
mod formula;
mod model;
mod organisation;
mod policy;
mod render;
mod repair;
mod report;
mod server;
mod source;
mod strengthen;
mod suggest;
mod syntax;

pub use conditions::{Condition, Failure};
pub use definition::{DOCUMENT_BYTES_MAX, Definition, FORMULAS_MAX, Member};
pub use error::{InputError, PolicyError, Problem, Refusal};
pub use explain::{Explanation, explain};
pub use formula::{DEPTH_MAX, Formula, FormulaError, Gate, LEAVES_MAX};
pub use model::{FaultModel, UnknownModel};
pub use organisation::Organisation;
pub use policy::{TrustPolicy, UnknownServer};
pub use repair::{Change, Repair};
pub use report::{Report, TwoStep, check};
pub use server::{SERVERS_MAX, ServerIndex, ServerSet};
pub use source::{Place, Source};
pub use suggest::nearest;
