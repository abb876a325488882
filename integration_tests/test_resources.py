"""When the machine itself fails: full and slow streams, no files, no memory, a bad clock.

The program is started by a shell, which sets its limits and redirects its streams.
"""

from __future__ import annotations

import os
import subprocess
from threading import Thread

import pytest

from integration_tests import silence
from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, people
from integration_tests.hostile import peak_bytes
from integration_tests.platform import (
    PROGRAM,
    TIMEOUT_SECONDS,
    catalog,
    judge,
    line,
    outcome,
    record,
    stream,
    stream_state,
    write_arguments,
)

SECRET = "zqx"
BEYOND_A_PIPE_BYTES = 1_000_000
"""A pipe of Linux holds 65,536 bytes."""


def _write_under(shell: str, connection: Connection, messages: list[Json], **config: object) -> Run:
    """Runs `write` as `"$@"` of a line of shell, and judges it if anything came out."""
    arguments = write_arguments(connection.folder, connection.config(**config), catalog(stream()))
    given = b"".join(map(line, messages))
    done = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", PROGRAM, *arguments],
        input=given,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        env=silence.surroundings(),
        check=False,
    )
    run = outcome(arguments, given, done)
    if run.output:
        judge(run, given)
    return run


def _done(output: bytes, errors: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.CompletedProcess([], 0, output, errors)


def _stored(connection: Connection) -> int:
    return len(connection.sandbox.account.contacts())


@pytest.mark.parametrize("errors", ["", "2>/dev/full"])
def test_a_full_disk_ends_the_sync_with_one_line_and_no_trace(
    connection: Connection, errors: str
) -> None:
    run = _write_under(f'"$@" >/dev/full {errors}', connection, people("a", first_name=SECRET))
    assert run.exit_code == 1
    told = "Nothing can be put out any more: No space left on device.\n"
    assert run.stderr == ("" if errors else told)


def test_a_reader_that_goes_away_ends_the_sync(connection: Connection) -> None:
    config = connection.config(batch_size=1)
    arguments = write_arguments(connection.folder, config, catalog(stream()))
    pipe, env = subprocess.PIPE, silence.surroundings()
    with subprocess.Popen(
        [PROGRAM, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=env
    ) as process:
        given, taken, told = process.stdin, process.stdout, process.stderr
        assert given is not None
        assert taken is not None
        assert told is not None
        given.write(b"".join(map(line, [*people("a"), stream_state(1)])))
        given.flush()
        heard = taken.readline()
        while b'"STATE"' not in heard:
            heard += taken.readline()
        taken.close()
        given.write(b"".join(map(line, [*people("b"), stream_state(2)])))
        given.flush()
        assert process.wait(TIMEOUT_SECONDS) == 1
        errors = told.read()
    assert errors == b"Nothing can be put out any more: Broken pipe.\n"
    # What the platform judges is the end of a run, which it did not hear here.
    outcome(arguments, b"".join(map(line, people("a", "b"))), _done(heard, errors))


@pytest.mark.long
def test_while_nobody_reads_the_output_the_input_waits_and_no_line_is_lost(
    connection: Connection,
) -> None:
    states = [stream_state({"cursor": n, "filling": "x" * 200}) for n in range(20_000)]
    arguments = write_arguments(connection.folder, connection.config(), catalog(stream()))
    pipe, env = subprocess.PIPE, silence.surroundings()
    input_bytes = b"".join(map(line, states))
    with subprocess.Popen(
        [PROGRAM, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        given, taken = process.stdin, process.stdout
        feeding = Thread(target=lambda: (given.write(input_bytes), given.close()))
        feeding.start()
        feeding.join(2)
        # Nobody has read, so that states fill the pipe, the loop waits, and so does the source.
        assert feeding.is_alive()
        assert peak_bytes(process.pid) < 250_000_000
        out = taken.read()
        feeding.join()
        assert process.wait() == 0
        errors = process.stderr.read()
    run = outcome(arguments, input_bytes, _done(out, errors))
    judge(run, input_bytes)
    back = [state["stream"] for state in run.states]
    assert back == [state["state"]["stream"] for state in states]


def test_with_few_files_left_calls_wait_for_each_other_and_all_are_made(
    connection: Connection,
) -> None:
    names = [f"p{n}" for n in range(60)]
    messages = [*people(*names), stream_state(1)]
    config = {"batch_size": 1, "concurrent_requests": 16, "max_retry_seconds": 60}
    run = _write_under('ulimit -n 8; "$@"', connection, messages, **config)
    assert (run.exit_code, run.stats, run.stderr) == (0, [(60, 0)], "")
    assert _stored(connection) == 60


@pytest.mark.parametrize("kilobytes", [140_000, 260_000], ids=["to read it", "to decode it"])
def test_a_line_for_which_there_is_no_memory_ends_the_sync_after_the_true_states(
    connection: Connection, kilobytes: int
) -> None:
    huge = record({"email": "huge@example.com", "first_name": SECRET * 14_000_000})
    good = [*people("a", "b"), stream_state(1)]
    config = {"batch_size": 1, "flush_interval_seconds": 0.1}
    run = _write_under(f'ulimit -d {kilobytes}; "$@"', connection, [*good, huge], **config)
    assert run.error["failure_type"] == "system_error"
    assert "not enough memory" in run.error["message"]
    assert (run.stats, run.stderr, _stored(connection)) == ([(2, 0)], "", 2)
    assert SECRET.encode() not in run.output


JUMPING_CLOCK = """
import itertools, random, time
jumps = random.Random(1)
true, elapsed = time.time(), itertools.count()
time.time = lambda: true + jumps.choice([-1, 1]) * jumps.randrange(10**8)
"""


def test_a_clock_that_jumps_by_years_changes_nothing(connection: Connection) -> None:
    folder = connection.folder / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(JUMPING_CLOCK, encoding="utf-8")
    jumping = connection.with_environment(PYTHONPATH=os.fspath(folder))
    names = [f"p{n}" for n in range(40)]
    run = jumping.sync([*people(*names), stream_state(1)], batch_size=3)
    assert (run.exit_code, run.stats, _stored(connection)) == (0, [(40, 0)], 40)
    assert len(jumping.synchronizations) == 14
    assert jumping.check() == {"status": "SUCCEEDED"}
