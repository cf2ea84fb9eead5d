//! `feedpass serve`, running.

use std::process::{Child, Command, Stdio};

use super::{Lines, Site};

/// Ends when it is dropped; what it logged, at the most talkative, may hold no secret that its site
/// knows.
pub struct Server<'a> {
    site: &'a Site,
    child: Child,
    said: Lines,
    pub log: Lines,
}

impl<'a> Server<'a> {
    /// Waits until the start-up summary is there, which is printed once feedpass answers.
    pub(super) fn start(site: &'a Site, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Lines::of(child.stdout.take().unwrap());
        let log = Lines::of(child.stderr.take().unwrap());
        let server = Self { site, child, said, log };
        let last = server.said.wait_for(&["/metrics", "No client may pull"]);
        assert!(last.is_some(), "feedpass did not start:\n{}", server.log.so_far());
        server
    }

    /// The start-up summary.
    pub fn summary(&self) -> String {
        self.said.so_far()
    }

    /// The URL of its sandbox.
    pub fn sandbox(&self) -> String {
        let summary = self.summary();
        let line = summary.lines().find(|line| line.contains("SANDBOX at ")).unwrap();
        let url = line.split_once("SANDBOX at ").unwrap().1;
        url[..url.find(": ").unwrap()].to_owned()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, `TERM` or `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, and gives the exit code.
    pub fn ends(mut self) -> Option<i32> {
        // Its log ends with it, and is not waited for endlessly.
        self.log.to_end();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            self.site.assert_no_secret_in(&self.log.to_end());
        }
    }
}
