"""The lines delivered are the input split at line feeds, however it arrives."""

from __future__ import annotations

import io
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destination_maileon.protocol import reader as reader_module
from destination_maileon.protocol.reader import READ_BYTES, InputChunk, InputEnd, Reader

Queue = queue.Queue[InputChunk | InputEnd]
WAIT_SECONDS = 60


class Pipe:
    """A pipe with a reader at its end."""

    def __init__(self, *, credit: int = 2) -> None:
        self.output, self.input = os.pipe()
        self.queue: Queue = queue.Queue()
        self.reader = Reader(self.output, self.queue.put, credit=credit)
        self.reader.start()

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.input, rest) :]

    def feed(self, parts: list[bytes]) -> None:
        """Writes in the background, and closes."""

        def run() -> None:
            for part in parts:
                self.write(part)
            os.close(self.input)

        threading.Thread(target=run, daemon=True).start()


@pytest.fixture
def shared_pipe(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """Another process takes what select promised, thousands of times."""
    pipe_read, missed = os.read, [0]

    def read(descriptor: int, size: int) -> bytes:
        missed[0] += 1
        if missed[0] < 5_000:
            raise BlockingIOError
        return pipe_read(descriptor, size)

    monkeypatch.setattr(os, "read", read)
    return Pipe()


def chunks_of(pipe: Pipe) -> Iterator[InputChunk]:
    while isinstance(item := pipe.queue.get(timeout=WAIT_SECONDS), InputChunk):
        yield item
        pipe.reader.release()
    os.close(pipe.output)
    assert item == InputEnd(None)


def lines_of(pipe: Pipe) -> list[bytes]:
    lines: list[bytes] = []
    for chunk in chunks_of(pipe):
        assert chunk.lines
        assert chunk.first_line_number == len(lines) + 1
        lines += chunk.lines
    return lines


def split(data: bytes) -> list[bytes]:
    """Line feeds only; `splitlines` would also split at a carriage return."""
    *lines, rest = data.split(b"\n")
    return [*lines, rest] if rest else lines


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.sampled_from([b"\n", b"\r\n", b"ab", b"\x00\x85"])).map(b"".join)))
def test_lines_are_the_input_split_at_line_feeds(parts: list[bytes]) -> None:
    pipe = Pipe()
    pipe.feed(parts)
    assert lines_of(pipe) == split(b"".join(parts))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 3 * READ_BYTES), max_size=6), st.booleans())
def test_long_lines_come_through(lengths: list[int], ends: bool) -> None:
    data = b"\n".join(b"x" * length for length in lengths) + (b"\n" if ends else b"")
    pipe = Pipe()
    pipe.feed([data])
    assert lines_of(pipe) == split(data)


def test_a_chunk_is_small_behind_its_first_line() -> None:
    pipe = Pipe()
    pipe.feed([(b"y" * 1000 + b"\n") * 1000, b"z" * 3 * READ_BYTES + b"\n", b"a\nb\n" * 10_000])
    for chunk in chunks_of(pipe):
        assert sum(map(len, chunk.lines[1:])) <= READ_BYTES


def test_a_line_of_a_hundred_megabytes_takes_no_quadratic_time() -> None:
    pipe = Pipe()
    begin = time.process_time()
    pipe.feed([b"x" * 100_000_000, b"\nlast"])
    assert [len(line) for line in lines_of(pipe)] == [100_000_000, 4]
    assert time.process_time() - begin < 10


@pytest.mark.parametrize("first", [b"", b"a\nb\n"])
def test_a_line_without_an_end_ends_the_input(
    first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "MAX_LINE_BYTES", 3 * READ_BYTES)
    pipe = Pipe()
    pipe.feed([first, b"private " * READ_BYTES])
    items = [pipe.queue.get(timeout=WAIT_SECONDS) for _ in range(2 if first else 1)]
    number = 3 if first else 1
    assert items[-1] == InputEnd(f"line {number} is longer than {3 * READ_BYTES} bytes")


