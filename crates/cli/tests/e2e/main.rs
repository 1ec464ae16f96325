//! The real binary, real processes, real disks. One alliance at a time, so that tests do not starve
//! each other; everything waits for what it needs and gives up after a bound.
//!
//! | file | what |
//! |---|---|
//! | `support.rs` | running `ally`, and an alliance of `ally dev` |
//! | `service.rs` | ordering, proofs, killed and stopped servers, restarts |
//! | `demo.rs` | `ally demo`, and openssl on what it leaves |
//! | `chaos.rs` | `ally chaos`: faults of every kind, and what it refuses |
//! | `clock.rs` | servers whose clocks were set back |
//! | `sealing.rs` | keys behind a passphrase, and a server that starts with them |
//! | `founding.rs` | an alliance that was founded by hand |
//! | `ceremony.rs` | keys made together: killed on the way, given up, audited |
//! | `by_hand.rs` | from `ally init` to servers, and everything that can be wrong on the way |

mod by_hand;
mod ceremony;
mod chaos;
mod clock;
mod demo;
mod founding;
mod sealing;
mod service;
mod support;
