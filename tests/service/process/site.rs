//! A directory with a configuration, and the program run there.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

use super::{Server, free_port};

/// The configuration that comes with feedpass, and the secret of its client `ci`.
const EXAMPLE: &str = include_str!("../../../config.toml");
pub const EXAMPLE_SECRET: &str = "feedpass-sandbox-secret";

/// A directory with `config.toml`, `keys/` once it has run, and the program under both its names in
/// `bin/`. Remembers the secrets that commands were given there.
pub struct Site {
    directory: TempDir,
    public: u16,
    internal: u16,
    secrets: Mutex<Vec<String>>,
}

impl Site {
    /// With the configuration that comes with feedpass.
    pub fn example() -> Self {
        Self::with(EXAMPLE)
    }

    /// With `config`; the issuer and the addresses are the site's own, whatever it says of them.
    pub fn with(config: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("site-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let site = Self {
            directory,
            public: free_port(),
            internal: free_port(),
            secrets: Mutex::new(vec![EXAMPLE_SECRET.into()]),
        };
        std::fs::create_dir(site.bin()).unwrap();
        for name in ["feedpass", "docker-credential-feedpass"] {
            symlink(env!("CARGO_BIN_EXE_feedpass"), site.bin().join(name)).unwrap();
        }
        site.write("config.toml", config);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The folder that holds `feedpass` and `docker-credential-feedpass`.
    pub fn bin(&self) -> PathBuf {
        self.path("bin")
    }

    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.public)
    }

    /// The URL of the internal listener.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.internal)
    }

    /// Writes a file whole: who reads it sees the old text or the new.
    pub fn write(&self, name: &str, text: &str) {
        let mut file = tempfile::NamedTempFile::new_in(self.directory.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.persist(self.path(name)).unwrap();
    }

    /// Replaces `old` by `new` in the configuration, which must hold it.
    pub fn edit(&self, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.path("config.toml")).unwrap();
        assert!(text.contains(old), "the configuration holds no {old:?}");
        self.write("config.toml", &text.replace(old, new));
    }

    /// Starts `feedpass serve`.
    pub fn serve(&self) -> Server<'_> {
        self.serve_with(|command| command)
    }

    /// The same, with what `change` does to the command.
    pub fn serve_with(&self, change: impl FnOnce(&mut Command) -> &mut Command) -> Server<'_> {
        let mut command = self.program("feedpass");
        change(self.addressed(command.args(["serve"])).env("FEEDPASS_LOG", "trace"));
        Server::start(self, command)
    }

    /// `feedpass serve`, of which it is expected that it does not start.
    pub fn serve_in_vain(&self) -> Invocation<'_> {
        let mut invocation = self.operator(["serve"]);
        self.addressed(&mut invocation.command);
        invocation
    }

    /// A command of whoever runs feedpass.
    pub fn operator<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Invocation<'_> {
        let mut command = self.program("feedpass");
        command.args(arguments);
        Invocation { site: self, command, input: String::new() }
    }

    /// A command of the client `ci`.
    pub fn client<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Invocation<'_> {
        self.operator(arguments).env("FEEDPASS_URL", self.url()).env("FEEDPASS_TOKEN", EXAMPLE_SECRET)
    }

    /// docker, of the client `ci`, asks its helper.
    pub fn helper<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Invocation<'_> {
        let mut command = self.program("docker-credential-feedpass");
        command.args(arguments).env("FEEDPASS_URL", self.url()).env("FEEDPASS_TOKEN", EXAMPLE_SECRET);
        Invocation { site: self, command, input: String::new() }
    }

    /// Lines of a shell.
    pub fn shell(&self, script: &str) -> Invocation<'_> {
        let mut command = Command::new("sh");
        clean(&mut command).args(["-euc", script]).current_dir(self.directory.path());
        Invocation { site: self, command, input: String::new() }
    }

    /// Remembers the secrets in what a command or a request was given.
    pub fn remember(&self, given: &str) {
        const NAMES: [&str; 6] = ["password", "token", "access_token", "Secret", "auth", ".dockerconfigjson"];
        fn collect(value: &Value, secrets: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    for (name, value) in members {
                        match value.as_str() {
                            Some(secret) if NAMES.contains(&name.as_str()) => secrets.push(secret.to_owned()),
                            _ => collect(value, secrets),
                        }
                    }
                }
                Value::Array(values) => values.iter().for_each(|value| collect(value, secrets)),
                _ => {}
            }
        }
        let mut secrets = self.secrets.lock().unwrap();
        match serde_json::from_str(given) {
            Ok(value) => collect(&value, &mut secrets),
            // A password or a token that was printed alone.
            Err(_) if given.len() > 20 && !given.contains(char::is_whitespace) => secrets.push(given.to_owned()),
            Err(_) => {}
        }
    }

    /// Fails when `log` holds a secret that was given, or a line of a private key.
    pub fn assert_no_secret_in(&self, log: &str) {
        let mut secrets = self.secrets.lock().unwrap().clone();
        let keys = std::fs::read_dir(self.path("keys")).into_iter().flatten();
        for path in keys.map(|entry| entry.unwrap().path()).filter(|path| path.extension() == Some(OsStr::new("pem"))) {
            let pem = std::fs::read_to_string(path).unwrap();
            secrets.extend(pem.lines().filter(|line| line.len() == 64).map(str::to_owned));
        }
        for line in log.lines() {
            let found = secrets.iter().find_map(|secret| line.find(secret.as_str()));
            // Up to the secret: the rest would be in a log again.
            assert!(found.is_none(), "a secret was logged: {}…", &line[..found.unwrap_or_default()]);
        }
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin().join(name));
        clean(&mut command).current_dir(self.directory.path());
        command
    }

    fn addressed<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("FEEDPASS_ISSUER", self.issuer())
            .env("FEEDPASS_LISTEN__PUBLIC", format!("127.0.0.1:{}", self.public))
            .env("FEEDPASS_LISTEN__INTERNAL", format!("127.0.0.1:{}", self.internal))
            .env("FEEDPASS_LISTEN__INTERNAL_URL", self.url())
    }
}

/// Nothing of the caller's environment but where programs are: no AWS identity, no proxy.
fn clean(command: &mut Command) -> &mut Command {
    let path = std::env::var_os("PATH").unwrap();
    command.env_clear().env("PATH", path).env("LANG", "C.UTF-8")
}

/// A command that is about to run to its end.
pub struct Invocation<'a> {
    site: &'a Site,
    command: Command,
    input: String,
}

/// What came of a command.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Invocation<'_> {
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    /// What it reads on standard input; nothing when left out.
    pub fn input(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    pub fn run(mut self) -> Done {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        // A command may end without reading all of it.
        let _ = child.stdin.take().unwrap().write_all(self.input.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let done = Done { code: status.code(), stdout: text(stdout), stderr: text(stderr) };
        if done.code == Some(0) {
            self.site.remember(&done.stdout);
        }
        done
    }

    /// Runs it, which must work without a word on standard error, and gives what it printed.
    pub fn works(self) -> String {
        let done = self.run();
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{}", done.stdout);
        done.stdout
    }

    /// The same, of a command that prints JSON.
    pub fn gives_json(self) -> Value {
        let printed = self.works();
        serde_json::from_str(&printed).unwrap_or_else(|_| panic!("not JSON: {printed}"))
    }

    /// Runs it, which must end with 1 and print nothing, and gives its words.
    pub fn fails(self) -> String {
        let done = self.run();
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
        done.stderr
    }
}
