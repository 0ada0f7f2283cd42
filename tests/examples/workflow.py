"""Runs the `run:` lines of a workflow as GitHub Actions does, in the current folder: workflow.py FILE"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import yaml


def main(file):
    for job in yaml.safe_load(Path(file).read_text())["jobs"].values():
        environment = {**os.environ, **job.get("env", {}), "EMULATOR": f"127.0.0.1:{free_port()}"}
        for step in job["steps"]:
            if "run" in step:
                run(step, environment)


def free_port():
    """A runner has every port for itself; this machine has not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def run(step, environment):
    print("--", step["name"], flush=True)
    Path("step.sh").write_text(step["run"])
    # What GitHub runs for `shell: bash` but for -o pipefail, which steps without a `shell` do not get.
    command = ["bash", "--noprofile", "--norc", "-e", "step.sh"]
    status = subprocess.run(command, env={**environment, **step.get("env", {})}).returncode
    if status:
        sys.exit(f"{step['name']}: exit code {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
