"""Keystone as PyPI has it, over SQLite and waitress, with bcrypt at cost 12, tokens signed with ES256 and a cache in memory."""

import os
import subprocess
import sys
from pathlib import Path

import peer

folder = Path(sys.argv[1])
programs = Path(sys.executable).parent
PASSWORD = "correct horse 9 battery"
CONFIG = f"""
[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[identity]
password_hash_algorithm = bcrypt
password_hash_rounds = 12
[token]
provider = jws
[jwt_tokens]
jws_private_key_repository = {folder}/private
jws_public_key_repository = {folder}/public
[fernet_receipts]
key_repository = {folder}/receipts
[credential]
key_repository = {folder}/credential
[cache]
enabled = true
backend = dogpile.cache.memory
"""
APPLICATION = f"""
import sys
sys.argv = ["keystone", "--config-file", "{folder}/keystone.conf"]
from keystone.server.wsgi import initialize_public_application
application = initialize_public_application()
"""


def manage(*words):
    command = [str(programs / "keystone-manage"), "--config-file", str(folder / "keystone.conf"), *words]
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)


def command(port):
    return [str(programs / "waitress-serve"), "--listen", f"127.0.0.1:{port}", "--threads", "16", "application:application"]


def asked(identity):
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    return peer.post("/v3/auth/tokens", {"auth": {"identity": identity, "scope": scope}})


def by_password():
    user = {"name": "bench", "domain": {"id": "default"}, "password": PASSWORD}
    return asked({"methods": ["password"], "password": {"user": user}})


def by_token(token):
    return asked({"methods": ["token"], "token": {"id": token}})


(folder / "keystone.conf").write_text(CONFIG)
(folder / "application.py").write_text(APPLICATION)
os.chdir(folder)
manage("db_sync")
owner = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
manage("receipt_setup", *owner)
manage("credential_setup", *owner)
for kind in ["private", "public"]:
    (folder / kind).mkdir()
manage("create_jws_keypair", *owner)
for kind in ["private", "public"]:
    (folder / f"{kind}.pem").rename(folder / kind / f"{kind}.pem")
manage("bootstrap", "--bootstrap-username", "bench", "--bootstrap-password", PASSWORD)
port = peer.free_port()
environment = dict(os.environ, PYTHONPATH=str(folder))
with peer.running(port, command(port), environment):
    heads, _ = peer.send(port, by_password())
token = heads["x-subject-token"]
port = peer.free_port()
peer.become("keystone", folder, port, {
    "tokens, ES256": by_token(token),
    "sign-ins, bcrypt at cost 12": by_password(),
    "checks of a session": peer.get("/v3/auth/tokens", {"x-auth-token": token, "x-subject-token": token}),
}, command(port), environment)
