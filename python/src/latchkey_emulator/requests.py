"""What was asked of the emulator, without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Union

Status = Union[int, str]
"""A status such as 401, `"4xx"`, or `"none"` for a connection that was closed without an answer."""


@dataclass(frozen=True)
class Request:
    """One request, and what became of it."""

    n: int
    """Its number, in the order of the answers."""
    time: str
    """When it came, by the emulator's clock."""
    method: str
    path: str
    status: Optional[int]
    """None if the connection was closed without an answer."""
    query: Optional[str] = None
    host: Optional[str] = None
    """The vendor's host; None if it was sent straight to the emulator."""
    user: Optional[str] = None
    org: Optional[str] = None
    session: Optional[str] = None
    """A mark that is the same for the same session or token."""
    headers: Dict[str, str] = field(default_factory=dict)
    body: Any = None
    fault: Optional[str] = None
    """The fault that was done to it."""
    by: str = "service"
    """Who answered: service, stub, upstream, fault or nobody."""

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Request:
        """A request as the journal spells it; what this version does not know is left out."""
        known = cls.__dataclass_fields__
        return cls(**{name: value for name, value in entry.items() if name in known})

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        who = f" {self.user}" if self.user else ""
        why = f" by {self.fault}" if self.fault else ""
        status = "closed" if self.status is None else self.status
        return f"{status} {self.method} {self.host or ''}{self.path}{query}{who}{why}"
