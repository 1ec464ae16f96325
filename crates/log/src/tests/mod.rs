//! Tests of the modules together: proofs against the recursive definition and published vectors,
//! tiles against each other.

mod proofs;
mod tiles;
mod vectors;
