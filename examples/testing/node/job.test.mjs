// What the job does when its session ends, when it asks too often, and when its password is wrong.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Job, Refused } from "./job.mjs";

const { LATCHKEY_EMULATOR_URL, LATCHKEY_EMULATOR_USER: user, LATCHKEY_EMULATOR_PASSWORD: password } = process.env;
const LOGIN = "/saas/public/core/v3/login";
const TASKS = "/saas/api/v2/task";

async function emulator(path, body) {
  const options = body && { method: "POST", body: JSON.stringify(body) };
  const reply = await fetch(`${LATCHKEY_EMULATOR_URL}/_emulator/${path}`, options);
  assert.ok(reply.ok, await reply.clone().text());
  return reply;
}

async function count(query) {
  const reply = await emulator(`requests/count?${new URLSearchParams(query)}`);
  return (await reply.json()).count;
}

beforeEach(async () => {
  await emulator("reset", {});
  await emulator("stubs", { method: "GET", path: TASKS, body: [{ id: "0001", name: "nightly" }] });
});

test("it signs in again when half an hour has gone by", async () => {
  const job = new Job(user, password);
  assert.deepEqual(await job.tasks(), ["nightly"]);
  await emulator("clock", { advance: "31m" });
  assert.deepEqual(await job.tasks(), ["nightly"]);
  assert.equal(await count({ path: TASKS, status: 401 }), 1);
  assert.equal(await count({ path: LOGIN, status: 200 }), 2);
});

test("it waits when it asks too often, and keeps its session", async () => {
  await emulator("faults", { script: "rate-limited" }); // every third call
  const job = new Job(user, password);
  for (let call = 1; call <= 4; call++) assert.deepEqual(await job.tasks(), ["nightly"]);
  assert.equal(await count({ path: TASKS, status: 429 }), 1);
  assert.equal(await count({ path: LOGIN }), 1);
});

test("a refused password is sent once", async () => {
  const job = new Job(user, "wrong");
  await assert.rejects(job.tasks(), Refused);
  await assert.rejects(job.tasks(), Refused);
  assert.equal(await count({ path: LOGIN, status: "4xx" }), 1);
});
