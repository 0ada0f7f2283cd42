"""The program under these tests: `LATCHKEY_BIN`, else the newest one that was built here."""

import os
import shutil
from pathlib import Path

pytest_plugins = ["pytester"]

_BUILT = sorted(
    (Path(__file__).parents[2] / "target").glob("*/latchkey"),
    key=lambda program: program.stat().st_mtime if program.is_file() else 0,
)

if "LATCHKEY_BIN" not in os.environ and not shutil.which("latchkey") and _BUILT:
    os.environ["LATCHKEY_BIN"] = str(_BUILT[-1])
