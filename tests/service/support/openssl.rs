//! The real `openssl`. Where it is not installed, tests fail.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// What `openssl` answers to `input`.
pub fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = answer(arguments, input);
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Whether `openssl` is content with `input`.
pub fn accepts(arguments: &[&str], input: &[u8]) -> bool {
    answer(arguments, input).status.success()
}

fn answer(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("these tests need the command `openssl`");
    let mut stdin = child.stdin.take().unwrap();
    // Where openssl has not waited for its input, its status says enough.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}
