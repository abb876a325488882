"""The harness itself: programs that do to a state what a destination must not do are found out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from _pytest.outcomes import Failed

from integration_tests import platform
from integration_tests.bookkeeping import Bookkeeping, Json, Run
from integration_tests.platform import catalog, global_state, line, record, stream, stream_state

# A destination that counts by itself. What it does to its states and its end is filled in.
PROGRAM = """#!{python}
import json, sys
since, total, states = {{}}, 0, []
for line in sys.stdin.buffer:
    message = json.loads(line)
    if message["type"] == "RECORD":
        name = message["record"]["stream"]
        since[name] = since.get(name, 0) + 1
        total += 1
    if message["type"] == "STATE":
        state = message["state"]
        if state["type"] == "STREAM":
            count = since.pop(state["stream"]["stream_descriptor"]["name"], 0)
        else:
            count, total = total, 0
        state["destinationStats"] = {{
            "recordCount": float(count),
            "rejectedRecordCount": 0.0,
            "additionalStats": {{"created": 0.0}},
        }}
        states.append(state)
error = {{"type": "TRACE", "trace": {{"type": "ERROR", "error": {{"message": "no"}}}}}}
extra, code = [], 0
stats = states[0]["destinationStats"]
{deed}
for message in [*({{"type": "STATE", "state": state}} for state in states), *extra]:
    print(json.dumps(message))
sys.exit(code)
"""

MESSAGES = [
    record({"n": 1}, "a"),
    record({"n": 2}, "b"),
    stream_state(1, "a"),
    record({"n": 3}, "a"),
    stream_state(2, "a"),
    stream_state(1, "b"),
    global_state(1),
]
STREAMS = catalog(stream(name="a"), stream(name="b"))

DEEDS = {
    "keeps a state": "states.pop()",
    "gives a state back twice": "states.append(states[-1])",
    "changes the order": "states[0], states[1] = states[1], states[0]",
    "loses the id": "states[2].pop('id')",
    "loses what the source counted": "states[0].pop('sourceStats')",
    "loses a digit of the cursor": "states[0]['stream']['stream_state']['cursor'] = 1.0000001",
    "loses a key that it does not know": "states[3].pop('novel')",
    "says nothing of its counts": "states[0].pop('destinationStats')",
    "counts a record twice": "stats['recordCount'] = 2.0",
    "counts a rejected record as written too": "stats['rejectedRecordCount'] = 1.0",
    "counts in whole numbers": "stats['recordCount'] = 1",
    "reports more than was sent": "stats['additionalStats']['created'] = 4.0",
    "fails without a word": "code = 1",
    "ends well after an error": "extra = [error]",
    "says two errors": "extra, code = [error, error], 1",
    "goes on after its error": "extra, code = [error, {'type': 'LOG', 'log': {}}], 1",
    "crashes": "code = 2",
    "talks beside the messages": "print('hello', file=sys.stderr)",
}


def _program(folder: Path, monkeypatch: pytest.MonkeyPatch, *, deed: str) -> None:
    path = folder / "destination"
    path.write_text(PROGRAM.format(python=sys.executable, deed=deed), encoding="utf-8")
    path.chmod(0o700)
    monkeypatch.setattr(platform, "PROGRAM", path)


def _messages() -> list[Json]:
    *others, last = MESSAGES
    return [*others, {**last, "state": {**last["state"], "novel": [1]}}]


def _sync(folder: Path) -> Run:
    return platform.sync(folder, {}, STREAMS, _messages())


def test_a_destination_that_gives_back_every_state_with_its_counts_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, monkeypatch, deed="pass")

    run = _sync(tmp_path)

    assert run.stats == [(1, 0), (1, 0), (1, 0), (3, 0)]
    assert [state["id"] for state in run.states] == [1, 2, 3, 4]
    assert [state["sourceStats"]["recordCount"] for state in run.states] == [1, 1, 1, 3]


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS.keys())
def test_a_destination_is_found_out_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    _program(tmp_path, monkeypatch, deed=deed)

    with pytest.raises(AssertionError):
        _sync(tmp_path)


def test_a_failed_sync_may_keep_states_and_has_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, monkeypatch, deed="states, extra, code = states[:2], [error], 1")

    run = _sync(tmp_path)

    assert (len(run.states), run.error) == (2, {"message": "no"})


def test_a_destination_that_hangs_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    _program(tmp_path, monkeypatch, deed=hang)
    monkeypatch.setattr(platform, "TIMEOUT_SECONDS", 2)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Failed, match="killed after 2 seconds"):
        _sync(tmp_path)

    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()


def test_an_input_without_ids_is_written_down_as_far_as_it_can_be_read() -> None:
    book = Bookkeeping()
    book.look_at(b"".join(map(line, MESSAGES[:3])) + b'{"type":\n' + line(MESSAGES[4]))

    assert len(book.states) == 1
    assert "id" not in book.states[0]


def test_every_stream_is_said_to_be_complete() -> None:
    told = [one["trace"]["stream_status"] for one in Bookkeeping().completed(STREAMS)]

    assert [one["stream_descriptor"] for one in told] == [{"name": "a"}, {"name": "b"}]
    assert {one["status"] for one in told} == {"COMPLETE"}
