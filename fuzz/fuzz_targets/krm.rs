#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| septum_fuzz::krm(data));
