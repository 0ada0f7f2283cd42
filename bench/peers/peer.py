"""What the peers that a script sets up have in common: a port, requests on the way, and the ready line."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def ask(port, path, body, headers=None):
    """The heads of an answer and its JSON, if it has any."""
    return send(port, post(path, body, headers))


def send(port, asked):
    data = asked["body"].encode() or None
    url = f"http://127.0.0.1:{port}{asked['path']}"
    question = urllib.request.Request(url, data, asked["headers"], method=asked["method"])
    with urllib.request.urlopen(question, timeout=30) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else None


@contextmanager
def running(port, command, environment=None):
    """A server while it is set up."""
    server = subprocess.Popen(command, env=environment, stdout=sys.stderr)
    try:
        wait_for(port)
        yield
    finally:
        server.kill()
        server.wait()


def post(path, body, headers=None, kind="application/json"):
    text = body if isinstance(body, str) else json.dumps(body)
    return {"method": "POST", "path": path, "headers": {"content-type": kind} | (headers or {}), "body": text}


def get(path, headers):
    return {"method": "GET", "path": path, "headers": headers, "body": ""}


def become(name, folder, port, operations, command, environment=None):
    """Becomes the server, so that this process is what is measured, and says so once it listens."""
    (folder / "operations.json").write_text(json.dumps(operations))
    # A grandchild says it, for the server would never ask after a child.
    if os.fork() == 0:
        if os.fork() == 0:
            wait_for(port)
            print(f"{name} ready http://127.0.0.1:{port}", flush=True)
        os._exit(0)
    os.wait()
    os.dup2(2, 1)
    os.execve(command[0], command, environment or dict(os.environ))
