// An issuer of tokens that is not ours: npm's oidc-provider, whose keys can be exchanged while it runs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as plain from "node:http";
import { createServer } from "node:https";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

const { FOLDER } = process.env;
const SECRET = "a secret of this run";

/** Starts it, over TLS if there is a certificate; its one client calls itself by the name of a user. */
export async function start({ audience, client }) {
  const [cert, key] = ["tls.crt", "tls.key"].map((name) => FOLDER && readFileSync(`${FOLDER}/${name}`, "utf8"));
  const server = FOLDER ? createServer({ cert, key }) : plain.createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `${FOLDER ? "https" : "http"}://127.0.0.1:${server.address().port}`;
  let fetched = 0;
  const rotate = async (kid) => {
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const provider = new Provider(url, {
      jwks: { keys: [{ ...(await exportJWK(privateKey)), kid, use: "sig", alg: "RS256" }] },
      clients: [{ client_id: client, client_secret: SECRET, grant_types: ["client_credentials"], redirect_uris: [], response_types: [] }],
      cookies: { keys: [SECRET] },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          // Its own name for us; the audience of an emulator, whose host is an address, would not be a URL to it.
          defaultResource: () => "urn:latchkey",
          getResourceServerInfo: () => ({ scope: "", audience, accessTokenTTL: 300, accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
        },
      },
    });
    server.removeAllListeners("request").on("request", provider.callback());
    server.on("request", ({ url: path }) => (fetched += path === "/jwks"));
  };
  const token = async () => {
    const headers = { Authorization: `Basic ${Buffer.from(`${client}:${encodeURIComponent(SECRET)}`).toString("base64")}` };
    const body = new URLSearchParams({ grant_type: "client_credentials" });
    const answer = await fetch(`${url}/token`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()).access_token;
  };
  return { url, client, rotate, token, fetched: () => fetched, end: () => (server.closeAllConnections(), server.close()) };
}

/** Lets an org trust it, and adds the user whose name its client has. */
export async function trust(ask, org, { url, client }) {
  const robot = { name: client, firstName: "Ci", lastName: "Robot", email: "ci@acme.test", authentication: 1, roles: ["Designer"] };
  const added = await ask("POST", "/saas/public/core/v3/users", robot);
  assert.equal(added.status, 201, await added.clone().text());
  const terms = { type: "OIDC", endPoints: { issuer: url, keys: `${url}/jwks` }, accountPolicy: { link: { tokenClaim: "sub", matchType: "aliasName" } } };
  const registered = await ask("POST", `/saas/public/core/v3/Orgs/${org}/IdentityProviders`, terms);
  assert.equal(registered.status, 201, await registered.clone().text());
}
