"""Signs in with the standard library and lists runtime environments."""

import json
import os
from urllib.request import Request, urlopen

credentials = {
    "@type": "login",
    "username": os.environ["LATCHKEY_EMULATOR_USER"],
    "password": os.environ["LATCHKEY_EMULATOR_PASSWORD"],
}
login = Request(
    "https://dm-us.informaticacloud.com/ma/api/v2/user/login",
    data=json.dumps(credentials).encode(),
    headers={"Content-Type": "application/json", "Accept": "application/json"},
)
with urlopen(login, timeout=20) as answer:
    user = json.load(answer)
url = user["serverUrl"] + "/api/v2/runtimeEnvironment"
with urlopen(Request(url, headers={"icSessionId": user["icSessionId"]}), timeout=20) as answer:
    assert json.load(answer)[0]["name"] == "Agents of the night"
