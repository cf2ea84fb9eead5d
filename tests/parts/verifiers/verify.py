"""Verifies a token with PyJWT, which is told the issuer's URL and the expected audience."""

import argparse
import json
import urllib.request
from pathlib import Path

import jwt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--audience", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    options = parser.parse_args()
    token = options.token_file.read_text().strip()
    verdict = {"verifier": "PyJWT", "accepted": False, "claims": None, "error": ""}
    try:
        claims = verify(options.issuer, options.audience, token)
        verdict |= {"accepted": True, "claims": claims}
    except Exception as error:  # any is a refusal; the text tells which
        verdict["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(verdict))


def verify(issuer, audience, token):
    url = f"{issuer}/.well-known/openid-configuration"
    with urllib.request.urlopen(url) as answer:
        metadata = json.load(answer)
    if metadata["issuer"] != issuer:
        raise ValueError(f"{url} is of another issuer, {metadata['issuer']}")
    return jwt.decode(
        token,
        jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token),
        algorithms=metadata["id_token_signing_alg_values_supported"],
        audience=audience,
        issuer=issuer,
        options={"require": ["aud", "exp", "iat", "iss", "sub"]},
    )


if __name__ == "__main__":
    main()
