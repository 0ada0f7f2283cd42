// A token endpoint of npm's oauth2-mock-server: client credentials for a JWT signed with ES256.
import { OAuth2Server } from "oauth2-mock-server";

const server = new OAuth2Server();
await server.issuer.keys.generate("ES256");
await server.start(0, "127.0.0.1");
console.log(`oauth2-mock-server ready http://127.0.0.1:${server.address().port}`);
