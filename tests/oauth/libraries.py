"""Two OAuth libraries that know nothing of Latchkey get a token, ask about it, exchange a session and withdraw it."""

import os

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # The service of a test has no certificate.

from authlib.integrations.requests_client import OAuth2Session as Authlib
from joserfc import jwt
from joserfc.jwk import KeySet
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from requests_oauthlib import OAuth2Session as RequestsOauthlib
import requests

URL, CLIENT_ID, SECRET = (os.environ[name] for name in ("URL", "CLIENT_ID", "CLIENT_SECRET"))
SESSION = os.environ["SESSION"]
TOKEN = f"{URL}/authz-service/oauth/token"
metadata = requests.get(f"{URL}/authz-service/.well-known/openid-configuration").json()
keys = KeySet.import_key_set(requests.get(f"{URL}/authz-service/.well-known/jwks.json").json())


def verified(token):
    """The claims, verified by a library with the published keys alone."""
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    jwt.JWTClaimsRegistry(iss={"essential": True, "value": metadata["issuer"]}).validate(decoded.claims)
    return decoded.claims


def in_requests_oauthlib(**how):
    session = RequestsOauthlib(client=BackendApplicationClient(client_id=CLIENT_ID))
    token = session.fetch_token(TOKEN, client_id=CLIENT_ID, client_secret=SECRET, **how)
    assert verified(token["access_token"])["sub"] == CLIENT_ID
    assert session.get(f"{URL}/gate").json()["user"] == f"client:{CLIENT_ID}"


def in_authlib(method):
    client = Authlib(CLIENT_ID, SECRET, token_endpoint_auth_method=method)
    token = client.fetch_token(TOKEN, grant_type="client_credentials")
    assert verified(token["access_token"])["client_id"] == CLIENT_ID
    assert client.get(f"{URL}/gate").status_code == 200
    about = lambda: client.introspect_token(f"{URL}/authz-service/oauth/introspect", token=token["access_token"]).json()
    assert about()["active"] is True
    revoked = client.revoke_token(f"{URL}/authz-service/oauth/revoke", token=token["access_token"])
    assert revoked.status_code == 200 and about() == {"active": False}
    assert client.get(f"{URL}/gate").status_code == 401


def exchanged():
    client = Authlib(CLIENT_ID, SECRET)
    token = client.fetch_token(
        TOKEN,
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token=SESSION,
        subject_token_type="urn:latchkey:token-type:session",
        audience="cdlg",
    )
    claims = verified(token["access_token"])
    assert (claims["aud"], claims["user_name"], claims["act"]) == ("cdlg", "etl.robot", {"sub": CLIENT_ID}), claims


def refused():
    session = RequestsOauthlib(client=BackendApplicationClient(client_id=CLIENT_ID))
    try:
        session.fetch_token(TOKEN, client_id=CLIENT_ID, client_secret="wrong")
    except InvalidClientError:
        return
    raise AssertionError("a wrong secret was taken")


in_requests_oauthlib()
in_requests_oauthlib(include_client_id=True)
in_authlib("client_secret_basic")
in_authlib("client_secret_post")
exchanged()
refused()
print("two OAuth libraries got, verified, exchanged and withdrew tokens")
