"""Asks feedpass for tokens by Authlib, which is told the issuer's URL and a client's credentials."""

import argparse
import base64
import json
import urllib.parse
from pathlib import Path

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import import_key

TOKEN_TYPE = "urn:ietf:params:oauth:token-type:jwt"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--client-secret-file", type=Path, required=True)
    parser.add_argument(
        "--key-file",
        type=Path,
        action="append",
        default=[],
        help="a private JWK with alg and kid",
    )
    parser.add_argument(
        "--subject-token-file",
        type=Path,
        required=True,
        help="the token of a workload that is the same client",
    )
    options = parser.parse_args()
    client = Client(options)
    for name, ask in client.cases():
        print(json.dumps({"library": "Authlib", "case": name, **client.outcome(ask)}))


class Client:
    def __init__(self, options):
        url = f"{options.issuer}/.well-known/openid-configuration"
        metadata = requests.get(url).json()
        if metadata["issuer"] != options.issuer:
            raise ValueError(f"{url} is of another issuer, {metadata['issuer']}")
        self._id = options.client_id
        self._secret = options.client_secret_file.read_text().strip()
        self._keys = [json.loads(path.read_text()) for path in options.key_file]
        self._subject_token = options.subject_token_file.read_text().strip()
        self._token_endpoint = metadata["token_endpoint"]
        # The token endpoint alone says where feedpass is to its clients.
        self._feed = urllib.parse.urljoin(
            self._token_endpoint, "../v1/spaces/default/feeds/images"
        )

    def cases(self):
        """The ways to ask, each with its name."""
        yield "client_secret_basic", lambda: self._by_secret("client_secret_basic")
        yield "client_secret_post", lambda: self._by_secret("client_secret_post")
        for jwk in self._keys:
            yield f"private_key_jwt {jwk['alg']}", lambda jwk=jwk: self._by_key(jwk)
        yield "token exchange", lambda: self._exchange()
        yield (
            "token exchange for a feed",
            lambda: self._exchange(resource=self._feed),
        )

    def outcome(self, ask):
        outcome = {"answer": None, "token": None, "bearer_status": None, "error": ""}
        try:
            answer = dict(ask())
            token = answer.pop("access_token")
            outcome |= {"answer": answer, "token": contents(token)}
            bearer = {"access_token": token, "token_type": "Bearer"}
            used = OAuth2Session(self._id, token=bearer).post(f"{self._feed}/token")
            outcome["bearer_status"] = used.status_code
        except Exception as error:  # any is a refusal; the text tells which
            code = getattr(error, "error", None)
            outcome["error"] = code or f"{type(error).__name__}: {error}"
        return outcome

    def _by_secret(self, method):
        session = OAuth2Session(
            self._id, self._secret, token_endpoint_auth_method=method
        )
        return self._fetch(session, "client_credentials")

    def _by_key(self, jwk):
        session = OAuth2Session(
            self._id, import_key(jwk), token_endpoint_auth_method="private_key_jwt"
        )
        method = PrivateKeyJWT(alg=jwk["alg"], headers={"kid": jwk["kid"]})
        session.register_client_auth_method(method)
        return self._fetch(session, "client_credentials")

    def _exchange(self, **more):
        # What there is to authenticate by is the subject token.
        session = OAuth2Session(self._id, token_endpoint_auth_method="none")
        subject = {
            "subject_token": self._subject_token,
            "subject_token_type": TOKEN_TYPE,
        }
        return self._fetch(session, EXCHANGE, **subject, **more)

    def _fetch(self, session, grant_type, **parameters):
        return session.fetch_token(
            self._token_endpoint, grant_type=grant_type, **parameters
        )


def contents(token):
    """What is in a token that is a JWT, and so no secret of its own."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in parts[:2]
    )
    return {"header": header, "claims": claims}


if __name__ == "__main__":
    main()
