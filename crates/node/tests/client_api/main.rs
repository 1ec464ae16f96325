//! The client API from end to end: the client library, TLS, gRPC and the server's side, before a
//! backend that keeps its log in memory. No consensus takes place here.
//!
//! - [`backend`]: the log in memory, with switches for faults.
//! - [`proposing`], [`listening`], [`silence`], [`limits`], [`hostile`]: the tests.

mod backend;
mod hostile;
mod limits;
mod listening;
mod proposing;
mod silence;
mod world;
