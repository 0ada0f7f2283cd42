// An issuer that is not ours exchanges its keys. `latchkey emulate` runs this, because its clock can be moved: a key set is
// fetched at most once a minute, whoever asks.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as issuer from "./issuer.mjs";

const { LATCHKEY_EMULATOR_URL: HERE } = process.env;
const ORG = "5mYdXw9KcJhaf3LrN8pQ2v";

let admin;

async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json", ...(admin && { "IDS-SESSION-ID": admin }) };
  return fetch(HERE + path, { method, headers, body: body && JSON.stringify(body) });
}

test("a token of an issuer is taken a minute after its keys were exchanged", async () => {
  const login = await ask("POST", "/identity-service/api/v1/Login", { username: "ada.lovelace", password: "correct horse 9 battery" });
  admin = (await login.json()).sessionId;
  const metadata = await (await ask("GET", `/identity-service/saml/${ORG}/metadata`)).text();
  const [, audience] = /entityID="([^"]+)"/.exec(metadata);
  const source = await issuer.start({ audience, client: "ci.robot" });
  const signIn = async () => (await ask("POST", "/ma/api/v2/user/loginOAuth", { oauthToken: await source.token(), orgId: ORG })).status;
  try {
    await source.rotate("first");
    await issuer.trust(ask, ORG, source);
    assert.deepEqual([await signIn(), await signIn(), source.fetched()], [200, 200, 1]);
    await source.rotate("second");
    const tooEarly = [await signIn(), source.fetched()];
    assert.deepEqual(tooEarly, [403, 1]);
    const moved = await ask("POST", "/_emulator/clock", { advance: "1m" });
    assert.equal(moved.status, 200, await moved.clone().text());
    assert.deepEqual([await signIn(), await signIn(), source.fetched()], [200, 200, 2]);
  } finally {
    source.end();
  }
});
