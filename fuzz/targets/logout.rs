//! Messages of single logouts, bent by a fuzzer that sees which code they reach.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _said = doors::logout(bytes);
});
