"""What the fixture `idmc` offers, against a real emulator."""

import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from latchkey_emulator import ControlError, Emulator, User

LOGIN = "https://dm-us.informaticacloud.com/saas/public/core/v3/login"
PASSWORD = "Emulated-1!"


def ask(url, session=None, body=None):
    """A call as a program makes it, without knowing of an emulator: status and body."""
    headers = {"Content-Type": "application/json"}
    if session:
        headers["INFA-SESSION-ID"] = session
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context()) as reply:
            return reply.status, json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def sign_in(name="admin"):
    return ask(LOGIN, body={"username": name, "password": PASSWORD})


def test_a_program_reaches_the_vendors_hosts(idmc):
    status, reply = sign_in()
    assert status == 200
    base = reply["products"][0]["baseApiUrl"]
    assert base.startswith("https://") and base.endswith(".informaticacloud.com/saas")
    idmc.stub("GET", "/saas/api/v2/task", json=[{"id": "1"}])
    assert ask(f"{base}/api/v2/task", reply["userInfo"]["sessionId"]) == (200, [{"id": "1"}])


def test_a_child_process_reaches_them_too(idmc):
    code = f"import urllib.request; print(urllib.request.urlopen({LOGIN!r}, b'{{}}').status)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "HTTP Error 4" in child.stderr, child.stderr
    idmc.assert_requested(path="/saas/public/core/v3/login", host="dm-us.*", times=1)


def test_who_is_there(idmc):
    admin = idmc.users["admin"]
    assert isinstance(admin, User) and admin.password == PASSWORD and admin.org_id
    assert {"plain", "locked", "disabled"} <= set(idmc.users)
    with pytest.raises(KeyError, match="nobody: there are admin, "):
        idmc.users["nobody"]
    assert sign_in("disabled")[0] in (400, 401, 403)


def test_orgs_and_users_are_added(idmc):
    added = idmc.seed({"org": [{"name": "Added", "user": [{"name": "new", "password": PASSWORD}]}]})
    assert [(user.name, user.org) for user in added.values()] == [("new", "Added")]
    assert (
        idmc.seed(f'[[org]]\nname = "B"\n[[org.user]]\nname = "b"\npassword = "{PASSWORD}"')["b"].org == "B"
    )
    assert sign_in("new")[0] == sign_in("b")[0] == 200
    with pytest.raises(ControlError, match=r"seed.*HTTP 400"):
        idmc.seed({"org": [{"nome": "x"}]})


