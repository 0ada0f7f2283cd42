"""Signs in with iicsapi from PyPI, runs a taskflow and reads how it went."""

import os

from iicsapi.client import IICSAPI

iics = IICSAPI(
    provider_url="https://dm-us.informaticacloud.com",
    pod="use4",
    username=os.environ["LATCHKEY_EMULATOR_USER"],
    password=os.environ["LATCHKEY_EMULATOR_PASSWORD"],
)
run = iics.execute_tf("nightly_load")
status = iics.get_latest_run(run)[0]["status"]
assert status == "SUCCESS", status
