// A token endpoint of npm's oidc-provider, in memory: client credentials for a JWT signed with ES256.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
const resource = { scope: "", audience: "urn:bench", accessTokenTTL: 1800, accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } };
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(url, {
    jwks: { keys: [{ ...key, kid: "bench", use: "sig", alg: "ES256" }] },
    clients: [{ client_id: "bench", client_secret: "bench", id_token_signed_response_alg: "ES256", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] }],
    cookies: { keys: ["bench"] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: true, defaultResource: () => "urn:bench", getResourceServerInfo: () => resource },
    },
  });
  server.on("request", provider.callback());
  console.log(`oidc-provider ready ${url}`);
});
