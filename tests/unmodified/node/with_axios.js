// Signs in with axios and lists the objects of the org.
const axios = require('axios');
const assert = require('node:assert');

async function main() {
  const { data } = await axios.post('https://dm-us.informaticacloud.com/saas/public/core/v3/login', {
    username: process.env.LATCHKEY_EMULATOR_USER,
    password: process.env.LATCHKEY_EMULATOR_PASSWORD,
  });
  const objects = await axios.get(`${data.products[0].baseApiUrl}/public/core/v3/objects`, {
    headers: { 'INFA-SESSION-ID': data.userInfo.sessionId },
  });
  assert.equal(objects.data.objects[0].path, 'Default/nightly_load');
}

main();
