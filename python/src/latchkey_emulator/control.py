"""Calls to `/_emulator/…`, straight to the emulator whatever proxies the environment names."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, Mapping, Optional
from urllib.parse import urlencode

_TIMEOUT_SECONDS = 30

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ControlError(Exception):
    """The emulator did not do what was asked; the message says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{detail} (HTTP {status})")
        self.status = status
        self.detail = detail


class Control:
    """The control API of one emulator."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def get(self, path: str, query: Optional[Mapping[str, Any]] = None) -> Any:
        """Asks for something; parameters that are None are left out."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._call("GET", f"{path}?{urlencode(given)}" if given else path)

    def post(self, path: str, body: Any = None) -> Any:
        """Sends JSON."""
        data = b"" if body is None else json.dumps(body).encode()
        return self._call("POST", path, data, "application/json")

    def post_text(self, path: str, text: str, content_type: str) -> Any:
        """Sends a text."""
        return self._call("POST", path, text.encode(), content_type)

    def delete(self, path: str) -> Any:
        """Removes something."""
        return self._call("DELETE", path)

    def _call(self, method: str, path: str, data: Optional[bytes] = None, content_type: str = "") -> Any:
        return send(f"{self.url}/_emulator/{path}", method, data, {"Content-Type": content_type})


def send(url: str, method: str, data: Optional[bytes], headers: Mapping[str, str]) -> Any:
    """Sends one request, and answers the JSON of the reply; None when it is empty."""
    given = {name: value for name, value in headers.items() if value}
    request = urllib.request.Request(url, data=data, headers=given, method=method)
    try:
        with _direct.open(request, timeout=_TIMEOUT_SECONDS) as reply:
            body = reply.read()
    except urllib.error.HTTPError as error:
        with error:
            raise ControlError(error.code, _detail(error.read(), error.reason)) from None
    except urllib.error.URLError as error:
        raise ControlError(0, f"the emulator at {url} does not answer: {error.reason}") from None
    return json.loads(body) if body.strip() else None


def _detail(body: bytes, reason: str) -> str:
    try:
        reply = json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip() or reason
    if not isinstance(reply, dict):
        return str(reply)
    nested = reply.get("error")
    if isinstance(nested, dict):
        return str(nested.get("message", nested))
    return str(reply.get("detail") or reply.get("description") or reply)
