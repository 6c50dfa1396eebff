//! The program: arguments, and what is printed. What it does is in the library.

mod cli;

use std::process::ExitCode;

/// Rendering allocates and frees millions of small texts.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
