"""The pytest plugin: the fixture `idmc`, one emulator per run of pytest, as new for each test."""

from __future__ import annotations

import shlex
from typing import Any, Generator, Iterator

import pytest

from latchkey_emulator.emulator import Emulator
from latchkey_emulator.process import NotStarted, Process


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings of the fixture."""
    parser.addini("idmc_args", "arguments of `latchkey emulate`, such as `--stubs stubs/`", default="")
    parser.addini(
        "idmc_environment",
        "whether the fixture idmc puts what is needed to reach the vendor's hosts into the environment of the test",
        type="bool",
        default=True,
    )


@pytest.fixture(scope="session")
def idmc_process(request: pytest.FixtureRequest) -> Iterator[Process]:
    """The process of the emulator; there is one for all tests."""
    arguments = shlex.split(request.config.getini("idmc_args"))
    try:
        process = Process(arguments)
    except NotStarted as error:
        pytest.fail(f"the fixture idmc needs an emulator: {error}", pytrace=False)
    with process:
        yield process


@pytest.fixture
def idmc(request: pytest.FixtureRequest, idmc_process: Process, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, as new: no sessions, faults, stubs or requests, and the clock as it was at the start."""
    emulator = Emulator(idmc_process.url)
    emulator.reset()
    if request.config.getini("idmc_environment"):
        emulator.monkeypatch_environment(monkeypatch)
    return emulator


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, None]:
    """Shows what was asked of the emulator when a test fails."""
    outcome = yield
    report = outcome.get_result()
    emulator = getattr(item, "funcargs", {}).get("idmc")
    if report.when == "call" and report.failed and isinstance(emulator, Emulator):
        report.sections.append(("requests to the emulator", _asked(emulator)))


def _asked(emulator: Emulator) -> str:
    try:
        return "\n".join(str(request) for request in emulator.requests()) or "none"
    except Exception as error:
        return f"unknown: {error}"
