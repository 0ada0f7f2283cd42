// Somebody else's programs sign people in here: a SAML identity provider through the browser and for a program.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { REFUSED, open, start } from "./browser.mjs";
import * as idp from "./idp.mjs";
import * as issuer from "./issuer.mjs";

const { LATCHKEY_URL: URL_, LATCHKEY_HERE: HERE } = process.env;
const ORG = "5mYdXw9KcJhaf3LrN8pQ2v";
const HOME = `${URL_}/identity-service/home`;
const CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";

let browser, provider, admin, entity;

/** Asks the service as a program does. */
async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json", ...(admin && { "IDS-SESSION-ID": admin }) };
  return fetch(HERE + path, { method, headers, body: body && JSON.stringify(body) });
}

async function trust(changes) {
  const { binding = "HTTP-Redirect", idpInitiated = false, singleLogout = [] } = changes;
  const answer = await ask("PUT", `/latchkey/v1/orgs/${ORG}/saml`, {
    issuer: idp.ISSUER,
    singleSignOn: [{ binding, url: `${provider.url}/sso` }],
    singleLogout,
    certificates: [idp.CERTIFICATE],
    attributes: { firstName: `${CLAIMS}/givenname`, lastName: `${CLAIMS}/surname`, email: `${CLAIMS}/emailaddress` },
    defaultRole: "Designer",
    idpInitiated,
  });
  assert.equal(answer.status, 200, await answer.clone().text());
}

before(async () => {
  browser = await start();
  const login = await ask("POST", "/identity-service/api/v1/Login", { username: "ada.lovelace", password: "correct horse 9 battery" });
  admin = (await login.json()).sessionId;
  const metadata = await (await ask("GET", `/identity-service/saml/${ORG}/metadata`)).text();
  const [, certificate] = /<ds:X509Certificate>([^<]+)</.exec(metadata);
  const [, entityId] = /entityID="([^"]+)"/.exec(metadata);
  const [, acs] = /AssertionConsumerService [^>]*Location="([^"]+)"/.exec(metadata);
  const [, slo] = /SingleLogoutService [^>]*Location="([^"]+)"/.exec(metadata);
  entity = entityId;
  provider = await idp.start({ entityId, acs, slo, certificate: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n` });
});
after(async () => {
  await browser.close();
  provider.end();
});

async function sayWho(page, who) {
  await page.waitForSelector("#who");
  await page.fill("#who", who);
  await page.click("#send");
}

for (const binding of ["HTTP-Redirect", "HTTP-POST"]) {
  test(`somebody signs in at their provider, by ${binding}`, async () => {
    await trust({ binding });
    const page = await open(browser);
    await page.goto(HOME);
    await page.fill("#org", binding === "HTTP-POST" ? ORG : "Acme Prod");
    await page.click("#find-org");
    await page.click("#single-sign-on");
    await sayWho(page, "grace.hopper");
    await page.waitForSelector("#user");
    assert.equal(page.url(), HOME);
    assert.equal(await page.textContent("#user"), "grace.hopper");
    assert.equal(await page.$("#change-password"), null, "there is no password here to change");
    await page.click("#sign-out");
    await page.waitForSelector("#username");
    page.isSilent();
  });
}

/** Signs somebody in at the provider, and answers the id of their session here. */
async function signInAtProvider(page, who) {
  await page.goto(`${URL_}/ma/sso/${ORG}`);
  await sayWho(page, who);
  await page.waitForSelector("#user");
  return (await cookie(page)).value;
}

async function cookie(page) {
  return (await page.context().cookies(URL_)).find(({ name }) => name === "USER_SESSION");
}

/** What the two doors that check a session say of it. */
async function isGood(session) {
  const headers = { "IDS-SESSION-ID": session };
  const paths = ["/session-service/api/v1/session/User", "/gate"];
  return Promise.all(paths.map(async (path) => (await fetch(HERE + path, { headers })).status));
}

/** Whom the provider knows in this browser. */
async function atProvider(page) {
  await page.goto(`${provider.url}/me`);
  return page.textContent("#me");
}

for (const binding of ["HTTP-Redirect", "HTTP-POST"]) {
  /** Two browsers in which the same person signed in, with the ids of their sessions. */
  const twoBrowsers = async (who) => {
    await trust({ singleLogout: [{ binding, url: `${provider.url}/slo/${binding}` }] });
    const [page, other] = [await open(browser), await open(browser)];
    const sessions = [await signInAtProvider(page, who), await signInAtProvider(other, who)];
    assert.equal(provider.sessions(who), 2);
    assert.equal(await atProvider(page), who);
    assert.deepEqual(await Promise.all(sessions.map(isGood)), [[200, 200], [200, 200]]);
    return [page, ...sessions];
  };

  test(`who signs out here is signed out here and then at the provider, by ${binding}`, async () => {
    const who = `begins.here.${binding}`;
    const [page, ended, other] = await twoBrowsers(who);
    let before;
    await page.route(`${provider.url}/slo/**`, async (route) => {
      before = { here: await isGood(ended), there: provider.sessions(who) };
      await route.continue();
    });
    await page.goto(HOME);
    await page.click("#sign-out");
    await page.waitForSelector("#signed-out");
    assert.deepEqual(before, { here: [401, 401], there: 2 }, "it ends here before the provider hears of it");
    assert.equal(await page.textContent("#signed-out"), "You are signed out here and at your identity provider.");
    assert.equal(await cookie(page), undefined);
    assert.equal(provider.sessions(who), 1);
    assert.equal(await atProvider(page), "nobody");
    assert.deepEqual(await isGood(other), [200, 200], "the other browser");
    await page.goto(`${URL_}/ma/sso/${ORG}`);
    await page.waitForSelector("#who");
    page.isSilent();
  });

  test(`who signs out at the provider is signed out here, by ${binding}`, async () => {
    const who = `begins.there.${binding}`;
    const [page, ended, other] = await twoBrowsers(who);
    await page.goto(`${provider.url}/slo/${binding}`);
    // It shows a status when the service has said that it went well, and everything is over.
    await page.waitForSelector("text=/^200$/");
    assert.deepEqual(await isGood(ended), [401, 401]);
    assert.equal(provider.sessions(who), 1);
    assert.equal(await atProvider(page), "nobody");
    assert.deepEqual(await isGood(other), [200, 200], "the other browser");
    // Browsers send this cookie along with no form of another site, so it can be taken away by a URL alone.
    assert.equal((await cookie(page))?.value, binding === "HTTP-POST" ? ended : undefined);
    await page.goto(HOME);
    await page.waitForSelector("#username");
    page.isSilent();
  });
}

test("without JavaScript a button carries the question and the answer", async () => {
  await trust({ binding: "HTTP-POST" });
  const page = await open(browser, { javaScriptEnabled: false });
  await page.goto(`${URL_}/ma/sso/${ORG}`);
  await page.click("#go-on");
  await sayWho(page, "grace.hopper");
  await page.click("input[type=submit]");
  await page.waitForSelector("#user");
  page.isSilent();
});

test("somebody is sent on to a path of ours, and nowhere else", async () => {
  await trust({});
  for (const [relay, arrives] of [
    ["/identity-service/home/password?from=idp", HOME],
    ["/docs", `${URL_}/docs`],
    ["https://evil.test/", HOME],
    ["//evil.test/", HOME],
  ]) {
    const page = await open(browser);
    await page.goto(`${URL_}/ma/sso/${ORG}?RelayState=${encodeURIComponent(relay)}`);
    await sayWho(page, "grace.hopper");
    await page.waitForURL(arrives);
    page.isSilent();
  }
});

test("what nobody here asked for is taken only if the org says so", async () => {
  await trust({ idpInitiated: false });
  let page = await open(browser, { expected: REFUSED });
  await page.goto(`${provider.url}/start?who=grace.hopper`);
  await page.waitForSelector("#trouble");
  assert.match(await page.textContent("#trouble"), /^The answer of your identity provider was not accepted\./);
  assert.match(await page.textContent("#reference"), /^[0-9A-Za-z]{22}$/);
  page.isSilent();
  await trust({ idpInitiated: true });
  page = await open(browser);
  await page.goto(`${provider.url}/start?who=grace.hopper&RelayState=%2Fdocs`);
  await page.waitForURL(`${URL_}/docs`);
  await page.goto(HOME);
  assert.equal(await page.textContent("#user"), "grace.hopper");
  page.isSilent();
});

test("an answer to one browser is none to another, and is taken once", async () => {
  await trust({});
  const one = await open(browser, { expected: /.*/ });
  await one.route("**/identity-service/acs/**", (route) => route.fulfill({ body: "stopped on the way" }));
  const carried = one.waitForRequest("**/identity-service/acs/**");
  await one.goto(`${URL_}/ma/sso/${ORG}`);
  await sayWho(one, "grace.hopper");
  const answer = (await carried).postData();
  await one.waitForSelector("text=stopped on the way");
  const bring = async (page) => {
    const fields = [...new URLSearchParams(answer)].map(([name, value]) => `<input name="${name}" value="${value}">`).join("");
    await page.route("https://other.test/", (route) =>
      route.fulfill({ contentType: "text/html", body: `<form method=post action="${URL_}/identity-service/acs/${ORG}">${fields}<button id=bring>` }),
    );
    await page.goto("https://other.test/");
    await page.click("#bring");
    await page.waitForSelector("#trouble, #user");
    return (await page.$("#user")) !== null;
  };
  await one.unroute("**/identity-service/acs/**");
  assert.equal(await bring(await open(browser)), false, "another browser");
  assert.equal(await bring(one), true, "the browser that asked");
  assert.equal(await bring(one), false, "a second time");
});

