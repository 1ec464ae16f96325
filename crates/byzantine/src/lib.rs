//! Servers that lie.
//!
//! A Byzantine server runs the real replica; a [`Coalition`] stands between it and the network and
//! changes what it says. One module serves both who need liars: the simulator, whose keys are
//! modelled and whose network may be on the liars' side ([`Plots`]), and `ally chaos`, where a liar is
//! a process with a real server's keys and real links.
//!
//! ```text
//!   replica ── what it says ──► Coalition ── lies ──► network
//!                                   ▲
//!   network ── what it hears ───────┴───────────────► replica
//! ```
//!
//! Owns: what liars say. May not touch: keys of servers outside the coalition ([`Keys`] holds none),
//! clocks, sockets, the replica's inside. Everything is drawn from one seed ([`Stream`]).

#![forbid(unsafe_code)]

mod coalition;
mod keys;
mod plot;
mod random;
mod tally;
mod treachery;

pub use coalition::{Coalition, Lie};
pub use keys::Keys;
pub use plot::{Plot, Plots};
pub use random::Stream;
pub use tally::Tally;
pub use treachery::Treachery;