def test_the_longest_line_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "MAX_LINE_BYTES", 3 * READ_BYTES)
    pipe = Pipe()
    line = b"x" * 3 * READ_BYTES
    pipe.feed([line, b"\n", line])
    assert lines_of(pipe) == [line, line]


def test_a_line_arrives_while_the_source_is_silent() -> None:
    pipe = Pipe()
    pipe.write(b"one\ntw")
    assert pipe.queue.get(timeout=WAIT_SECONDS) == InputChunk([b"one"], 1)
    pipe.reader.release()
    pipe.write(b"o\n")
    assert pipe.queue.get(timeout=WAIT_SECONDS) == InputChunk([b"two"], 2)
    pipe.feed([])
    assert list(chunks_of(pipe)) == []


def test_no_more_chunks_than_its_credit_are_out() -> None:
    pipe = Pipe(credit=2)
    pipe.feed([b"x" * 100 + b"\n"] * 50_000)
    numbers: list[int] = []
    for _ in range(5):
        time.sleep(0.05)
        assert pipe.queue.qsize() <= 2
        chunk = pipe.queue.get(timeout=WAIT_SECONDS)
        assert isinstance(chunk, InputChunk)
        numbers.append(chunk.first_line_number)
        pipe.reader.release()
    rest = list(chunks_of(pipe))
    assert numbers == sorted(set(numbers))
    assert rest[-1].first_line_number + len(rest[-1].lines) - 1 == 50_000


def test_without_a_release_nothing_follows() -> None:
    pipe = Pipe(credit=1)
    pipe.write(b"one\n")
    pipe.queue.get(timeout=WAIT_SECONDS)
    pipe.write(b"two\n")
    with pytest.raises(queue.Empty):
        pipe.queue.get(timeout=0.1)
    pipe.reader.release()
    assert pipe.queue.get(timeout=WAIT_SECONDS) == InputChunk([b"two"], 2)
    pipe.reader.release()
    pipe.feed([])
    assert list(chunks_of(pipe)) == []


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    pipe = Pipe()
    os.set_blocking(pipe.output, False)
    pipe.write(b"one\n")
    assert pipe.queue.get(timeout=WAIT_SECONDS) == InputChunk([b"one"], 1)
    pipe.reader.release()
    time.sleep(0.05)
    pipe.feed([b"two\n"])
    assert [chunk.lines for chunk in chunks_of(pipe)] == [[b"two"]]


def test_a_file_object() -> None:
    items: Queue = queue.Queue()
    Reader(io.BytesIO(b"one\r\n\ntwo"), items.put).start()
    assert items.get(timeout=WAIT_SECONDS) == InputChunk([b"one\r", b""], 1)
    assert items.get(timeout=WAIT_SECONDS) == InputChunk([b"two"], 3)
    assert items.get(timeout=WAIT_SECONDS) == InputEnd(None)


def test_a_read_error_is_told(tmp_path: object) -> None:
    items: Queue = queue.Queue()
    folder = os.open(str(tmp_path), os.O_RDONLY)
    Reader(folder, items.put).start()
    assert items.get(timeout=WAIT_SECONDS) == InputEnd("Is a directory")
    os.close(folder)


class Broken(io.BytesIO):
    """Fails in a way nobody thought of, after half a line."""

    def read1(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise ValueError("private")
        return super().read1(size)


def test_any_other_failure_ends_the_input_too_without_the_half_line() -> None:
    items: Queue = queue.Queue()
    Reader(Broken(b"half a li"), items.put).start()
    assert items.get(timeout=WAIT_SECONDS) == InputEnd("ValueError")


def test_a_silent_source_does_not_keep_the_process_alive() -> None:
    program = "from destination_maileon.protocol.reader import Reader; Reader(0, print).start()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        assert process.wait(timeout=WAIT_SECONDS) == 0


def test_input_that_another_process_takes_again_and_again_is_waited_for(shared_pipe: Pipe) -> None:
    shared_pipe.feed([b"a\nb\n"])
    assert lines_of(shared_pipe) == [b"a", b"b"]
