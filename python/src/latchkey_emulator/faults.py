"""What goes wrong, and when: single faults, and scripts of them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Union
from urllib.parse import quote

from latchkey_emulator.clock import Span, spelled
from latchkey_emulator.control import Control

Effect = Union[str, Mapping[str, Any]]
"""What is done to a request: `"close"`, `{"status": 503, "retry_after": "2s"}`; docs/guide/emulator/faults.md."""


class Fault:
    """A fault that was added."""

    def __init__(self, control: Control, id: str) -> None:
        self._control = control
        self.id = id

    @property
    def met(self) -> int:
        """How many requests it met."""
        return int(self._standing()["met"])

    @property
    def fired(self) -> int:
        """How many requests it was done to."""
        return int(self._standing()["fired"])

    def remove(self) -> None:
        """Ends it."""
        self._control.delete(f"faults/{quote(self.id, safe='')}")

    def _standing(self) -> Dict[str, Any]:
        for standing in self._control.get("faults")["faults"]:
            if standing["id"] == self.id:
                return dict(standing)
        raise LookupError(f"{self.id} is no longer there")

    def __repr__(self) -> str:
        return f"<Fault {self.id}>"


class Faults:
    """The faults of one emulator."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def add(
        self,
        effect: Effect,
        *,
        path: Optional[str] = None,
        method: Optional[str] = None,
        kind: Optional[str] = None,
        host: Optional[str] = None,
        user: Optional[str] = None,
        nth: Optional[int] = None,
        after: Optional[int] = None,
        every: Optional[int] = None,
        times: Optional[int] = None,
        probability: Optional[float] = None,
        for_: Optional[Span] = None,
        name: Optional[str] = None,
    ) -> Fault:
        """Adds a fault: `faults.add({"status": 503}, path="/saas/**", nth=3)`."""
        rule = {
            "path": path,
            "method": method,
            "kind": kind,
            "host": host,
            "user": user,
            "nth": nth,
            "after": after,
            "every": every,
            "times": times,
            "probability": probability,
            "for": None if for_ is None else spelled(for_),
            "name": name,
            "effect": effect if isinstance(effect, str) else dict(effect),
        }
        given = {field: value for field, value in rule.items() if value is not None}
        return self._added(given)[0]

    def script(self, name: str) -> List[Fault]:
        """Begins a situation such as `expire-mid-job` or `flaky-login`."""
        return self._added({"script": name})

    def scripts(self) -> Dict[str, str]:
        """Every situation there is, and what happens in it."""
        return {script["name"]: script["about"] for script in self._control.get("faults")["scripts"]}

    def remove(self, name: str) -> None:
        """Ends the faults of this name, or the one with this id."""
        self._control.delete(f"faults/{quote(name, safe='')}")

    def clear(self) -> None:
        """Ends every fault."""
        self._control.delete("faults")

    def _added(self, wanted: Mapping[str, Any]) -> List[Fault]:
        return [Fault(self._control, id) for id in self._control.post("faults", wanted)["added"]]

    def __iter__(self) -> Iterator[Fault]:
        return (Fault(self._control, fault["id"]) for fault in self._control.get("faults")["faults"])

    def __len__(self) -> int:
        return len(self._control.get("faults")["faults"])
