"""Which STATE may go out, and with which counts: compared with what is written down and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from destination_maileon.accounting.checkpoint import (
    MAX_HELD_BYTES,
    STATISTICS,
    Checkpoint,
    ReadyState,
)

STREAMS = ("a", "b")


def left(checkpoint: Checkpoint) -> list[tuple[str, int, int]]:
    """The STATEs that leave now: message, written, rejected."""
    return [
        (line.decode(), written, rejected) for line, written, rejected, _ in checkpoint.release()
    ]


class States(RuleBasedStateMachine):
    """Records and STATEs in any order, settled in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.checkpoint = Checkpoint()
        # The input as it came: a record is its stream, what it is settled as, and its segment.
        self.input: list[dict[str, object]] = []
        self.released: list[ReadyState] = []
        self.pluralize: Counter[str] = Counter()

    @rule(stream=st.sampled_from(STREAMS))
    def receive_record(self, stream: str) -> None:
        checkpoint_id = self.checkpoint.record()
        self.input.append({"stream": stream, "segment": checkpoint_id, "fate": None})

    @rule(scope=st.sampled_from([*STREAMS, None]))
    def receive_state(self, scope: str | None) -> None:
        name = f"state {len(self.input)}"
        self.checkpoint.state(name.encode(), scope)
        self.input.append({"state": name, "scope": scope})

    @property
    def unsettled(self) -> list[dict[str, object]]:
        return [one for one in self.input if one.get("fate", "") is None]

    @precondition(lambda self: self.unsettled)
    @rule(data=st.data(), is_rejected=st.booleans())
    def settle(self, data: st.DataObject, is_rejected: bool) -> None:
        one = data.draw(st.sampled_from(self.unsettled))
        one["fate"] = "rejected" if is_rejected else "written"
        self.checkpoint.settle(int(str(one["segment"])), one["stream"], **{str(one["fate"]): 1})

    @rule(number=st.integers(1, 5))
    def count(self, number: int) -> None:
        self.checkpoint.count(created=number, merged=1)
        self.pluralize.update(created=number, merged=1)

    @rule()
    def release(self) -> None:
        self.released += self.checkpoint.release()

    @invariant()
    def every_state_that_left_is_true_and_counts_what_it_should(self) -> None:
        expected = [*expected_releases(self.input)]
        told = [(line.decode(), written, rejected) for line, written, rejected, _ in self.released]
        assert told == expected[: len(told)]
        assert self.checkpoint.can_release is (len(expected) > len(told))

    @invariant()
    def no_statistic_leaves_twice(self) -> None:
        said: Counter[str] = Counter()
        for *_, statistics in self.released:
            said.update(statistics)
        assert all(said[name] <= number for name, number in self.pluralize.items())

    def teardown(self) -> None:
        """If all ends well, all leaves, and the statistics add up."""
        for one in self.unsettled:
            one["fate"] = "written"
            self.checkpoint.settle(int(str(one["segment"])), one["stream"], written=1)
        self.receive_state(None)
        self.release()
        self.every_state_that_left_is_true_and_counts_what_it_should()
        assert len(self.released) == sum("state" in one for one in self.input)
        said: Counter[str] = Counter()
        for *_, statistics in self.released:
            said.update(statistics)
        assert +said == self.pluralize


def expected_releases(came: list[dict[str, object]]) -> Iterator[tuple[str, int, int]]:
    """What may have left by now: the STATEs before the first record that is not settled."""
    since: dict[object, Counter[object]] = {scope: Counter() for scope in (*STREAMS, None)}
    for one in came:
        if "state" in one:
            counts, since[one["scope"]] = since[one["scope"]], Counter()
            yield str(one["state"]), counts["written"], counts["rejected"]
        elif one["fate"] is None:
            return
        else:
            since[one["stream"]][one["fate"]] += 1
            since[None][one["fate"]] += 1


TestStates = States.TestCase


def test_a_state_waits_for_every_record_before_it_of_whatever_stream() -> None:
    checkpoint = Checkpoint()
    first, second = checkpoint.record(), checkpoint.record()
    checkpoint.state(b"1", "a")
    checkpoint.settle(first, "a", written=1)
    assert left(checkpoint) == []
    checkpoint.settle(second, "b", rejected=1)
    assert left(checkpoint) == [("1", 1, 0)]
    assert left(checkpoint) == []


def test_a_state_with_nothing_before_it_is_true_at_once() -> None:
    checkpoint = Checkpoint()
    checkpoint.state(b"1", "a")
    assert checkpoint.can_release
    assert left(checkpoint) == [("1", 0, 0)]


def test_a_record_after_a_state_does_not_hold_it_up() -> None:
    checkpoint = Checkpoint()
    checkpoint.state(b"1", None)
    checkpoint.record()
    assert left(checkpoint) == [("1", 0, 0)]


def test_states_of_a_stream_and_of_everything_count_apart() -> None:
    checkpoint = Checkpoint()
    for stream, scope in (("a", "a"), ("b", None), ("a", "a"), ("b", "b"), ("a", None)):
        checkpoint.settle(checkpoint.record(), stream, written=1)
        checkpoint.state(str(scope).encode(), scope)
    assert left(checkpoint) == [
        ("a", 1, 0), ("None", 2, 0), ("a", 1, 0), ("b", 2, 0), ("None", 3, 0)
    ]  # fmt: skip


def test_statistics_go_with_the_first_state_that_leaves_after_the_call() -> None:
    checkpoint = Checkpoint()
    record = checkpoint.record()
    checkpoint.state(b"1", "a")
    checkpoint.state(b"2", "a")
    checkpoint.count(created=2)
    checkpoint.count(created=1, merged=4)
    checkpoint.settle(record, "a", written=1)
    nothing = dict.fromkeys(STATISTICS, 0)
    assert [statistics for *_, statistics in checkpoint.release()] == [
        nothing | {"created": 3, "merged": 4},
        nothing,
    ]


@pytest.mark.parametrize(
    ("states", "size", "is_crowded"),
    [(2, 10, False), (3, 10, True), (1, MAX_HELD_BYTES + 1, True), (1, MAX_HELD_BYTES, False)],
)
def test_it_is_crowded_when_many_states_or_large_ones_are_held_back(
    states: int, size: int, is_crowded: bool
) -> None:
    checkpoint = Checkpoint(max_held_states=3)
    record = checkpoint.record()
    for _ in range(states):
        checkpoint.state(b"x" * size, "a")
    assert checkpoint.is_crowded is is_crowded
    checkpoint.settle(record, "a", written=1)
    assert len(left(checkpoint)) == states
    assert not checkpoint.is_crowded
