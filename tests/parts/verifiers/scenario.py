"""Shows a token and three that are wrong to verifiers that others wrote."""

import argparse
import base64
import hashlib
import json
import secrets
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Before this folder, in which `scenario` is this file.
sys.path.insert(0, str(HERE.parent))

import scenario
import tls_front

HOST = "id.feedpass.test"
ISSUER = f"https://{HOST}"
VERIFIERS = {"PyJWT", "jose", "aws-jwt-verify", "openid-client"}

# The sandbox is there so that no AWS can be asked; nothing asks it either. The internal URL is https
# because openid-client refuses metadata in which the token endpoint is not.
CONFIG = (
    """
issuer = "https://id.feedpass.test"

[listen]
public = "127.0.0.1:8080"
internal = "127.0.0.1:8081"
internal_url = "https://internal.feedpass.test"
"""
    + scenario.FEED
    + """\
[[client.grant]]
feeds = ["default/images"]
actions = ["token"]
"""
)


def main():
    modules = HERE.parents[2] / "target" / "parts" / "node" / "node_modules"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin-dir", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--node-modules", type=Path, default=modules)
    options = parser.parse_args()
    bin_dir, work = options.bin_dir.resolve(), options.work.resolve()

    scenario.enter(bin_dir, work, HOST)
    report = scenario.Report()
    with report.exits():
        modules = options.node_modules.resolve(strict=True)
        show_tokens(report, bin_dir, work, modules)


def show_tokens(report, bin_dir, work, modules):
    scenario.make_certificate(work, HOST)
    secret = secrets.token_urlsafe(32)
    config = work / "config.toml"
    secret_hash = hashlib.sha256(secret.encode()).hexdigest()
    scenario.replace(config, CONFIG.format(secret_hash=secret_hash))
    scenario.serve_feedpass(bin_dir, config)
    tls_front.start(work).await_ready(f"{ISSUER}/healthz")
    answer = scenario.ask_feedpass("/v1/spaces/default/feeds/images/token", secret)
    token = json.loads(answer)["token"]

    # An ES module finds packages only beside itself.
    (work / "node_modules").symlink_to(modules)
    shutil.copy(HERE / "verify.mjs", work)

    signature_changed = flip_in_signature(token)
    payload_changed = flip_in_payload(token)
    report.secrets |= {secret, token, signature_changed, payload_changed}
    for case, shown, audience, accepted in (
        ("good", token, HOST, True),
        ("signature: one bit", signature_changed, HOST, False),
        ("payload: one bit", payload_changed, HOST, False),
        ("another audience", token, "other.feedpass.test", False),
    ):
        verdicts = verify(work, shown, audience)
        for verdict in verdicts:
            report.write({"case": case, **verdict})
            report.require(verdict["accepted"] is accepted)
        report.require({verdict["verifier"] for verdict in verdicts} == VERIFIERS)


def verify(work, token, audience):
    token_file = work / "token"
    scenario.replace(token_file, token)
    question = (
        *("--issuer", ISSUER, "--audience", audience),
        *("--token-file", token_file),
    )
    lines = scenario.run(sys.executable, HERE / "verify.py", *question)
    lines += scenario.run("node", work / "verify.mjs", *question)
    return [json.loads(line) for line in lines.splitlines()]


def flip_in_signature(token):
    head, payload, signature = token.split(".")
    changed = bytearray(decode(signature))
    changed[len(changed) // 2] ^= 1
    return f"{head}.{payload}.{encode(changed)}"


def flip_in_payload(token):
    """Changes the subject's last letter, so that the payload still reads well: only the signature tells."""
    head, payload, signature = token.split(".")
    subject = b":feed:images"
    changed = bytearray(decode(payload))
    changed[changed.index(subject) + len(subject) - 1] ^= 1
    return f"{head}.{encode(changed)}.{signature}"


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


if __name__ == "__main__":
    main()
