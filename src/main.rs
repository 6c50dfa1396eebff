//! The program; its implementation is in the library.

use std::process::ExitCode;

/// Rendering allocates and frees millions of small texts.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    septum::cli::main()
}
