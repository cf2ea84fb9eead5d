#!/usr/bin/env python3
"""Assumes a role the way any AWS program does: boto3's default chain, with a web identity token file."""

import argparse
import base64
import json
import os
import sys

import boto3
import botocore.exceptions

REFUSED = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sts", required=True, help="URL of the STS endpoint")
    parser.add_argument("--ecr", help="URL of the ECR endpoint, to be asked as well")
    options = parser.parse_args()
    os.environ["AWS_ENDPOINT_URL_STS"] = options.sts
    _only_web_identity()
    session = boto3.Session()
    try:
        credentials = session.get_credentials()
        if credentials is None:
            parser.error("AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN must be set")
        access_key_id = credentials.get_frozen_credentials().access_key
        registry = _registry(session, options.ecr) if options.ecr else None
    except REFUSED as error:
        print(json.dumps(_refusal(error)))
        sys.exit(1)
    print(
        json.dumps(
            {
                "access_key_id": access_key_id,
                # botocore has no public name for it
                "expires": credentials._expiry_time.isoformat(),
                "caller_arn": _caller_arn(session),
                "registry": registry,
            }
        )
    )


def _only_web_identity():
    """Leaves the chain no other source of credentials than the token file."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        os.environ.pop(name, None)
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def _caller_arn(session):
    """Who STS says we are; None where a stand-in does not answer that for these credentials."""
    try:
        return session.client("sts").get_caller_identity()["Arn"]
    except REFUSED:
        return None


def _registry(session, url):
    """What ECR gives for the session, without the password."""
    ecr = session.client("ecr", endpoint_url=url)
    (given,) = ecr.get_authorization_token()["authorizationData"]
    user, _, password = (
        base64.b64decode(given["authorizationToken"]).decode().partition(":")
    )
    assert password
    return {"username": user, "endpoint": given["proxyEndpoint"]}


def _refusal(error):
    """The code of AWS's answer, or the kind of the error where there was none."""
    answer = getattr(error, "response", {}).get("Error", {})
    return {
        "code": answer.get("Code", type(error).__name__),
        "message": answer.get("Message", str(error)),
    }


if __name__ == "__main__":
    main()
