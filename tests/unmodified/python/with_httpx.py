"""Signs in with httpx and lists objects, first with a client, then with an async one."""

import asyncio
import os

import httpx

LOGIN = "https://dm-us.informaticacloud.com/saas/public/core/v3/login"
USER = {
    "username": os.environ["LATCHKEY_EMULATOR_USER"],
    "password": os.environ["LATCHKEY_EMULATOR_PASSWORD"],
}


def follow_up(answer):
    body = answer.raise_for_status().json()
    url = body["products"][0]["baseApiUrl"] + "/public/core/v3/objects"
    return {"url": url, "headers": {"INFA-SESSION-ID": body["userInfo"]["sessionId"]}}


def check(answer):
    assert answer.raise_for_status().json()["objects"][0]["path"] == "Default/nightly_load", answer.text


async def later():
    async with httpx.AsyncClient() as client:
        check(await client.get(**follow_up(await client.post(LOGIN, json=USER))))


with httpx.Client() as client:
    check(client.get(**follow_up(client.post(LOGIN, json=USER))))
asyncio.run(later())