def test_time_moves(idmc):
    session = idmc.sign_in()
    gate = f"{idmc.url}/gate"
    assert ask(gate, session)[0] == 200
    before = idmc.clock.now
    assert before.tzinfo is not None
    assert idmc.clock.advance("31m") - before >= timedelta(minutes=31)
    assert ask(gate, session)[0] == 401
    frozen = idmc.clock.freeze()
    assert idmc.clock.frozen and idmc.clock.now == frozen
    assert idmc.clock.advance(1.5) == frozen + timedelta(seconds=1.5)
    assert idmc.clock.advance(timedelta(days=1, microseconds=7000)) == frozen + timedelta(
        days=1, seconds=1.507
    )
    there = datetime(2030, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    assert idmc.clock.set(there) == idmc.clock.set("2030-02-03T04:05:06Z") == there
    assert idmc.clock.unfreeze() >= there and not idmc.clock.frozen
    idmc.clock.rate(60)
    with pytest.raises(ControlError, match="HTTP 400"):
        idmc.clock.advance("-31m")


def test_each_test_begins_anew(idmc):
    # The test before has moved the clock to 2030.
    assert abs(idmc.clock.now - datetime.now(timezone.utc)) < timedelta(hours=1)
    assert idmc.requests() == [] and len(idmc.faults) == 0


def test_faults(idmc):
    fault = idmc.faults.add({"status": 503, "retry_after": "2s"}, path="/gate", nth=2, name="second")
    session = idmc.sign_in()
    statuses = [ask(f"{idmc.url}/gate", session)[0] for _ in range(3)]
    assert statuses == [200, 503, 200]
    assert (fault.met, fault.fired, len(idmc.faults)) == (3, 1, 1)
    assert [request.status for request in idmc.requests(fault="second")] == [503]
    fault.remove()
    with pytest.raises(LookupError):
        fault.met
    idmc.faults.add("close", path="/gate", for_="5m")
    idmc.faults.add("html", path="/gate", for_=timedelta(minutes=5), name="page")
    idmc.faults.remove("page")
    idmc.faults.clear()
    assert ask(f"{idmc.url}/gate", session)[0] == 200
    with pytest.raises(ControlError, match=r"effect.*HTTP 400"):
        idmc.faults.add("nonsense")


def test_scripts(idmc):
    assert "expire-mid-job" in idmc.faults.scripts()
    assert idmc.faults.script("expire-mid-job")
    session = idmc.sign_in()
    assert 401 in [ask(f"{idmc.url}/gate", session)[0] for _ in range(4)]


def test_what_was_asked(idmc):
    session = idmc.sign_in()
    ask(f"{idmc.url}/gate?probe", session)
    ask(f"{idmc.url}/gate")
    assert idmc.count() == 3 and idmc.count(status="4xx") == 1
    first, gate, refused = idmc.requests()
    assert (first.method, first.path, first.user, first.status) == (
        "POST",
        "/saas/public/core/v3/login",
        "admin",
        200,
    )
    assert gate.query == "probe" and gate.session and session not in str(vars(gate))
    assert str(refused) == "401 GET /gate"
    assert idmc.requests(session=session) == [gate]
    idmc.assert_requested(path="/gate")
    idmc.assert_requested(path="/gate", status=401, times=1)
    with pytest.raises(
        AssertionError, match=r"path='/gate' was requested 2 times, not 3 times; requested was\n  200"
    ):
        idmc.assert_requested(path="/gate", times=3)
    with pytest.raises(AssertionError, match="not at least once"):
        idmc.assert_requested(path="/other")
    with pytest.raises(ControlError, match="pth"):
        idmc.count(pth="/gate")
    idmc.clear_requests()
    idmc.assert_requested(times=0)


def test_stubs(idmc):
    session = idmc.sign_in()
    idmc.stub("GET", "/a/{id}", json={"id": "{{ path.id }}", "by": "{{ user }}"}, template=True)
    idmc.stub("get", "/plain", json={"is": "{{ plain }}"}, status=201, headers={"X-Total": "1"})
    idmc.stub("ANY", "/text", json="text")
    idmc.stub("GET", "/null", json=None, public=True)
    assert ask(f"{idmc.url}/a/7", session) == (200, {"id": "7", "by": "admin"})
    assert ask(f"{idmc.url}/plain", session) == (201, {"is": "{{ plain }}"})
    assert ask(f"{idmc.url}/text", session) == (200, "text")
    assert ask(f"{idmc.url}/null") == (200, None)
    assert ask(f"{idmc.url}/plain")[0] == 401
    assert [request.by for request in idmc.requests(path="/a/*")] == ["stub"]
    idmc.clear_stubs()
    assert ask(f"{idmc.url}/plain", session)[0] == 404
    with pytest.raises(TypeError):
        idmc.stub("GET", "/x", json=1, text="x")
    with pytest.raises(ControlError, match="a path begins with a slash"):
        idmc.stub("GET", "x", text="x")


def test_a_moment_is_kept(idmc):
    session = idmc.sign_in()
    kept = idmc.snapshot()
    idmc.clock.advance("12h")
    assert ask(f"{idmc.url}/gate", session)[0] == 401
    idmc.restore(kept)
    assert ask(f"{idmc.url}/gate", session)[0] == 200
    assert len(idmc.rotate_keys()) == 22
    idmc.reset()
    assert ask(f"{idmc.url}/gate", session)[0] == 401


def test_an_emulator_that_is_gone_says_so():
    with pytest.raises(ControlError, match="does not answer"):
        Emulator("http://127.0.0.1:9").reset()
