// The door for people, as a person uses it: `scripts/browser` starts the service and runs this.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { REFUSED, isAccessible, open, start } from "./browser.mjs";

const HOME = `${process.env.LATCHKEY_URL}/identity-service/home`;
const NAME = "ada.lovelace";
const PASSWORD = "correct horse 9 battery";

let browser;
before(async () => (browser = await start()));
after(() => browser.close());

async function signIn(page, password = PASSWORD) {
  await page.goto(HOME);
  await page.fill("#username", NAME);
  await page.fill("#password", password);
  await page.click("#sign-in");
}

async function session(page) {
  const cookies = await page.context().cookies();
  return cookies.find((cookie) => cookie.name === "USER_SESSION");
}

async function inAndOut(page) {
  await signIn(page);
  assert.equal(page.url(), HOME);
  assert.equal(await page.textContent("#user"), NAME);
  assert.equal(await page.textContent("#org"), "Acme Prod");
  assert.match(await page.textContent("#ends"), /^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
  const { value, httpOnly, secure, sameSite, path, expires } = await session(page);
  assert.deepEqual({ httpOnly, secure, sameSite, path, expires }, { httpOnly: true, secure: true, sameSite: "Lax", path: "/", expires: -1 });
  assert.ok(!(await page.content()).includes(value), "the page does not hold the session");
  await page.click("#sign-out");
  await page.waitForSelector("#username");
  assert.equal(await session(page), undefined);
  page.isSilent();
}

test("somebody signs in, sees who they are, and signs out", async () => inAndOut(await open(browser)));

test("the same without JavaScript", async () => inAndOut(await open(browser, { javaScriptEnabled: false })));

test("the same with the keyboard alone", async () => {
  const page = await open(browser);
  await page.goto(HOME);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "username");
  await page.keyboard.type(NAME);
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "sign-in");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#user");
  for (const id of ["change-password", "sign-out"]) {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.id), id);
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector("#username");
  page.isSilent();
});

test("a wrong password is refused in plain words, and the right one is taken on that page", async () => {
  const page = await open(browser, { expected: REFUSED });
  await signIn(page, "wrong");
  assert.equal(await page.textContent("#trouble"), "User name or password is not valid.");
  assert.equal(await page.inputValue("#username"), "");
  await isAccessible(page);
  await page.fill("#username", NAME);
  await page.fill("#password", PASSWORD);
  await page.click("#sign-in");
  await page.waitForSelector("#user");
  page.isSilent();
});

test("every page is accessible, also in the dark and on a telephone", async () => {
  for (const options of [{}, { colorScheme: "dark" }, { viewport: { width: 320, height: 568 } }]) {
    const page = await open(browser, options);
    await page.goto(HOME);
    await isAccessible(page);
    await signIn(page);
    await page.waitForSelector("#user");
    await isAccessible(page);
    await page.click("#change-password");
    await page.waitForSelector("#old_password");
    await isAccessible(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.ok(!overflow, "nothing has to be scrolled sideways");
    page.isSilent();
  }
});

test("a page of another site can neither frame the door nor send its form", async () => {
  const page = await open(browser, { expected: /frame-ancestors|X-Frame-Options|status of 403/ });
  await signIn(page);
  await page.waitForSelector("#user");
  await page.route("https://evil.test/", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<iframe id=frame src="${HOME}"></iframe>
        <form method=post action="${HOME}/sign-out"><button id=go>go</button></form>`,
    }),
  );
  await page.goto("https://evil.test/");
  const frame = await (await page.waitForSelector("#frame")).contentFrame();
  assert.equal(await frame.$("#sign-out"), null, "the door is not framed");
  await page.click("#go");
  await page.waitForURL((url) => url.href.startsWith(HOME));
  await page.goto(HOME);
  assert.equal(await page.textContent("#user"), NAME, "nobody was signed out");
});
