"""Rejected records -> JSON lines in a bucket, each an Airbyte message that can be sent again.

Invariant: what was added is in the bucket when `flush` returns, and only reports are replaced.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.protocol.exact_json import dumps, members
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.rejections.s3 import S3Bucket
from destination_maileon.streams.catalog import StreamPlan

MAX_HELD_BYTES = 5_000_000
"""Lines of all streams together; then they go out, as an object for each stream."""


class DeadLetterQueue:
    """The rejected records of one sync. `during` carries out an upload, which may take minutes."""

    def __init__(
        self,
        bucket: S3Bucket,
        *,
        during: Callable[[Callable[[], None]], None] = lambda upload: upload(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bucket = bucket
        self._during = during
        self._clock = clock
        self._open: dict[StreamPlan, bytearray] = {}
        self._parts = 0
        # Without a platform every sync has the id 0, and schedules start at the same moment.
        self._suffix = secrets.token_hex(4)

    def add(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        """Keeps the line of a rejected record; if there are many, stores all. Raises as `put`."""
        stored = {
            "type": "RECORD",
            "record": members(part.message or b"")["record"],
            "rejection": {
                "record_number": part.number,
                "error_code": rejection.code,
                "error_message": f"{rejection.reason}. {rejection.advice}",
                "error_field": rejection.field or None,
            },
        }
        self._open.setdefault(plan, bytearray()).extend(dumps(stored) + b"\n")
        if sum(map(len, self._open.values())) >= MAX_HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Returns when everything added before is in the bucket; raises what `add` does."""
        for plan in list(self._open):
            now = self._clock()
            date = datetime.fromtimestamp(now, UTC)
            name = f"{date:%Y_%m_%d}_{int(now * 1000)}_{self._parts}_{self._suffix}.jsonl"
            self._put([*_folders(plan), name], bytes(self._open[plan]), "application/x-ndjson")
            del self._open[plan]
            self._parts += 1

    def location(self, plan: StreamPlan) -> str:
        """Where the rejected records of the stream are, for a person."""
        return f"s3://{self._bucket.name}/{self._bucket.key(*_folders(plan))}"

    def store_report(self, plan: StreamPlan, report: Mapping[str, object]) -> None:
        """Stores the report of the sync of this stream; raises what `add` does."""
        path = [_folders(plan)[0], "report.json"]
        self._put(path, dumps(dict(report)) + b"\n", "application/json")

    def _put(self, path: list[str], body: bytes, media_type: str) -> None:
        self._during(lambda: self._bucket.put(self._bucket.key(*path), body, media_type))


def _folders(plan: StreamPlan) -> list[str]:
    """That of the sync, and those of the stream in it."""
    return [str(plan.sync_id or 0), *(name for name in plan.key if name is not None)]
