//! A checker is believed once a planted bug has made it fail. Each mistake that can be planted is
//! found by a seed, by the invariant that should; with no mistake the same seeds break nothing.
//!
//! ```text
//! cargo test -p ally-sim --features planted-bugs --test planted
//! cargo test --release -p ally-sim --features planted-bugs --test planted -- --ignored --nocapture
//! ```
//! The first starts each search at the seed noted in `cases.rs`. The second searches from seed 0, in
//! all alliances and styles, as somebody would who does not know what is wrong, and prints the table
//! of docs/verification.md. Where that would take hours it starts at the noted seed too.

mod bound;
mod cases;
mod over;
mod search;
