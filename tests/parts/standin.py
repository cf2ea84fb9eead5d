"""What the launchers of the AWS stand-ins share: arguments, processes, readiness, and leaving nothing behind."""

import argparse
import collections
import contextlib
import ctypes
import ipaddress
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

try:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError as missing:
    sys.exit(f"{missing}: run this with a Python that has tests/parts/requirements.txt")

LOOPBACK = "127.0.0.1"
REGION = "us-east-1"
REPOSITORY = "team/app"  # the one ECR repository a stand-in for ECR starts with
START_SECONDS = 60
PR_SET_PDEATHSIG = 1
# /proc/net/* shows states as numbers: a listening TCP socket, a bound and unconnected UDP socket.
LISTENING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}


class Failed(Exception):
    """The stand-in cannot start or has ended; the text is a sentence for whoever reads the test's output."""


def run(name, start):
    """Runs a stand-in until standard input ends or SIGTERM comes.

    `start(options, part)` starts it through `part` and returns what a test has to know.
    """
    options = _arguments(name)
    # SystemExit unwinds through the `finally` below, also in the middle of a start.
    _on_end(lambda *_: sys.exit(0))
    _forget_settings()
    part = None
    try:
        part = Part(options.workdir)
        facts = start(options, part)
        part.check_listeners(urllib.parse.urlsplit(facts["sts"]).port)
        print(json.dumps(facts), flush=True)
        while True:
            part.pause(None)
    except (Failed, OSError, BotoCoreError, ClientError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        if part:
            sys.stderr.write(part.output())
        sys.exit(1)
    finally:
        _on_end(signal.SIG_IGN)
        if part:
            part.close()


def free_ports(count, first=0):
    """`first`, or a free port in its place, and `count - 1` more.

    They lie below the ephemeral range, so that no outgoing connection takes one before the stand-in does.
    """
    if first and not _is_free(first):
        raise Failed(f"port {first} is taken")
    ports = [first] if first else []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        if port not in ports and _is_free(port):
            ports.append(port)
    return ports


def program(name):
    """A command that was installed beside the Python which runs this."""
    path = pathlib.Path(sys.executable).with_name(name)
    if not path.exists():
        raise Failed(f"{path} is missing: install tests/parts/requirements.txt")
    return str(path)


def account_of(role_arn):
    """The account of a role's ARN, `arn:aws:iam::<account>:role/<name>`."""
    fields = role_arn.split(":", 5)
    if len(fields) != 6 or not fields[5].startswith("role/"):
        raise Failed(f"--role-arn {role_arn} is not arn:aws:iam::<account>:role/<name>")
    return fields[4]


def provider_name(issuer):
    """The issuer as IAM writes it in ARNs and condition keys: without the scheme."""
    return issuer.split("://", 1)[-1]


def aws_client(service, url, access_key_id, secret_access_key):
    """A client of the stand-in itself, to set it up."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
    )


class Part:
    """One running stand-in: a child process, a directory of its own, and a log."""

    def __init__(self, workdir):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="standin-", dir=workdir))
        self._log = self.directory / "output.log"
        self._child = None
        self.strays = []  # what the child makes outside the directory

    def spawn(self, command, environment):
        """Starts the child with `environment` and nothing of ours but PATH: no AWS setting may leak into it."""
        libc = ctypes.CDLL(None)
        parent = os.getpid()

        def die_with_parent():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                command,
                cwd=self.directory,
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "HOME": str(self.directory),
                    "TMPDIR": str(self.directory),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a process group, which close() ends as a whole
                preexec_fn=die_with_parent,
            )

    def await_status(self, url, status, body=None):
        """Waits until `url` (a POST, if there is a `body`) answers with `status`."""
        deadline = time.monotonic() + START_SECONDS
        while (last := _status(url, body)) != status:
            if time.monotonic() > deadline:
                raise Failed(
                    f"{url} did not answer {status} within {START_SECONDS} s: {last}"
                )
            self.pause(0.05)

    def pause(self, seconds):
        """Waits; ends the program when standard input has ended, and fails when the child has."""
        child = os.pidfd_open(self._child.pid)
        try:
            ready, _, _ = select.select([0, child], [], [], seconds)
        finally:
            os.close(child)
        if 0 in ready and not os.read(0, 4096):
            sys.exit(0)
        if child in ready:
            raise Failed(f"the process has ended with {self._child.wait()}")

    def check_listeners(self, port):
        """Fails unless the child's group listens on `port`, and on loopback only."""
        inodes = _open_files(self._child.pid)
        ports = set()
        for table, listening in LISTENING.items():
            path = pathlib.Path("/proc/net", table)
            if not path.exists():
                continue  # a kernel without IPv6
            for line in path.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == listening and f"socket:[{fields[9]}]" in inodes:
                    address, number = fields[1].split(":")
                    ports.add(int(number, 16))
                    if not _address(address).is_loopback:
                        raise Failed(
                            f"it listens on {_address(address)}, which is not loopback"
                        )
        if port not in ports:
            raise Failed(f"another process answers on port {port}")

    def output(self):
        """The last lines that the stand-in itself wrote."""
        if not self._log.exists():
            return ""
        with self._log.open(errors="replace") as log:
            return "".join(collections.deque(log, 60))

    def close(self):
        """Kills the child's whole group and removes its files: nothing in them is worth an orderly end."""
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        for stray in self.strays:
            pathlib.Path(stray).unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def _arguments(name):
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--issuer", required=True, help="URL, as in the token's iss")
    parser.add_argument("--audience", required=True)
    parser.add_argument("--role-arn", required=True)
    parser.add_argument("--subject", required=True)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--workdir", help="an existing directory for its files")
    return parser.parse_args()


def _on_end(handler):
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def _forget_settings():
    """Whatever the machine's owner set up for AWS or for proxies has no say here."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _status(url, body):
    try:
        with urllib.request.urlopen(url, body, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return error


def _open_files(group):
    """What the descriptors of a process group's members point to, sockets as `socket:[<inode>]`."""
    links = set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # the process has ended meanwhile
            if os.getpgid(int(process.name)) == group:
                for descriptor in (process / "fd").iterdir():
                    with contextlib.suppress(OSError):  # it was closed meanwhile
                        links.add(os.readlink(descriptor))
    return links


def _address(text):
    """An address of /proc/net: 32-bit words, each printed in the host's byte order."""
    words = (bytes.fromhex(text[at : at + 8]) for at in range(0, len(text), 8))
    packed = b"".join(
        word[::-1] if sys.byteorder == "little" else word for word in words
    )
    address = ipaddress.ip_address(packed)
    return getattr(address, "ipv4_mapped", None) or address
