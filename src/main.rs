//! The program; everything it does is in the library.

use std::process::ExitCode;

/// Rendering makes and lets go of millions of small texts.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    septum::cli::main()
}
