"""Glewlwyd as Debian has it, over SQLite, with its own cost of passwords: PBKDF2-HMAC-SHA256, 150,000 rounds."""

import os
import sqlite3
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import peer

root = Path(__file__).resolve().parent / "glewlwyd"
folder = Path(sys.argv[1])
libraries = {str(path.parent) for path in root.rglob("lib*.so.*")}
environment = dict(os.environ, LD_LIBRARY_PATH=":".join(sorted(libraries)))
PASSWORD = "correct horse 9 battery"


def command(port):
    modules = root / "usr/lib/glewlwyd"
    (modules / "user_middleware").mkdir(exist_ok=True)
    config = folder / "glewlwyd.conf"
    config.write_text(f"""
port = {port}
bind_address = "127.0.0.1"
external_url = "http://127.0.0.1:{port}"
login_url = "login.html"
url_prefix = "api"
static_files_path = "{root}/usr/share/glewlwyd/webapp"
log_mode = "console"
log_level = "ERROR"
cookie_domain = ""
cookie_secure = 0
session_expiration = 86400
session_key = "GLEWLWYD2_SESSION_ID"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "{modules}/user"
user_middleware_module_path = "{modules}/user_middleware"
client_module_path = "{modules}/client"
user_auth_scheme_module_path = "{modules}/scheme"
plugin_module_path = "{modules}/plugin"
hash_algorithm = "SHA512"
database = {{ type = "sqlite3" path = "{folder}/glewlwyd.db" }};
""")
    return [str(root / "usr/bin/glewlwyd"), f"--config-file={config}"]


def session(port, name, password):
    headers, _ = peer.ask(port, "/api/auth/", {"username": name, "password": password})
    return {"cookie": headers["set-cookie"].split(";")[0]}


def add(port, administrator):
    def one(path, body):
        peer.ask(port, path, body, administrator)

    key = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], capture_output=True, check=True)
    public = subprocess.run(["openssl", "pkey", "-pubout"], input=key.stdout, capture_output=True, check=True)
    one("/api/scope/", {"name": "bench", "display_name": "bench", "password_required": True, "password_max_age": 0, "scheme": {}})
    one("/api/user/", {"username": "bench", "password": PASSWORD, "enabled": True, "scope": ["g_profile", "bench"]})
    one("/api/client/", {
        "client_id": "bench", "name": "bench", "password": "bench-secret", "client_secret": "bench-secret",
        "confidential": True, "enabled": True, "authorization_type": ["client_credentials"], "scope": ["bench"],
        "token_endpoint_auth_method": ["client_secret_basic"],
    })
    one("/api/mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "oidc", "order_rank": 0, "parameters": {
        "iss": f"http://127.0.0.1:{port}", "jwt-type": "ecdsa", "jwt-key-size": "256",
        "key": key.stdout.decode(), "cert": public.stdout.decode(), "jwks-show": True, "jwks-x5c": [],
        "access-token-duration": 3600, "refresh-token-duration": 86400, "code-duration": 600,
        "refresh-token-rolling": False, "allow-non-oidc": True, "subject-type": "public",
        "auth-type-code-enabled": True, "auth-type-token-enabled": False, "auth-type-id-token-enabled": True,
        "auth-type-none-enabled": False, "auth-type-password-enabled": False, "auth-type-client-enabled": True,
        "auth-type-device-enabled": False, "auth-type-refresh-enabled": True, "scope": [], "allowed-scope": ["openid"],
        "introspection-revocation-allowed": True, "introspection-revocation-allow-target-client": True,
        "introspection-revocation-auth-scope": [], "additional-parameters": [], "claims": [],
        "address-claim": {"type": "no"}, "name-claim": "no", "email-claim": "no", "scope-claim": "no",
    }})


schema = root / "usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
with sqlite3.connect(folder / "glewlwyd.db") as database:
    database.executescript(schema.read_text())
client = {"authorization": "Basic " + b64encode(b"bench:bench-secret").decode()}
form = "application/x-www-form-urlencoded"
tokens = peer.post("/api/oidc/token", "grant_type=client_credentials&scope=bench", client, form)
port = peer.free_port()
with peer.running(port, command(port), environment):
    # The administrator that the schema brings.
    add(port, session(port, "admin", "password"))
    cookie = session(port, "bench", PASSWORD)
    token = peer.send(port, tokens)[1]["access_token"]
port = peer.free_port()
peer.become("glewlwyd", folder, port, {
    "tokens, ES256": tokens,
    "sign-ins, PBKDF2 with 150,000 rounds": peer.post("/api/auth/", {"username": "bench", "password": PASSWORD}),
    "checks of a session": peer.get("/api/profile_list", cookie),
    "introspections of a JWT, ES256": peer.post("/api/oidc/introspect", f"token={token}", client, form),
}, command(port), environment)
