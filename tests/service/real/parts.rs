//! Where the parts are that `tests/run` installs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a test needs.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// The stand-ins for AWS, and AWS's own clients.
    StandIns,
    /// A registry, and what pulls from it.
    Registry,
    /// Verifiers of tokens.
    Verifiers,
    /// Who asks the API in every way that its description allows, and in some that it does not.
    Schemathesis,
    /// The other database.
    PostgreSql,
}

/// The parts, all there.
pub struct Parts {
    folder: PathBuf,
}

/// The parts that `part` is made of; none, and a loud line, when one is missing. In CI that is a
/// failure, since a test that was left out there would never be missed.
pub fn parts(part: Part) -> Option<Parts> {
    let folder = std::env::var_os("TEST_PARTS").map_or_else(|| root().join("target/parts"), PathBuf::from);
    let parts = Parts { folder };
    let Some(missing) = parts.missing_of(part) else { return Some(parts) };
    let story = format!("{missing} is missing; `tests/run` installs it");
    assert!(std::env::var_os("CI").is_none(), "{story}");
    // Not `eprintln!`, which the test runner keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "LEFT OUT: a test with {part:?}: {story}");
    None
}

/// A script beside the stand-ins.
pub fn script(name: &str) -> PathBuf {
    root().join("tests/parts").join(name)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Parts {
    /// A program of the Python environment.
    pub fn python(&self, program: &str) -> PathBuf {
        self.folder.join("venv/bin").join(program)
    }

    pub fn node_modules(&self) -> PathBuf {
        self.folder.join("node/node_modules")
    }

    fn missing_of(&self, part: Part) -> Option<String> {
        const NAMESPACES: [&str; 4] = ["unshare", "setpriv", "mount", "ip"];
        let (files, commands): (Vec<PathBuf>, &[&str]) = match part {
            Part::StandIns => (vec![self.python("aws"), self.python("moto_server")], &[]),
            Part::Registry => {
                (vec![self.python("python")], &["openssl", "htpasswd", "docker-registry", "skopeo", "podman"])
            }
            Part::Verifiers => {
                let modules = ["aws-jwt-verify", "jose", "openid-client"].map(|name| self.node_modules().join(name));
                ([self.python("python")].into_iter().chain(modules).collect(), &["openssl", "nginx", "node"])
            }
            Part::Schemathesis => (vec![self.python("st")], &[]),
            Part::PostgreSql => (Vec::new(), &["initdb", "postgres", "setpriv"]),
        };
        let in_namespaces = matches!(part, Part::Registry | Part::Verifiers);
        let file = files.into_iter().find(|file| !file.exists()).map(|file| file.display().to_string());
        let namespaces = if in_namespaces { &NAMESPACES[..] } else { &[] };
        let command = || commands.iter().chain(namespaces).find(|command| !is_installed(command));
        file.or_else(|| command().map(|command| (*command).to_owned())).or_else(|| {
            let refused = in_namespaces && !namespaces_work();
            refused.then(|| "this machine's leave to make user namespaces (unshare)".to_owned())
        })
    }
}

fn is_installed(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    // Debian keeps each version of PostgreSQL apart.
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let postgresql = versions.map(|version| version.unwrap().path().join("bin"));
    std::env::split_paths(&path).chain(system).chain(postgresql).any(|folder| folder.join(command).exists())
}

fn namespaces_work() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--net", "--pid", "--mount-proc", "--fork", "true"]);
    command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
