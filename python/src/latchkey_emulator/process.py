"""The process `latchkey emulate`: found, started, waited for and ended."""

from __future__ import annotations

import atexit
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from types import TracebackType
from typing import IO, List, Optional, Sequence, Type

_READY = "latchkey ready "
_READY_SECONDS = 30
_END_SECONDS = 10


class NotStarted(Exception):
    """There is no emulator; the message says why, and what to do."""


def find() -> str:
    """The program: `LATCHKEY_BIN`, or `latchkey` on the PATH."""
    named = os.environ.get("LATCHKEY_BIN")
    found = shutil.which(named or "latchkey")
    if found:
        return found
    if named:
        raise NotStarted(f"LATCHKEY_BIN names {named}, which is no program that can be started")
    raise NotStarted(
        "the program latchkey is not on the PATH\nhint: install it, or set LATCHKEY_BIN to where it is"
    )


class Process:
    """A running `latchkey emulate`; used with `with`, it ends with the block.

    >>> with Process() as process:
    ...     process.url
    'http://127.0.0.1:…'
    """

    def __init__(self, arguments: Sequence[str] = (), *, program: Optional[str] = None) -> None:
        command = [program or find(), "emulate", "--listen", "127.0.0.1:0", *arguments]
        self._log: IO[bytes] = tempfile.TemporaryFile()
        try:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log
            )
        except OSError as error:
            self._log.close()
            raise NotStarted(f"{command[0]} cannot be started: {error}") from error
        atexit.register(self.end)
        self._lines: queue.Queue[Optional[str]] = queue.Queue()
        threading.Thread(target=self._read, name="latchkey emulate", daemon=True).start()
        self.url = self._ready(command)

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as lines:
            for line in lines:
                self._lines.put(line.decode(errors="replace").strip())
        self._lines.put(None)

    def _ready(self, command: List[str]) -> str:
        try:
            line = self._lines.get(timeout=_READY_SECONDS)
        except queue.Empty:
            line, how = "", f"within {_READY_SECONDS} seconds"
        else:
            if line and line.startswith(_READY):
                return line[len(_READY) :].split()[0]
            how = "but said something else" if line else f"but ended with {self._child.wait(_END_SECONDS)}"
        self._stop()
        why = self.log().strip() or line or "it said nothing"
        self.end()
        raise NotStarted(f"`{' '.join(command)}` did not get ready {how}:\n{why}")

    def log(self) -> str:
        """What it said on stderr so far."""
        # The process writes where the file is, so the file must not be wound back.
        length = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), length, 0).decode(errors="replace")

    def end(self) -> None:
        """Ends it, and waits until it has ended."""
        self._stop()
        if not self._log.closed:
            self._log.close()
        atexit.unregister(self.end)

    def _stop(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.end()
