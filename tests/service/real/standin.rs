//! The stand-ins for AWS, started by the launchers beside STANDINS.md.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::parts::{Parts, script};
use super::{AUDIENCE, ROLE, SUBJECT};
use crate::process::{Lines, free_port};

/// An address at which a stand-in will be: what asks it has to know it first, as it has to know them.
pub struct Address(u16);

impl Address {
    pub fn new() -> Self {
        Self(free_port())
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0)
    }

    /// Starts `launcher` here. Its role trusts the feed `default/images` of `issuer`.
    pub fn start(self, parts: &Parts, launcher: &str, issuer: &str) -> StandIn {
        let mut command = Command::new(parts.python("python"));
        command.arg(script(launcher));
        command.args(["--issuer", issuer, "--audience", AUDIENCE, "--role-arn", ROLE, "--subject", SUBJECT]);
        command.args(["--port", &self.0.to_string(), "--workdir", env!("CARGO_TARGET_TMPDIR")]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Lines::of(child.stdout.take().unwrap());
        let errors = Lines::of(child.stderr.take().unwrap());
        let ready = said.wait_for(&["{"]);
        let ready = ready.unwrap_or_else(|| panic!("{launcher} did not start:\n{}", errors.to_end()));
        StandIn { child, facts: serde_json::from_str(&ready).unwrap() }
    }
}

/// A running stand-in. It ends when it is dropped, or when the test dies: its standard input does.
pub struct StandIn {
    child: Child,
    facts: Value,
}

impl StandIn {
    /// What the launcher says of it, by a pointer such as `/admin/access_key_id`.
    pub fn fact(&self, pointer: &str) -> &str {
        self.facts.pointer(pointer).and_then(Value::as_str).unwrap()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The launcher removes what it made; it has nothing to say after that.
        let _ = self.child.wait();
    }
}
