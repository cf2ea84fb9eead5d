"""What the scenarios share: private namespaces, a private CA, child processes and the report.

A scenario is one program. `enter` starts it again inside user, mount, network and PID namespaces, so
that it may listen on port 443, name its own hosts and leave nothing behind: when it ends, however it
ends, the kernel kills its children and drops its files.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path

INTERNAL = "http://127.0.0.1:8081"
TIMEOUT = 30

# The sandbox, a feed and a client without grants: the end of a configuration.
FEED = """
[keys]
store = "directory:keys"

[aws]
endpoint = "sandbox"

[[space]]
slug = "default"

[[feed]]
space = "default"
slug = "images"
region = "us-east-1"
registry = "123456789012"
[feed.web_identity]
role_arn = "arn:aws:iam::123456789012:role/feedpass-images"

[[client]]
id = "ci"
secret_hash = "sha256:{secret_hash}"
"""

# Not FEEDPASS_…: feedpass takes those for keys of its configuration.
_INSIDE = "SCENARIO_INSIDE"


class Failed(Exception):
    """The scenario cannot go on; the text says why."""


def enter(bin_dir, work, host):
    """Goes on inside the namespaces, where `host` is 127.0.0.1 and `work` is an empty tmpfs."""
    if _INSIDE not in os.environ:
        work.mkdir(parents=True, exist_ok=True)
        # Nothing else of the caller's environment: no proxy, no AWS identity, no credentials.
        environment = {
            _INSIDE: "1",
            "PATH": f"{bin_dir}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "HOME": str(work / "home"),
            "XDG_RUNTIME_DIR": str(work / "run"),
            # The private CA, for Go, Rust and Python; and for node.
            "SSL_CERT_FILE": str(work / "ca.pem"),
            "NODE_EXTRA_CA_CERTS": str(work / "ca.pem"),
        }
        # The chain of deaths: caller -> unshare (setpriv) -> this program (--kill-child), which is
        # PID 1 of its namespace -> every process in it.
        command = [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--map-root-user", "--mount", "--net"),
            *("--pid", "--mount-proc", "--fork", "--kill-child"),
            *(sys.executable, *sys.orig_argv[1:]),
        ]
        os.execvpe(command[0], command, environment)

    run("mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", work)
    for folder in ("home", "run"):
        (work / folder).mkdir(mode=0o700)
    hosts = work / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {host}\n")
    run("mount", "--bind", hosts, "/etc/hosts")
    run("ip", "link", "set", "lo", "up")


def run(*command, **options):
    """Runs `command` to its end and gives its standard output."""
    done = attempt(*command, **options)
    if done.returncode != 0:
        raise Failed(
            f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout


def attempt(*command, **options):
    """Runs `command` to its end, which may be a failure."""
    options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=4 * TIMEOUT,
        **options,
    )


class Process:
    """A child that keeps running; its output is kept by lines, to be waited for and looked through."""

    def __init__(self, *command, **options):
        self.name = Path(command[0]).name
        self.lines = []
        self._changed = threading.Condition()
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **options,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._child.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()

    def await_ready(self, url, status=200):
        """Waits until `url` answers with `status`."""
        deadline = time.monotonic() + TIMEOUT
        answer = None
        while answer != status:
            if self._child.poll() is not None:
                raise Failed(self._story(f"ended with {self._child.returncode}"))
            if time.monotonic() > deadline:
                raise Failed(self._story(f"is not ready: {url} gives {answer}"))
            time.sleep(0.05)
            try:
                answer = request(url)[0]
            except OSError as error:
                answer = error

    @contextlib.contextmanager
    def awaiting(self, text):
        """After the block, waits for a line with `text` that was written since its start."""
        since = len(self.lines)
        yield
        with self._changed:
            if not self._changed.wait_for(
                lambda: any(text in line for line in self.lines[since:]), TIMEOUT
            ):
                raise Failed(self._story(f"never said {text!r}"))

    def _story(self, what):
        return f"{self.name} {what}\n{''.join(self.lines[-30:])}"


def request(url, method="GET", headers=None):
    """Asks `url`; gives the status and the body, of refusals too."""
    asked = urllib.request.Request(url, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def ask_feedpass(path, secret):
    """Gives the body of feedpass' answer to the client that has `secret`."""
    status, body = request(
        INTERNAL + path, "POST", {"Authorization": f"Bearer {secret}"}
    )
    if status != 200:
        raise Failed(f"POST {path}: {status} {body}")
    return body


def serve_feedpass(bin_dir, config):
    """Starts `feedpass serve` beside its configuration, where its store and its keys will be."""
    feedpass = Process(
        bin_dir / "feedpass",
        "serve",
        "--config",
        config,
        # At its most talkative, since its log is searched for secrets.
        "--log",
        "trace",
        cwd=config.parent,
    )
    feedpass.await_ready(f"{INTERNAL}/readyz")
    return feedpass


def replace(path, text):
    """Writes a whole file at once: whoever reads `path` sees the old text or the new."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.rename(path)


def make_certificate(work, host):
    """Makes the CA `ca.pem` and, signed by it, `server.pem` and `server.key` for `host`."""
    config = work / "openssl.cnf"
    # openssl's own would add extensions that contradict the ones given here.
    config.write_text("[req]\ndistinguished_name = name\n[name]\n")

    def make(name, subject, *options):
        run(
            *("openssl", "req", "-x509", "-config", config, "-days", "2", "-noenc"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-keyout", work / f"{name}.key", "-out", work / f"{name}.pem"),
            *("-subj", f"/CN={subject}", *options),
        )

    make(
        *("ca", "feedpass test CA"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign"),
    )
    make(
        *("server", "server"),
        *("-CA", work / "ca.pem", "-CAkey", work / "ca.key"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-addext", "extendedKeyUsage=serverAuth"),
        *("-addext", f"subjectAltName=DNS:{host}"),
    )


class Report:
    """The lines of JSON on standard output, none of which may hold a secret."""

    def __init__(self):
        self.secrets = set()
        self._ok = True

    def step(self, name, ok, **details):
        self.write({"step": name, "ok": ok, **details})
        self.require(ok)

    def write(self, line):
        text = json.dumps(line)
        if self.leaks(text):
            text = json.dumps(
                {"step": "report", "ok": False, "why": "a secret in a line"}
            )
            self.require(False)
        print(text, flush=True)

    def require(self, ok):
        self._ok = self._ok and ok

    def leaks(self, text):
        return any(secret in text for secret in self.secrets)

    @contextlib.contextmanager
    def exits(self):
        """Ends the program after the block: with 0 only if everything in it was as required."""
        try:
            yield
        except Exception as error:  # whatever it is, the report says so
            if not isinstance(error, Failed):
                traceback.print_exc()
            self.step("scenario", False, why=str(error))
        sys.exit(0 if self._ok else 1)
