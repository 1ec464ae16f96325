//! The binary `ally`.
fn main() {}
