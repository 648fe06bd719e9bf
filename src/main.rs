//! The `turnpack` program: parse, run, exit code.

use std::panic::catch_unwind;
use std::process::ExitCode;

// Chunks and blocks of megabytes come and go all the time: an allocator that keeps their pages saved a third of the time of
// an ingest (measured: most of it was the kernel clearing pages).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A panic is a bug of ours; its message is on stderr already, and scripts get the documented code for it.
    catch_unwind(|| turnpack::cli::run(std::env::args_os())).unwrap_or(ExitCode::from(4))
}
