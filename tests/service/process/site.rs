//! A directory with a configuration, and the program run there.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

use super::{Server, free_port};

/// The configuration that comes with feedpass, and the secret of its client `ci`.
const EXAMPLE: &str = include_str!("../../../config.toml");
const EXAMPLE_SECRET: &str = "feedpass-sandbox-secret";
const EXAMPLE_HASH: &str = "7434881f2b8625753cb0d00575290572fa3d4a94328c1e1ad016cc29785ea502";

const EXAMPLE_SANDBOX: &str = "listen = \"127.0.0.1:8082\"";

/// One that not everyone knows.
const OWN_SECRET: &str = "a-secret-that-not-everyone-knows";
const OWN_HASH: &str = "c69d9052d5f37e9c982be371b8656fcf8435d98e2e769b3371fcaad97cdd41ca";

/// A directory with `config.toml`, `keys/` once it has run, and the program under both its names in
/// `bin/`. Remembers the secrets that commands were given there.
pub struct Site {
    directory: TempDir,
    pub public: u16,
    internal: u16,
    /// Of the client `ci`.
    pub secret: &'static str,
    secrets: Mutex<Vec<String>>,
}

impl Site {
    /// With the configuration that comes with feedpass; the issuer and the addresses are its own.
    pub fn example() -> Self {
        Self::with(EXAMPLE, EXAMPLE_SECRET)
    }

    /// The same, but not everyone knows the client's secret, and `sts` and `ecr` are AWS.
    pub fn with_aws(sts: &str, ecr: &str) -> Self {
        Self::with_endpoint(&format!("sts = \"{sts}\"\necr = \"{ecr}\""))
    }

    /// The same with AWS itself. Only where a proxy stands in the way: no test reaches AWS.
    pub fn with_real_aws() -> Self {
        Self::with_endpoint("endpoint = \"aws\"")
    }

    fn with_endpoint(endpoint: &str) -> Self {
        let site = Self::with(EXAMPLE, OWN_SECRET);
        site.edit(EXAMPLE_HASH, OWN_HASH);
        site.edit("[sandbox]\nlisten = \"127.0.0.1:0\"", "");
        site.edit("endpoint = \"sandbox\"", endpoint);
        site
    }

    fn with(config: &str, secret: &'static str) -> Self {
        let directory = tempfile::Builder::new().prefix("site-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let secrets = Mutex::new(vec![secret.to_owned()]);
        let site = Self { directory, public: free_port(), internal: free_port(), secret, secrets };
        std::fs::create_dir(site.bin()).unwrap();
        for name in ["feedpass", "docker-credential-feedpass"] {
            symlink(env!("CARGO_BIN_EXE_feedpass"), site.bin().join(name)).unwrap();
        }
        // The example's sandbox has an address of its own too.
        site.write("config.toml", &config.replace(EXAMPLE_SANDBOX, "listen = \"127.0.0.1:0\""));
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

    /// Adds to the configuration.
    pub fn append(&self, more: &str) {
        let text = std::fs::read_to_string(self.path("config.toml")).unwrap();
        self.write("config.toml", &format!("{text}\n{more}"));
    }

    /// `feedpass serve`, at its most talkative.
    pub fn serving(&self) -> Invocation<'_> {
        let serve = self.operator(["serve"]).env("FEEDPASS_LOG", "trace");
        self.variables().into_iter().fold(serve, |serve, (name, value)| serve.env(name, value))
    }

    /// Starts it.
    pub fn serve(&self) -> Server<'_> {
        self.serving().serves()
    }

    /// A command of whoever runs feedpass.
    pub fn operator<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Invocation<'_> {
        self.invocation(self.program("feedpass")).args(arguments)
    }

    /// A command of the client `ci`.
    pub fn client<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Invocation<'_> {
        self.operator(arguments).env("FEEDPASS_URL", self.url()).env("FEEDPASS_TOKEN", self.secret)
    }

    /// docker, of the client `ci`, asks its helper.
    pub fn helper<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Invocation<'_> {
        let helper = self.invocation(self.program("docker-credential-feedpass")).args(arguments);
        helper.env("FEEDPASS_URL", self.url()).env("FEEDPASS_TOKEN", self.secret)
    }

    /// Lines of a shell.
    pub fn shell(&self, script: &str) -> Invocation<'_> {
        self.invocation(Command::new("sh")).args(["-euc", script])
    }

    /// A program of others.
    pub fn run(&self, program: &Path) -> Invocation<'_> {
        self.invocation(Command::new(program))
    }

    /// Remembers the secrets in what a command or a request was given.
    pub fn remember(&self, given: &str) {
        const NAMES: [&str; 9] = [
            "password",
            "token",
            "access_token",
            "Secret",
            "auth",
            ".dockerconfigjson",
            "SecretAccessKey",
            "SessionToken",
            "Token",
        ];
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
        Command::new(self.bin().join(name))
    }

    /// Runs `command` in the directory, with nothing of the caller's environment but where programs
    /// are: no AWS identity, no proxy.
    fn invocation(&self, mut command: Command) -> Invocation<'_> {
        let path = std::env::var_os("PATH").unwrap();
        command.env_clear().env("PATH", path).env("LANG", "C.UTF-8").current_dir(self.directory.path());
        Invocation { site: self, command, input: String::new() }
    }

    /// The issuer and the addresses, over those of the file.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("FEEDPASS_ISSUER", self.issuer()),
            ("FEEDPASS_LISTEN__PUBLIC", format!("127.0.0.1:{}", self.public)),
            ("FEEDPASS_LISTEN__INTERNAL", format!("127.0.0.1:{}", self.internal)),
            ("FEEDPASS_LISTEN__INTERNAL_URL", self.url()),
        ]
    }
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

impl<'a> Invocation<'a> {
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

    /// Starts `feedpass serve`.
    pub fn serves(self) -> Server<'a> {
        Server::start(self.site, self.command)
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
