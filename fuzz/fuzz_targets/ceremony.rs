//! `ally_fuzz`'s target `ceremony` as a program.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ally_fuzz::run("ceremony", data));
