"""Signs in with requests and lists runtime environments."""

import os

import requests

answer = requests.post(
    "https://dm-us.informaticacloud.com/ma/api/v2/user/login",
    json={
        "@type": "login",
        "username": os.environ["LATCHKEY_EMULATOR_USER"],
        "password": os.environ["LATCHKEY_EMULATOR_PASSWORD"],
    },
    timeout=20,
)
answer.raise_for_status()
user = answer.json()
environments = requests.get(
    user["serverUrl"] + "/api/v2/runtimeEnvironment", headers={"icSessionId": user["icSessionId"]}, timeout=20
)
environments.raise_for_status()
assert environments.json()[0]["name"] == "Agents of the night", environments.text
