"""Signs in with infapy from PyPI, in both families, and lists runtime environments and objects."""

import os
import tempfile
from pathlib import Path

home = tempfile.TemporaryDirectory()
# infapy looks for its files in the home folder when it is imported.
os.environ["HOME"] = home.name

import infapy  # noqa: E402
from cryptography.fernet import Fernet  # noqa: E402

# The key that infapy's own source has for everybody.
KEY = b"Qj8yLC3ohEy6fs3As54PWA3HsMyglrl_9hQqJfF8-74="
name, password = (
    Fernet(KEY).encrypt(os.environ[f"LATCHKEY_EMULATOR_{what}"].encode()).decode() for what in ("USER", "PASSWORD")
)
folder = Path(home.name, ".infa")
folder.mkdir()
folder.joinpath("config").write_text("[default]\nregion = us\n")
folder.joinpath("credentials").write_text(
    f"[default]\ninfa_access_key_id = {name}\ninfa_secret_access_key = {password}\n"
)

infa = infapy.connect()
environments = infa.v2().getRuntimeEnvironment().getAllRuntimeEnvironments()
assert environments[0]["name"] == "Agents of the night", environments
objects = infa.v3().objects().getObjectID(q="type=='TASKFLOW'")
assert objects["objects"][0]["path"] == "Default/nightly_load", objects
