// Signs in with fetch and lists the objects of the org.
import assert from 'node:assert';

const login = await fetch('https://dm-us.informaticacloud.com/saas/public/core/v3/login', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    username: process.env.LATCHKEY_EMULATOR_USER,
    password: process.env.LATCHKEY_EMULATOR_PASSWORD,
  }),
});
assert.equal(login.status, 200);
const { userInfo, products } = await login.json();
const objects = await fetch(`${products[0].baseApiUrl}/public/core/v3/objects`, {
  headers: { 'INFA-SESSION-ID': userInfo.sessionId },
});
assert.equal((await objects.json()).objects[0].path, 'Default/nightly_load');
