//! The `turnpack` program: parse, run, exit code.

fn main() {}
