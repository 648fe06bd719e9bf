//! The `turnpack` program: parse, run, exit code.

use std::panic::catch_unwind;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic is a bug of ours; its message is on stderr already, and scripts get the documented code for it.
    catch_unwind(|| turnpack::cli::run(std::env::args_os())).unwrap_or(ExitCode::from(4))
}
