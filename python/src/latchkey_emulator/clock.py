"""The emulator's clock: every timer of the service obeys it, and it can be moved."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Union

from latchkey_emulator.control import Control

Span = Union[str, float, timedelta]
"""A length of time: `"31m"`, `"1h 30m"`, a timedelta, or a number of seconds."""


class Clock:
    """The clock of one emulator. Every method that moves it answers what time it is then."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @property
    def now(self) -> datetime:
        """What time it is there, in UTC."""
        return _instant(self._control.get("clock")["now"])

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return bool(self._control.get("clock")["frozen"])

    def advance(self, by: Span) -> datetime:
        """Goes forward: `advance("31m")`, `advance(timedelta(hours=12))`, `advance(90)`."""
        return self._move({"advance": spelled(by)})

    def set(self, to: Union[str, datetime]) -> datetime:
        """Shows another instant, earlier or later; a datetime without a zone is in UTC."""
        if isinstance(to, datetime):
            zoned = to if to.tzinfo else to.replace(tzinfo=timezone.utc)
            to = zoned.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        return self._move({"set": to})

    def freeze(self) -> datetime:
        """Stands still until it is moved."""
        return self._move({"freeze": True})

    def unfreeze(self) -> datetime:
        """Runs again."""
        return self._move({"freeze": False})

    def rate(self, factor: float) -> datetime:
        """Runs this many times as fast as the machine's."""
        return self._move({"rate": factor})

    def _move(self, change: Dict[str, Any]) -> datetime:
        return _instant(self._control.post("clock", change)["now"])

    def __repr__(self) -> str:
        return f"<Clock {self.now.isoformat()}>"


def spelled(span: Span) -> str:
    """A length of time as the emulator reads it."""
    if isinstance(span, str):
        return span
    if not isinstance(span, timedelta):
        span = timedelta(seconds=span)
    return f"{span // timedelta(microseconds=1)}us"


def _instant(text: str) -> datetime:
    # Before 3.11 there was no reading of "Z".
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
