"""Signs in with aiohttp, which looks at the environment only where it is told to, and lists objects."""

import asyncio
import os

import aiohttp

USER = {
    "username": os.environ["LATCHKEY_EMULATOR_USER"],
    "password": os.environ["LATCHKEY_EMULATOR_PASSWORD"],
}


async def main():
    async with aiohttp.ClientSession(trust_env=True, raise_for_status=True) as client:
        async with client.post("https://dm-us.informaticacloud.com/saas/public/core/v3/login", json=USER) as answer:
            body = await answer.json()
        url = body["products"][0]["baseApiUrl"] + "/public/core/v3/objects"
        async with client.get(url, headers={"INFA-SESSION-ID": body["userInfo"]["sessionId"]}) as answer:
            assert (await answer.json())["objects"][0]["path"] == "Default/nightly_load"


asyncio.run(main())
