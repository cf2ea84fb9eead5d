#!/usr/bin/env python3
"""Gets a feed's role session from feedpass as AWS's programs do, without a line of code of its own.

boto3 and the AWS CLI each take it from the container-credentials endpoint and from a
`credential_process`, and ask STS who they are. FEEDPASS_URL and FEEDPASS_TOKEN_FILE are in the
environment, as for `feedpass session`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
import botocore.exceptions

PROFILE = "feed"
REFUSED = (
    botocore.exceptions.ClientError,
    botocore.exceptions.BotoCoreError,
    ValueError,  # an authorization file with a line's end
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sts", required=True, help="URL of the STS endpoint")
    parser.add_argument("--feedpass", type=Path, required=True, help="the program")
    parser.add_argument("--feed", default="default/images", help="SPACE/FEED")
    parser.add_argument(
        "--authorization-file",
        type=Path,
        help="what the SDKs send as Authorization; left out: FEEDPASS_TOKEN_FILE",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="role-session-") as folder:
        config = Path(folder, "config")
        sources = {
            "container": container(options),
            "credential_process": credential_process(options, config),
        }
        for source, environment in sources.items():
            environment = nothing_else(options.sts) | environment
            for program, ask in (("boto3", boto3_asks), ("aws", cli_asks)):
                print(
                    json.dumps(
                        {"program": program, "source": source, **ask(environment)}
                    )
                )


def container(options):
    space, feed = options.feed.split("/")
    url = os.environ["FEEDPASS_URL"]
    file = options.authorization_file or os.environ["FEEDPASS_TOKEN_FILE"]
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1/spaces/{space}/feeds/{feed}/session",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
    }


def credential_process(options, config):
    command = f"{options.feedpass.resolve()} session {options.feed} --format credential-process"
    config.write_text(f"[profile {PROFILE}]\ncredential_process = {command}\n")
    return {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": PROFILE}


def nothing_else(sts):
    """An environment without any other source of credentials, and with no AWS but `sts`."""
    inherited = ("PATH", "LANG", "FEEDPASS_URL", "FEEDPASS_TOKEN_FILE")
    return {name: os.environ[name] for name in inherited if name in os.environ} | {
        "AWS_ENDPOINT_URL_STS": sts,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }


def boto3_asks(environment):
    os.environ.clear()
    os.environ.update(environment)
    try:
        session = boto3.Session()
        credentials = session.get_credentials()
        caller = session.client("sts").get_caller_identity()
    except REFUSED as error:
        return {"caller_arn": None, "error": f"{type(error).__name__}: {error}"}
    # botocore has no public name for the expiry.
    expires = getattr(credentials, "_expiry_time", None)
    return {
        "caller_arn": caller["Arn"],
        "error": "",
        "method": credentials.method,
        "expires": expires and expires.isoformat(),
    }


def cli_asks(environment):
    done = subprocess.run(
        [Path(sys.executable).with_name("aws"), "sts", "get-caller-identity"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        return {"caller_arn": None, "error": done.stderr.strip()}
    return {"caller_arn": json.loads(done.stdout)["Arn"], "error": ""}


if __name__ == "__main__":
    main()
