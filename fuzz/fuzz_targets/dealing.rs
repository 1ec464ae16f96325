//! `ally_fuzz`'s target `dealing` as a program.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ally_fuzz::run("dealing", data));
