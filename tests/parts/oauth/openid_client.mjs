// Asks feedpass for tokens by openid-client, which is told the issuer's URL and a client's credentials.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { decodeJwt, decodeProtectedHeader, importJWK } from "jose";
import * as openid from "openid-client";

const { values } = parseArgs({
  options: {
    issuer: { type: "string" },
    "client-id": { type: "string" },
    "client-secret-file": { type: "string" },
    // A private JWK with `alg` and `kid`.
    "key-file": { type: "string", multiple: true },
    // The token of a workload that is the same client.
    "subject-token-file": { type: "string" },
  },
});
const read = async (path) => (await readFile(path, "utf8")).trim();

const secret = await read(values["client-secret-file"]);
const subjectToken = await read(values["subject-token-file"]);
const keys = await Promise.all(values["key-file"].map(async (path) => JSON.parse(await read(path))));

async function discover(authentication) {
  const options = { execute: [openid.allowInsecureRequests] };
  const issuer = new URL(values.issuer);
  return openid.discovery(issuer, values["client-id"], undefined, authentication, options);
}

/** The feed that is asked for: the token endpoint alone says where feedpass is to its clients. */
const feedOf = (config) =>
  new URL("../v1/spaces/default/feeds/images", config.serverMetadata().token_endpoint).href;

async function byCredentials(authentication) {
  const config = await discover(authentication);
  return [config, await openid.clientCredentialsGrant(config)];
}

async function byExchange(more) {
  // What there is to authenticate by is the subject token.
  const config = await discover(openid.None());
  const parameters = {
    subject_token: subjectToken,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    ...more(config),
  };
  const grant = "urn:ietf:params:oauth:grant-type:token-exchange";
  return [config, await openid.genericGrantRequest(config, grant, parameters)];
}

const cases = {
  client_secret_basic: () => byCredentials(openid.ClientSecretBasic(secret)),
  client_secret_post: () => byCredentials(openid.ClientSecretPost(secret)),
};
for (const jwk of keys) {
  cases[`private_key_jwt ${jwk.alg}`] = async () =>
    byCredentials(openid.PrivateKeyJwt({ key: await importJWK(jwk), kid: jwk.kid }));
}
cases["token exchange"] = () => byExchange(() => ({}));
cases["token exchange for a feed"] = () => byExchange((config) => ({ resource: feedOf(config) }));

/** What is in a token that is a JWT, and so no secret of its own. */
function contents(token) {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    return null;
  }
}

for (const [name, ask] of Object.entries(cases)) {
  const line = { library: "openid-client", case: name, answer: null, token: null, bearer_status: null, error: "" };
  try {
    const [config, { access_token: token, ...answer }] = await ask();
    Object.assign(line, { answer, token: contents(token) });
    // With a challenge, a refusal is thrown.
    const used = openid.fetchProtectedResource(config, token, new URL(`${feedOf(config)}/token`), "POST");
    line.bearer_status = (await used.catch((error) => error)).status ?? null;
  } catch (error) {
    // With a challenge, openid-client leaves the answer's body unread.
    const refusal = error.error ?? (await error.response?.json())?.error;
    line.error = refusal ?? `${error.name}: ${error.message}`;
  }
  console.log(JSON.stringify(line));
}
