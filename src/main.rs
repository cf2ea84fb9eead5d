//! The `feedpass` program, and `docker-credential-feedpass` when it is called by that name.

use std::process::ExitCode;

fn main() -> ExitCode {
    feedpass::cli::run(std::env::args_os())
}