test("a program signs in with the message that a browser would have carried, once", async () => {
  await trust({});
  const token = await (await fetch(`${provider.here}/token?who=grace.hopper`)).text();
  const body = { samlToken: token, orgId: ORG };
  const first = await ask("POST", "/ma/api/v2/user/loginSaml", body);
  assert.equal(first.status, 200, await first.clone().text());
  const { name, firstName, lastName, emails, icSessionId } = await first.json();
  assert.deepEqual({ name, firstName, lastName, emails }, { name: "grace.hopper", firstName: "Grace", lastName: "Hopper", emails: "grace.hopper@other.test" });
  const user = await fetch(`${HERE}/session-service/api/v1/session/User`, { headers: { "IDS-SESSION-ID": icSessionId } });
  assert.equal((await user.json()).authenticator, "SAML");
  assert.notEqual((await ask("POST", "/ma/api/v2/user/loginSaml", body)).status, 200);
});

test("a program signs in with a token of an issuer, once", async () => {
  const source = await issuer.start({ audience: entity, client: "ci.robot" });
  try {
    await source.rotate("first");
    await issuer.trust(ask, ORG, source);
    const oauthToken = await source.token();
    const first = await ask("POST", "/ma/api/v2/user/loginOAuth", { oauthToken, orgId: ORG });
    assert.equal(first.status, 200, await first.clone().text());
    assert.equal((await first.json()).name, "ci.robot");
    assert.notEqual((await ask("POST", "/ma/api/v2/user/loginOAuth", { oauthToken, orgId: ORG })).status, 200, "a second time");
  } finally {
    source.end();
  }
});
