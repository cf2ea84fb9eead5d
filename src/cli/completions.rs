//! `feedpass completions SHELL`

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

/// Print a completion script for a shell
#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, command: &mut clap::Command) -> ExitCode {
        clap_complete::generate(self.shell, command, "feedpass", &mut std::io::stdout());
        ExitCode::SUCCESS
    }
}
