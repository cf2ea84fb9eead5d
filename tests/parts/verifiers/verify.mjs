// Verifies a token with libraries that are told the issuer's URL and the expected audience.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { JwtVerifier } from "aws-jwt-verify";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as openid from "openid-client";

const verifiers = {
  jose: async ({ issuer, audience, token }) => {
    const url = `${issuer}/.well-known/openid-configuration`;
    const metadata = await (await fetch(url)).json();
    if (metadata.issuer !== issuer) {
      throw new Error(`${url} is of another issuer, ${metadata.issuer}`);
    }
    const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
    const algorithms = metadata.id_token_signing_alg_values_supported;
    return (await jwtVerify(token, keys, { issuer, audience, algorithms })).payload;
  },

  // Reads no metadata: it expects the keys at the issuer's /.well-known/jwks.json.
  "aws-jwt-verify": ({ issuer, audience, token }) =>
    JwtVerifier.create({ issuer, audience }).verify(token),

  // A relying party, which checks a token only as one that a token endpoint has just given to it. So it
  // is given this one, by a token endpoint that exists in this function alone; discovery and keys are real.
  "openid-client": async ({ issuer, audience, token }) => {
    const config = await openid.discovery(new URL(issuer), audience, undefined, openid.None());
    const { token_endpoint: tokenEndpoint } = config.serverMetadata();
    config[openid.customFetch] = async (url, options) =>
      url === tokenEndpoint
        ? Response.json({ access_token: "unused", token_type: "bearer", id_token: token })
        : fetch(url, options);
    // Without it, an ID token is believed for the TLS connection it came by.
    openid.enableNonRepudiationChecks(config);
    return (await openid.genericGrantRequest(config, "client_credentials", {})).claims();
  },
};

/** The reason and what is behind it: openid-client names only the first in its message. */
function explain(error) {
  const text = `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${text}: ${explain(error.cause)}` : text;
}

const { values } = parseArgs({
  options: {
    issuer: { type: "string" },
    audience: { type: "string" },
    "token-file": { type: "string" },
  },
});
const { issuer, audience } = values;
const token = (await readFile(values["token-file"], "utf8")).trim();

for (const [verifier, verify] of Object.entries(verifiers)) {
  const verdict = { verifier, accepted: false, claims: null, error: "" };
  try {
    verdict.claims = await verify({ issuer, audience, token });
    verdict.accepted = true;
  } catch (error) {
    verdict.error = explain(error);
  }
  console.log(JSON.stringify(verdict));
}
