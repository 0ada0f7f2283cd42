"""A running `latchkey emulate`, and what a test asks of it."""

from latchkey_emulator.clock import Clock
from latchkey_emulator.control import ControlError
from latchkey_emulator.emulator import Emulator, User, Users
from latchkey_emulator.faults import Fault, Faults
from latchkey_emulator.process import NotStarted, Process
from latchkey_emulator.requests import Request

__all__ = [
    "Clock",
    "ControlError",
    "Emulator",
    "Fault",
    "Faults",
    "NotStarted",
    "Process",
    "Request",
    "User",
    "Users",
]
