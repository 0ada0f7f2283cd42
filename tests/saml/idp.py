"""A SAML provider of pysaml2 is set up as docs/guide/saml-generic.md says, and signs people in through loginSaml.

Reads URL, SESSION and ORG; writes into the folder that it is started in.
"""

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server

URL, SESSION, ORG = (os.environ[name] for name in ("URL", "SESSION", "ORG"))
ISSUER = "https://idp.acme.test/pysaml2"
SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256_DIGEST = "http://www.w3.org/2001/04/xmlenc#sha256"


def ask(method, path, body=None, session=True):
    """The status and the text of an answer."""
    headers = {"Content-Type": "application/json"} | ({"IDS-SESSION-ID": SESSION} if session else {})
    request = urllib.request.Request(URL + path, body and body.encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def succeed(method, path, body=None):
    status, text = ask(method, path, body)
    assert status == 200, (method, path, status, text)
    return text


def provider():
    """The provider, which knows the service by its metadata alone."""
    openssl = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=idp.acme.test -keyout key.pem -out cert.pem"
    subprocess.run(openssl.split(), check=True, capture_output=True)
    with open("sp.xml", "w", encoding="utf-8") as file:
        file.write(succeed("GET", f"/identity-service/saml/{ORG}/metadata"))
    config = IdPConfig()
    config.load(
        {
            "entityid": ISSUER,
            "key_file": "key.pem",
            "cert_file": "cert.pem",
            "metadata": {"local": ["sp.xml"]},
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [
                            ("https://idp.acme.test/sso", BINDING_HTTP_REDIRECT),
                            ("https://idp.acme.test/sso/post", BINDING_HTTP_POST),
                        ]
                    },
                    "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
                }
            },
        }
    )
    return Server(config=config)


def set_up(idp):
    """Step 2 of the guide: the metadata, then what the attributes are called."""
    succeed("POST", f"/latchkey/v1/orgs/{ORG}/saml/metadata", str(entity_descriptor(idp.config)))
    terms = json.loads(succeed("GET", f"/latchkey/v1/orgs/{ORG}/saml"))
    assert terms["issuer"] == ISSUER, terms
    for name in ("id", "orgId", "entityId", "acsUrl", "sloUrl", "fingerprints", "createdAt", "updatedAt"):
        del terms[name]
    oid = "urn:oid:"
    terms["attributes"] = {
        "firstName": oid + "2.5.4.42",
        "lastName": oid + "2.5.4.4",
        "email": oid + "1.2.840.113549.1.9.1.1",
    }
    terms["defaultRole"] = "Designer"
    succeed("PUT", f"/latchkey/v1/orgs/{ORG}/saml", json.dumps(terms))


def message(idp, name, **how):
    """A response about somebody, in Base64."""
    [service] = idp.metadata.keys()
    endpoint = idp.metadata.assertion_consumer_service(service, BINDING_HTTP_POST)[0]["location"]
    response = idp.create_authn_response(
        {"givenName": ["Petra"], "sn": ["Saml"], "email": [name]},
        in_response_to=None,
        destination=endpoint,
        sp_entity_id=service,
        name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=name),
        authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": ISSUER},
        sign_alg=SHA256,
        digest_alg=SHA256_DIGEST,
        **how,
    )
    return base64.b64encode(str(response).encode()).decode()


def sign_in(text):
    body = json.dumps({"samlToken": text, "orgId": ORG})
    return ask("POST", "/ma/api/v2/user/loginSaml", body, session=False)


def main():
    idp = provider()
    set_up(idp)
    for number, (response, assertion) in enumerate([(True, True), (False, True), (True, False)]):
        name = f"petra{number}@acme.test"
        text = message(idp, name, sign_response=response, sign_assertion=assertion)
        status, answer = sign_in(text)
        assert status == 200, (response, assertion, status, answer)
        user = json.loads(answer)
        assert (user["name"], user["firstName"], user["lastName"]) == (name, "Petra", "Saml"), answer
        status, answer = sign_in(text)
        assert status == 403, f"it was taken twice: {status} {answer}"
        print(f"pysaml2 signed {name} in; signed: response {response}, assertion {assertion}")
    status, answer = sign_in(message(idp, "petra9@acme.test", sign_response=False, sign_assertion=False))
    assert status == 403, f"nothing of it was signed: {status} {answer}"
    print("pysaml2 signed nobody in without a signature")


main()
