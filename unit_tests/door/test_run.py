"""Nothing that a library or Python itself has to say leaves the process, however it is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

SECRET = "anna.secret"

# Everything is on that somebody could turn on: each root handler, each filter, each switch.
LOUD = """
import http.client, logging, sys, threading, warnings
logging.basicConfig(level=logging.NOTSET, stream=sys.stderr)
logging.getLogger("has.handlers").addHandler(logging.StreamHandler(sys.stdout))
warnings.simplefilter("always")
http.client.HTTPConnection.debuglevel = 1
old = logging.getLogger("old")
"""
QUIET = "from destination_maileon.run import be_quiet; be_quiet()\n"
VOICES = {
    "a logger that was there": "old.critical('anna.secret')",
    "a new logger": "logging.getLogger('new').debug('anna.secret')",
    "a new child of an old one": "old.getChild('child').info('anna.secret')",
    "a logger with a level of its own": """
        own = logging.getLogger("urllib3.connectionpool")
        own.setLevel(1)
        own.log(1, "anna.secret")
    """,
    "a level above all others": "logging.getLogger('new').log(10**6, 'anna.secret')",
    "a logger with handlers of its own": "logging.getLogger('has.handlers').error('anna.secret')",
    "a handler that is added later": """
        logging.getLogger("late").addHandler(logging.StreamHandler(sys.stdout))
        logging.getLogger("late").error("anna.secret")
    """,
    "no handler at all": """
        logging.getLogger().handlers.clear()
        logging.getLogger("new").error("anna.secret")
    """,
    "logging that is configured anew": """
        logging.basicConfig(level=1, stream=sys.stdout, force=True)
        logging.getLogger("new").error("anna.secret")
    """,
    "a warning": "warnings.warn('anna.secret')",
    "a warning that is always shown": """
        warnings.simplefilter("always", ResourceWarning)
        warnings.warn("anna.secret", ResourceWarning)
    """,
    "a warning that is logged": """
        logging.captureWarnings(True)
        warnings.warn("anna.secret")
    """,
    "a warning of urllib3": """
        import urllib3
        warnings.warn("anna.secret", urllib3.exceptions.InsecureRequestWarning)
    """,
    "a warning from C": """
        import _warnings
        _warnings.warn("anna.secret", DeprecationWarning)
    """,
    "what is printed": "print('anna.secret', flush=True)",
    "what is printed as an error": "print('anna.secret', file=sys.stderr, flush=True)",
    "a traceback that is printed": """
        import traceback
        try:
            raise ValueError("anna.secret")
        except ValueError:
            traceback.print_exc()
    """,
    "what http.client prints": """
        from unit_tests.maileon.local_server import LocalServer, answering, reply
        with LocalServer(answering(reply(200))) as server:
            connection = http.client.HTTPConnection(server.address)
            connection.request("GET", "/anna.secret")
    """,
    "an exception in a thread": """
        def fail():
            raise ValueError("anna.secret")
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    """,
    "an exception in a thread of C": """
        import _thread
        done = _thread.allocate_lock()
        done.acquire()
        class Signal:
            def __del__(self):
                done.release()
        def fail(signal):
            raise ValueError("anna.secret")
        _thread.start_new_thread(fail, (Signal(),))
        done.acquire(timeout=60)
    """,
    "an exception while Python ends": """
        class Gone:
            def __del__(self):
                raise ValueError("anna.secret")
        gone = Gone()
    """,
    "an exception that cannot be raised": """
        class Gone:
            def __del__(self):
                raise ValueError("anna.secret")
        Gone()
    """,
}


def said(program: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, timeout=120
    )
    return done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("voice", VOICES.values(), ids=VOICES)
def test_a_voice_is_heard_without_the_silence_and_not_with_it(voice: str) -> None:
    assert SECRET.encode() in said(LOUD + dedent(voice))
    assert said(LOUD + QUIET + dedent(voice)) == b""


@pytest.mark.parametrize("end", ["raise ValueError('anna.secret')", "int('anna.secret')"])
def test_of_an_exception_that_nobody_caught_only_its_kind_is_told(end: str) -> None:
    behind = f"try:\n    {end}\nfinally:\n    raise RuntimeError('anna.secret')"
    assert said(LOUD + behind).count(SECRET.encode()) > 1
    assert said(LOUD + QUIET + behind) == b"RuntimeError\n"


TALKATIVE_TESTS = """
import logging
KEY = "abcdef-key"
def test_library(): logging.getLogger("urllib3.any").debug("anything")
def test_print(): print(f"with {KEY}")
def test_log(): logging.getLogger("any").error(KEY)
def test_quiet(): logging.getLogger("any").error("fine")
"""


@pytest.mark.long
def test_a_unit_test_whose_libraries_talk_or_that_says_a_key_fails(tmp_path: Path) -> None:
    (tmp_path / "test_talkative.py").write_text(TALKATIVE_TESTS, encoding="utf-8")
    arguments = ["-p", "unit_tests.conftest", "-p", "no:cacheprovider", "-rA", "--color=no"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, str(tmp_path), f"--rootdir={tmp_path}"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    verdicts = [line.split()[0] for line in done.stdout.splitlines() if b".py::test_" in line]
    assert sorted(verdicts) == [b"FAILED"] * 3 + [b"PASSED"]
