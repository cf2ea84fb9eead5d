//! `feedpass completions SHELL`

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::output::print;

/// Print a completion script for a shell
#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, command: &mut clap::Command) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "feedpass", &mut script);
        print(std::str::from_utf8(&script)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
