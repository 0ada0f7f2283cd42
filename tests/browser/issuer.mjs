// An issuer of tokens that is not ours: npm's oidc-provider, whose keys can be exchanged while it runs.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

const [cert, key] = ["tls.crt", "tls.key"].map((name) => readFileSync(`${process.env.FOLDER}/${name}`, "utf8"));
const SECRET = "a secret of this run";

/** Starts it; its one client calls itself by the name of a user. */
export async function start({ audience, client }) {
  const server = createServer({ cert, key });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `https://127.0.0.1:${server.address().port}`;
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
          defaultResource: () => audience,
          getResourceServerInfo: () => ({ scope: "", audience, accessTokenTTL: 300, accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
        },
      },
    });
    server.removeAllListeners("request").on("request", provider.callback());
  };
  const token = async () => {
    const headers = { Authorization: `Basic ${Buffer.from(`${client}:${encodeURIComponent(SECRET)}`).toString("base64")}` };
    const body = new URLSearchParams({ grant_type: "client_credentials" });
    const answer = await fetch(`${url}/token`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()).access_token;
  };
  return { url, rotate, token, end: () => (server.closeAllConnections(), server.close()) };
}
