"""What Airbyte's platform writes down of a sync, and how it judges a destination by it.

Source: Airbyte platform, container-orchestrator (`AirbyteMessageTracker`, `StreamStatsTracker`,
`StateCheckSumCountEventHandler`, `StateWithId`, `DestinationWrapper`).

- Every state gets an `id` on its way to the destination. One that comes back without it ends the
  sync; one that comes back twice, or is unknown, makes the numbers unreliable.
- Records since the last state of the stream (of all streams, for a global one) are set aside with
  the state's id, and count as committed when it comes back. Then three counts have to agree: what
  the source said (`sourceStats`), what passed, what the destination said, rejected ones included.
- After the source's end each stream gets a STREAM_STATUS trace, since the connector supports
  refreshes.
- Exit codes 0 and 143 are good ends. An error trace makes the sync fail, whatever the code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TERMINATED = 143
GOOD_ENDS = (0, TERMINATED)
FAILED = 1


@dataclass(slots=True)
class Run:
    """What came of one run of the program. `sent_states` are those that the platform sent.

    `output` holds the bytes of the messages, for what their reading does not show.
    """

    exit_code: int
    messages: list[Json]
    stderr: str
    sent_states: list[Json] = field(default_factory=list)
    output: bytes = b""

    def of_type(self, kind: str) -> list[Json]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def states(self) -> list[Json]:
        return [message["state"] for message in self.of_type("STATE")]

    @property
    def stats(self) -> list[tuple[float, float]]:
        """Of each state that came back: records, rejected records."""
        stats = [state["destinationStats"] for state in self.states]
        return [(one["recordCount"], one["rejectedRecordCount"]) for one in stats]

    def additional(self, name: str) -> float:
        """A statistic's sum over all states."""
        stats = [state["destinationStats"]["additionalStats"] for state in self.states]
        return float(sum(one[name] for one in stats))

    def logs(self, level: str | None = None) -> list[str]:
        logs = [message["log"] for message in self.of_type("LOG")]
        return [log["message"] for log in logs if level in {None, log["level"]}]

    @property
    def errors(self) -> list[Json]:
        traces = [message["trace"] for message in self.of_type("TRACE")]
        return [trace["error"] for trace in traces if trace["type"] == "ERROR"]

    @property
    def error(self) -> Json:
        """The one error that a failed run ends with."""
        (error,) = self.errors
        assert self.exit_code == FAILED
        return error


class Bookkeeping:
    """Which states were sent, and how many records before each. One per sync."""

    def __init__(self) -> None:
        self.states: list[Json] = []
        self._counts: list[int] = []
        self._since: dict[object, int] = {}
        self._since_global = 0
        self._passed = 0

    def passed_on(self, messages: Iterable[Json | bytes]) -> Iterator[Json | bytes]:
        """The messages as the destination gets them; bytes pass as they are, unseen."""
        for message in messages:
            if isinstance(message, bytes):
                yield message
            elif message["type"] == "STATE":
                yield self._numbered(message)
            else:
                self._count(message)
                yield message

    def look_at(self, given: bytes) -> None:
        """Writes down what is in an input that goes to the destination as it is, without ids."""
        for line in filter(bytes.strip, given.splitlines()):
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                # The destination reads no further either.
                return
            if isinstance(message, dict) and message.get("type") == "STATE":
                self._set_aside(message["state"])
            elif isinstance(message, dict) and message.get("type") == "RECORD":
                self._count(message)

    def completed(self, catalog: Mapping[str, Any]) -> Iterator[Json]:
        """What the platform says of each stream when the source has ended well."""
        for configured in catalog["streams"]:
            stream = configured["stream"]
            names = {key: stream[key] for key in ("name", "namespace") if key in stream}
            status = {"stream_descriptor": names, "status": "COMPLETE"}
            trace = {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": status}
            yield {"type": "TRACE", "trace": trace}

    def judge(self, run: Run, *, may_keep_states: bool = False) -> None:
        """Fails the test where the platform would fail the sync, or distrust its numbers."""
        self._judge_end(run)
        self._judge_states(run.states)
        assert sum(_additional(run)) <= self._passed, "more is reported than was sent"
        if run.exit_code == 0 and not may_keep_states:
            assert len(run.states) == len(self.states), "a state did not come back"

    def judge_killed(self, run: Run) -> None:
        """The same of a run that was ended from outside, and so need not have come to an end."""
        assert run.errors == []
        assert run.stderr == ""
        self._judge_states(run.states)
        assert sum(_additional(run)) <= self._passed, "more is reported than was sent"

    def _judge_end(self, run: Run) -> None:
        assert run.exit_code in {*GOOD_ENDS, FAILED}, f"ended with {run.exit_code}"
        assert len(run.errors) == (run.exit_code == FAILED), f"errors: {run.errors}"
        if run.errors:
            assert run.messages[-1]["type"] == "TRACE", "something follows the error"
        assert run.stderr == ""

    def _judge_states(self, states: list[Json]) -> None:
        assert len(states) <= len(self.states), "a state came back that was not sent"
        for sent, count, state in zip(self.states, self._counts, states, strict=False):
            assert state.get("id") == sent.get("id"), "the id is lost, or the order"
            assert _without_stats(state) == _without_stats(sent), "the state was changed"
            assert "destinationStats" in state, "the counts are missing"
            stats = state["destinationStats"]
            numbers = [stats["recordCount"], stats["rejectedRecordCount"]]
            assert all(isinstance(n, float) and n >= 0 for n in numbers)
            assert sum(numbers) == count, "the counts do not add up"
            assert all(isinstance(n, float) for n in stats["additionalStats"].values())

    def _numbered(self, message: Json) -> Json:
        """With an id, and with the count that the source gives: that of what passed."""
        state = {**message["state"], "id": len(self.states) + 1}
        state["sourceStats"] = {"recordCount": float(self._set_aside(state))}
        return {**message, "state": state}

    def _set_aside(self, state: Json) -> int:
        """How many records are settled when this state comes back."""
        if state.get("type") == "STREAM":
            descriptor = state["stream"]["stream_descriptor"]
            count = self._since.pop((descriptor.get("namespace"), descriptor["name"]), 0)
        else:
            count, self._since_global = self._since_global, 0
        self.states.append(state)
        self._counts.append(count)
        return count

    def _count(self, message: Json) -> None:
        if message["type"] != "RECORD":
            return
        key = (message["record"].get("namespace"), message["record"]["stream"])
        self._since[key] = self._since.get(key, 0) + 1
        self._since_global += 1
        self._passed += 1


def _without_stats(state: Json) -> Json:
    return {name: value for name, value in state.items() if name != "destinationStats"}


def _additional(run: Run) -> list[float]:
    stats = [state["destinationStats"]["additionalStats"] for state in run.states]
    # Who is left out is counted as existing or unsubscribed, too.
    return [number for one in stats for name, number in one.items() if name != "left_out"]
