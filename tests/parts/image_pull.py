"""Pulls a real image from a real registry with nothing but `credHelpers` naming feedpass."""

import argparse
import base64
import hashlib
import json
import os
import secrets
from pathlib import Path

import oci_image
import scenario

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
REFERENCE = f"docker://{REGISTRY}/hello:1"
# bcrypt sees no more of a password.
BCRYPT_LIMIT = 72

CONFIG = """
issuer = "http://127.0.0.1:8080"

[listen]
public = "127.0.0.1:8080"
internal = "127.0.0.1:8081"
""" + scenario.FEED
GRANT = """
[[client.grant]]
feeds = ["default/images"]
actions = ["pull"]
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin-dir", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    bin_dir, work = options.bin_dir.resolve(), options.work.resolve()

    scenario.enter(bin_dir, work, REGISTRY)
    # Where skopeo and podman keep caches and locks, whatever their options say.
    for folder in ("/dev/shm", "/var/lib", "/var/tmp"):
        scenario.run("mount", "-t", "tmpfs", "tmpfs", folder)
    report = scenario.Report()
    with report.exits():
        pull_with_feedpass(report, bin_dir, work)


def pull_with_feedpass(report, bin_dir, work):
    scenario.make_certificate(work, REGISTRY)
    secret = secrets.token_urlsafe(32)
    report.secrets.add(secret)
    config = work / "config.toml"
    without_grant = CONFIG.format(
        secret_hash=hashlib.sha256(secret.encode()).hexdigest()
    )
    with_grant = without_grant + GRANT
    scenario.replace(config, with_grant)
    feedpass = scenario.serve_feedpass(bin_dir, config)
    password = fetch_password(report, secret)
    report.step("feedpass gives a password", bool(password), bytes=len(password))

    admit(work, password)
    registry = start_registry(work)
    check_door(report, password)
    image = oci_image.write(work / "image")
    push(work, password)
    report.step("image pushed", True, manifest=image.manifest)

    user = make_user(work, secret)
    skopeo_pulls(report, "skopeo pulls", user, work / "pulled", image)
    podman_pulls(report, user, image)

    with feedpass.awaiting("configuration reloaded"):
        scenario.replace(config, without_grant)
    skopeo_is_refused(report, user, work / "refused")

    with feedpass.awaiting("configuration reloaded"):
        scenario.replace(config, with_grant)
    # ECR takes every password until it expires, this registry only one: the newest.
    admit(work, fetch_password(report, secret))
    skopeo_pulls(report, "skopeo pulls again", user, work / "again", image)

    output = "".join(feedpass.lines + registry.lines)
    report.step("no secret was logged", not report.leaks(output))


def fetch_password(report, secret):
    password = scenario.ask_feedpass(
        "/v1/spaces/default/feeds/images/credentials?format=password", secret
    ).strip()
    report.secrets.add(password)
    return password


def admit(work, password):
    """Makes `password` the one that the registry takes; a running registry notices."""
    entry = scenario.run(
        *("htpasswd", "-n", "-i", "-B", "-C", "5", "AWS"),
        input=password[:BCRYPT_LIMIT],
    )
    scenario.replace(work / "htpasswd", entry)


def start_registry(work):
    config = work / "registry.json"
    # The registry reads YAML, and so JSON.
    config.write_text(
        json.dumps(
            {
                "version": "0.1",
                "log": {"level": "warn", "accesslog": {"disabled": True}},
                "storage": {"filesystem": {"rootdirectory": f"{work}/registry"}},
                "auth": {"htpasswd": {"realm": "ECR", "path": f"{work}/htpasswd"}},
                "http": {
                    "addr": "127.0.0.1:443",
                    "secret": secrets.token_hex(16),
                    "tls": {
                        "certificate": f"{work}/server.pem",
                        "key": f"{work}/server.key",
                    },
                },
            }
        )
    )
    registry = scenario.Process("docker-registry", "serve", config)
    registry.await_ready(f"https://{REGISTRY}/v2/", status=401)
    return registry


def push(work, password):
    # In a file: a command line can be read from outside, and stands in a time-out's message.
    auth = base64.b64encode(f"AWS:{password}".encode()).decode()
    auth_file = work / "push.json"
    scenario.replace(auth_file, json.dumps({"auths": {REGISTRY: {"auth": auth}}}))
    scenario.run(
        *("skopeo", "copy", "--dest-authfile", auth_file),
        *(f"oci:{work}/image:hello", REFERENCE),
    )


def check_door(report, password):
    """Shows that the registry is no open door: a pull proves something only if it can be refused."""

    def status(user, password):
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}"}
        return scenario.request(f"https://{REGISTRY}/v2/", headers=headers)[0]

    def changed(at):
        other = "A" if password[at] != "A" else "B"
        return password[:at] + other + password[at + 1 :]

    seen = {
        "right": status("AWS", password),
        "first byte changed": status("AWS", changed(0)),
        "last byte seen by bcrypt changed": status("AWS", changed(BCRYPT_LIMIT - 1)),
        "cut short": status("AWS", password[: BCRYPT_LIMIT - 1]),
        "empty": status("AWS", ""),
        "other user": status("aws", password),
    }
    refused = all(seen[case] == 401 for case in seen if case != "right")
    report.step("registry's door", seen["right"] == 200 and refused, status=seen)


def make_user(work, secret):
    """Gives the environment of a user whose only way to the registry is the credential helper."""
    docker = work / "home" / ".docker"
    docker.mkdir()
    helpers = {"credHelpers": {REGISTRY: "feedpass"}}
    (docker / "config.json").write_text(json.dumps(helpers))
    token_file = work / "home" / "feedpass-token"
    scenario.replace(token_file, secret)
    return os.environ | {
        "FEEDPASS_URL": scenario.INTERNAL,
        "FEEDPASS_TOKEN_FILE": str(token_file),
    }


def skopeo_pulls(report, step, user, folder, image):
    pull = scenario.attempt("skopeo", "copy", REFERENCE, f"dir:{folder}", env=user)
    if pull.returncode != 0:
        report.step(step, False, why=pull.stderr.strip())
        return
    contents = {sha256(file) for file in folder.iterdir()}
    same = {image.manifest, image.config, image.layer} <= contents
    report.step(step, same, manifest=sha256(folder / "manifest.json"))


def podman_pulls(report, user, image):
    podman = (
        *("podman", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"),
        # podman takes no run root of more than 50 characters; `work` may be longer.
        *("--root", "/var/lib/podman", "--runroot", "/var/tmp/podman"),
        *("--tmpdir", "/var/tmp/libpod", "--events-backend", "none"),
    )
    able = scenario.attempt(*podman, "info", env=user)
    if able.returncode != 0:
        # Of the machine, not of feedpass; but no pull either.
        why = able.stderr.strip()
        report.step("podman pulls", True, pulled=False, why=why)
        return
    pull = scenario.attempt(*podman, "pull", REFERENCE, env=user)
    if pull.returncode != 0:
        report.step("podman pulls", False, why=pull.stderr.strip())
        return
    digest = scenario.run(
        *(*podman, "image", "inspect", "--format", "{{.Digest}}", pull.stdout.strip()),
        env=user,
    ).strip()
    report.step("podman pulls", digest == image.manifest, pulled=True, manifest=digest)


def skopeo_is_refused(report, user, folder):
    helper = scenario.attempt(
        "docker-credential-feedpass", "get", input=REGISTRY, env=user
    )
    # A helper explains itself on standard output: callers look nowhere else.
    words = helper.stdout.strip()
    pull = scenario.attempt("skopeo", "copy", REFERENCE, f"dir:{folder}", env=user)
    # skopeo prints them as a quoted string. The last line is the request's own id.
    reason = words.rsplit("\n", 1)[0]
    quoted = json.dumps(reason, ensure_ascii=False)[1:-1]
    report.step(
        "skopeo is refused",
        helper.returncode == 1
        and pull.returncode != 0
        and bool(reason)
        and quoted in pull.stderr,
        helper=words,
        skopeo=pull.stderr.strip(),
    )


def sha256(file):
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


if __name__ == "__main__":
    main()
