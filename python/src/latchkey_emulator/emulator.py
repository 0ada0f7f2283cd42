"""One running emulator, as a test sees it."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Protocol, Union

from latchkey_emulator.clock import Clock
from latchkey_emulator.control import Control, send
from latchkey_emulator.faults import Faults
from latchkey_emulator.requests import Request, Status

_NOTHING: Any = object()


class MonkeyPatch(Protocol):
    """The part of pytest's `monkeypatch` that is used here."""

    def setenv(self, name: str, value: str) -> None:
        """Sets a variable until the test has ended."""


@dataclass(frozen=True)
class User:
    """Somebody who can, or cannot, sign in."""

    name: str
    password: Optional[str]
    """None when no password is right, as for a user of SAML alone."""
    org: str
    org_id: Optional[str] = None
    situation: str = ""
    """What is special about them."""


class Users(Mapping[str, User]):
    """Who is there, by name: `users["admin"].password`."""

    def __init__(self, users: List[User]) -> None:
        self._users = {user.name: user for user in users}

    def __getitem__(self, name: str) -> User:
        try:
            return self._users[name]
        except KeyError:
            raise KeyError(f"{name}: there are {', '.join(self._users)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._users)

    def __len__(self) -> int:
        return len(self._users)


class Emulator:
    """What a test asks of a running emulator."""

    def __init__(self, url: str) -> None:
        self._control = Control(url)
        self.url = self._control.url
        """Where it is reached directly."""
        self.clock = Clock(self._control)
        self.faults = Faults(self._control)

    # Reaching it.

    @property
    def environment(self) -> Dict[str, str]:
        """What a program needs in its environment to reach it although its code names the vendor's hosts."""
        return dict(self._control.get("environment"))

    def monkeypatch_environment(self, monkeypatch: MonkeyPatch) -> None:
        """Puts the environment into this process until the test has ended."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)

    # Who is there.

    @property
    def users(self) -> Users:
        """Who is there, by name."""
        return _users(self._control.get("users"))

    def seed(self, orgs: Union[str, Mapping[str, Any]]) -> Users:
        """Adds orgs and users: a seed file as text (TOML), or the same structure as a dict. Answers who was added."""
        if isinstance(orgs, str):
            added = self._control.post_text("seed", orgs, "application/toml")
        else:
            added = self._control.post("seed", dict(orgs))
        return _users((added or {}).get("users", []))

    def sign_in(self, name: str = "admin") -> str:
        """Signs somebody in through v3, and answers the session id."""
        body = json_module.dumps({"username": name, "password": self.users[name].password}).encode()
        url = f"{self.url}/saas/public/core/v3/login"
        reply = send(url, "POST", body, {"Content-Type": "application/json"})
        return str(reply["userInfo"]["sessionId"])

    # What is there.

    def stub(
        self,
        method: str,
        path: str,
        *,
        json: Any = _NOTHING,
        text: Optional[str] = None,
        status: int = 200,
        headers: Optional[Mapping[str, str]] = None,
        template: bool = False,
        public: bool = False,
    ) -> None:
        """Answers a path that the service does not own: `stub("GET", "/saas/api/v2/task", json=[])`.

        A segment such as `{id}` stands for any one. With `template`, body and headers are templates
        (docs/guide/emulator/stubs.md). `public` answers without credentials too.
        """
        spec: Dict[str, Any] = {"method": method.upper(), "path": path, "status": status}
        spec.update(headers=dict(headers or {}), template=template, public=public)
        if json is not _NOTHING and text is not None:
            raise TypeError("a stub has a body of json or of text, not both")
        if isinstance(json, str):
            # A text would be sent as it is.
            spec["body"] = json_module.dumps(json)
            spec["headers"].setdefault("Content-Type", "application/json")
        elif json is None:
            spec["body"] = "null"
            spec["headers"].setdefault("Content-Type", "application/json")
        elif json is not _NOTHING:
            spec["body"] = json
        elif text is not None:
            spec["body"] = text
        self._control.post("stubs", spec)

    def clear_stubs(self) -> None:
        """Forgets every stub that was added."""
        self._control.delete("stubs")

    # What was asked.

    def requests(
        self,
        *,
        path: Optional[str] = None,
        method: Optional[str] = None,
        status: Optional[Status] = None,
        user: Optional[str] = None,
        org: Optional[str] = None,
        host: Optional[str] = None,
        session: Optional[str] = None,
        fault: Optional[str] = None,
        by: Optional[str] = None,
        since: Optional[int] = None,
    ) -> List[Request]:
        """What was asked, in the order of the answers. In `path`, `host` and `fault` `*` and `**` stand for anything."""
        filters = {name: value for name, value in locals().items() if name != "self"}
        return [Request.of(entry) for entry in self._control.get("requests", filters)["requests"]]

    def count(self, **filters: Any) -> int:
        """How many requests there were; it takes what `requests` takes."""
        return int(self._control.get("requests/count", filters)["count"])

    def assert_requested(self, *, times: Optional[int] = None, **filters: Any) -> None:
        """Fails unless there were that many such requests; without `times`, at least one."""
        __tracebackhide__ = True
        count = self.count(**filters)
        if count == times or (times is None and count > 0):
            return
        wanted = ", ".join(f"{name}={value!r}" for name, value in filters.items()) or "anything"
        expected = "at least once" if times is None else f"{times} times"
        asked = "\n".join(f"  {request}" for request in self.requests()) or "  nothing"
        raise AssertionError(f"{wanted} was requested {count} times, not {expected}; requested was\n{asked}")

    def clear_requests(self) -> None:
        """Forgets what was asked."""
        self._control.delete("requests")

    # The whole at once.

    def snapshot(self) -> Any:
        """Keeps this moment, and answers what to call it."""
        return self._control.post("snapshot")["snapshot"]

    def restore(self, snapshot: Any) -> None:
        """Goes back to a moment: users, sessions, keys and the clock are as they were."""
        self._control.post("restore", {"snapshot": snapshot})

    def reset(self) -> None:
        """Goes back to the beginning, and forgets faults, stubs and requests."""
        self._control.post("reset")

    def rotate_keys(self) -> str:
        """Replaces the key that signs tokens, and answers the new one's id."""
        return str(self._control.post("keys/rotate")["kid"])

    def __repr__(self) -> str:
        return f"<Emulator {self.url}>"


def _users(listed: Any) -> Users:
    known = User.__dataclass_fields__
    return Users([User(**{name: user[name] for name in user if name in known}) for user in listed])
