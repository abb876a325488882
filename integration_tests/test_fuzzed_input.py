"""Any mixture of good, odd and bad lines: what comes before the first bad one arrives, and is told.

`HYPOTHESIS_PROFILE=many` tries some hundred mixtures instead of a few.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from destination_maileon.cli import lines_of, parse
from integration_tests.bookkeeping import Run
from integration_tests.connection import Connection
from integration_tests.platform import catalog, judge, outcome, stream, write_arguments
from maileon_sandbox import Sandbox

SECRET = "zqx-private"


def _record(data: str, *, around: str = "") -> bytes:
    start = '{"type":"RECORD","record":{"stream":"people","emitted_at":1,'
    return f'{start}"data":{data}{around}}}}}'.encode("utf-8", "surrogatepass")


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


WIDE = ",".join(f'"wide{n}":"{SECRET}"' for n in range(500))
# In each, %d is a number of its own.
WRITTEN = {
    "a plain record": '{"email":"p%d@example.com","first_name":"zqx-private"}',
    "a key twice": '{"email":"zqx-private","email":"p%d@example.com"}',
    "nulls": '{"email":"p%d@example.com","first_name":null,"late":null}',
    "names of Python": '{"email":"p%d@example.com","__class__":1,"self":2,"keys":3,"__dict__":{}}',
    "an empty name": '{"email":"p%d@example.com","":"zqx-private"}',
    "very many columns": '{"email":"p%d@example.com",' + WIDE + "}",
    "a deep value": '{"email":"p%d@example.com","deep":' + _nested(500) + "}",
    "large numbers": '{"email":"p%d@example.com","a":1e400,"b":' + "9" * 400 + ',"c":-0.0}',
    "a lone surrogate": '{"email":"p%d@example.com","first_name":"zqx-private\\ud800"}',
    "a long text": '{"email":"p%d@example.com","text":"' + SECRET * 20_000 + '"}',
    "a null character": '{"email":"p%d@example.com","first_name":"zqx-private\\u0000"}',
}
REJECTED = ("null", "[1]", '"zqx-private"', '{"email":null}', '{"email":""}', '{"first_name":"a"}')
IGNORED = (
    b"", b" \r", b"null", b"[]", b'"zqx-private"', b"1e5", b"{}", b'{"type":null}',
    b'{"type":"NOVEL","novel":{"a":"zqx-private"}}', b'{"type":"LOG","log":null}',
    b'{"type":["RECORD"]}', b'{"type":"TRACE","trace":{}}', b'{"type":"record"}',
    _nested(900).encode(),
)  # fmt: skip
BAD = (
    b'{"type":"RECORD","record":{"stream":"people","data":{"email":"zqx-private',
    b'{"type":"RECORD","record":{"stream":"people","data":{"email":"zqx-private"}',
    _record('{"email":NaN}'), _record('{"email":-Infinity}'), _record("{'email':'zqx-private'}"),
    _record('{"email":"zqx-private",}'), _record('{"email":"zqx\tprivate"}'),
    _record('{"email":01}'), _record('{"email":"\ud800"}'), _record("{}") + b"\x00",
    _record('{"email":"zqx-private"}').replace(b"zqx", b"\xff"),
    b"\xef\xbb\xbf\xef\xbb\xbf" + _record("{}"), _record("{}").decode().encode("utf-16"),
    _record(_nested(100_000)), b"zqx-private", b"{" * 50_000, b"\x0c",
    b'{"type":"RECORD"}', b'{"type":"RECORD","record":null}', b'{"type":"STATE","state":[]}',
    b'{"type":"RECORD","record":{"stream":null,"data":{}}}', b'{"type":"STATE"}',
    b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":null}}}}',
)  # fmt: skip
STATES = (
    '{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{"n":%d}}}}',
    '{"type":"STATE","state":{"type":"GLOBAL","global_":{"shared_state":{"n":%d}},"id":7}}',
    '{"type":"STATE","state":{"type":null,"data":{"n":%d},"global":null}}',
    '{"type":"STATE","log":null,"record":null,"state":{"data":{"n":%d,"exact":0.1000000000000000055}}}',
)

kinds = st.one_of(
    st.sampled_from([*WRITTEN.values()]).map(lambda text: ("written", text)),
    st.sampled_from(REJECTED).map(lambda text: ("rejected", text)),
    st.sampled_from(IGNORED).map(lambda line: ("ignored", line)),
    st.sampled_from(STATES).map(lambda text: ("state", text)),
)
ends = st.sampled_from([b"\n", b"\r\n", b" \n"])


def _line(kind: str, form: str | bytes, number: int) -> bytes:
    if isinstance(form, bytes):
        return form
    if kind == "state":
        return (form % number).encode()
    filled = form.replace("%d", str(number))
    return _record(filled, around=',"namespace":null,"meta":null' if number % 2 else "")


def _run(arguments: list[str], given_input: bytes) -> Run:
    lines, exit_codes = zip(*lines_of(parse(arguments), BytesIO(given_input)), strict=True)
    done = subprocess.CompletedProcess(arguments, exit_codes[-1], b"".join(lines), b"")
    return outcome(arguments, given_input, done)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, list[str]]]:
    with Sandbox() as sandbox:
        folder: Path = tmp_path_factory.mktemp("fuzzed")
        config = Connection(folder, sandbox).config()
        yield sandbox, write_arguments(folder, config, catalog(stream()))


@settings(
    max_examples=settings().max_examples // 5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(kinds, max_size=25),
    st.none() | st.sampled_from(BAD),
    ends,
    st.booleans(),
)
def test_whatever_comes_all_before_the_first_bad_line_is_written_and_told(
    arguments: tuple[Sandbox, list[str]],
    lines: list[tuple[str, str | bytes]],
    bad: bytes | None,
    end: bytes,
    has_mark: bool,
) -> None:
    sandbox, command = arguments
    for contact in sandbox.account.contacts():
        sandbox.account.remove(contact)
    numbered = [_line(kind, form, number) for number, (kind, form) in enumerate(lines)]
    after = [] if bad is None else [bad, *numbered]
    given_input = b"\xef\xbb\xbf" * has_mark + b"".join(one + end for one in (*numbered, *after))
    run = _run(command, given_input)
    judge(run, b"\n".join(numbered))

    assert run.exit_code == (bad is not None)
    errors = [error["message"] for error in run.errors]
    assert [f" line {len(lines) + 1} " in error for error in errors] == [True] * run.exit_code
    written = [n for n, (kind, _) in enumerate(lines) if kind == "written"]
    stored = [contact.email for contact in sandbox.account.contacts()]
    assert sorted(stored, key=str) == sorted((f"p{n}@example.com" for n in written), key=str)
    # A bad line ends the sync as no end of the platform's would: all states before it are true.
    assert len(run.states) == sum(kind == "state" for kind, _ in lines)
    assert "zqx-private" not in " ".join(run.logs() + errors)
    assert sandbox.violations == []
