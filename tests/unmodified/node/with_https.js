// Signs in with Node's own https and lists runtime environments.
const https = require('node:https');
const assert = require('node:assert');

function ask(url, options, body) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, options, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part));
      answer.on('end', () => (answer.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text))));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function main() {
  const login = {
    '@type': 'login',
    username: process.env.LATCHKEY_EMULATOR_USER,
    password: process.env.LATCHKEY_EMULATOR_PASSWORD,
  };
  const user = await ask(
    'https://dm-us.informaticacloud.com/ma/api/v2/user/login',
    { method: 'POST', headers: { 'Content-Type': 'application/json' } },
    JSON.stringify(login),
  );
  const headers = { icSessionId: user.icSessionId };
  const environments = await ask(`${user.serverUrl}/api/v2/runtimeEnvironment`, { headers });
  assert.equal(environments[0].name, 'Agents of the night');
}

main();
