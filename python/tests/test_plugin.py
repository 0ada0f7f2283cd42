"""The plugin from outside: what pytest says when something is missing, and what is left when it has ended."""

import os
import urllib.error
import urllib.request

import pytest
from latchkey_emulator import NotStarted, Process


def test_a_missing_program_is_named(pytester, monkeypatch):
    pytester.makepyfile("def test_it(idmc): pass")
    monkeypatch.setenv("LATCHKEY_BIN", "/nowhere/latchkey")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*LATCHKEY_BIN names /nowhere/latchkey, which is no program*"])
    monkeypatch.delenv("LATCHKEY_BIN")
    monkeypatch.setenv("PATH", "/nowhere")
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(
        ["*the program latchkey is not on the PATH*", "hint: install it, or set LATCHKEY_BIN*"]
    )


def test_a_program_that_does_not_start_says_why():
    with pytest.raises(NotStarted, match="(?s)ended with 2.*--nonsense"):
        Process(["--nonsense"])
    with pytest.raises(NotStarted, match="ended with 0:\nit said nothing"):
        Process(program="true")
    with pytest.raises(NotStarted, match="said something else:\nemulate --listen"):
        Process(program="echo")
    with pytest.raises(NotStarted, match="/nowhere cannot be started"):
        Process(program="/nowhere")


def test_one_process_serves_all_tests_and_is_gone_afterwards(pytester):
    pytester.makeini('[pytest]\nidmc_args = --at "2026-08-22T10:00:00Z"\nidmc_environment = false')
    pytester.makepyfile(
        """
        import os

        def test_one(idmc):
            assert "HTTPS_PROXY" not in os.environ or os.environ["HTTPS_PROXY"] != idmc.url
            assert idmc.clock.frozen and idmc.clock.now.year == 2026
            print("it is at", idmc.url)

        def test_two(idmc):
            print("it is at", idmc.url)
            idmc.sign_in()
            assert False
        """
    )
    result = pytester.runpytest_subprocess("-s")
    result.assert_outcomes(passed=1, failed=1)
    urls = {line.split("it is at ")[1] for line in result.outlines if "it is at " in line}
    assert len(urls) == 1
    result.stdout.fnmatch_lines(["*requests to the emulator*", "200 POST /saas/public/core/v3/login admin"])
    with pytest.raises(urllib.error.URLError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(urls.pop())


def test_a_process_ends_with_its_block():
    with Process() as process:
        assert process.url.startswith("http://127.0.0.1:")
        assert "error" not in process.log()
        child = process._child.pid
        os.kill(child, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    process.end()
