"""Rejected records -> JSON lines in a bucket, each an Airbyte message that can be sent again.

This module alone decides how a rejected record is stored and when, and what a person is told of it.
Invariant: what was added is in the bucket when `flush` returns, and no object takes the place of
another, but for the report of a sync that is made again.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from destination_maileon.config.model import titled
from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.protocol.exact_json import dumps, members
from destination_maileon.rejections.rejection import Rejection, RejectionLog
from destination_maileon.rejections.s3 import S3Bucket
from destination_maileon.streams.catalog import StreamPlan

MAX_HELD_BYTES = 5_000_000
"""Lines of all streams together; then they go out, as an object for each stream."""


class DeadLetterQueue:
    """The rejected records of one sync. Lines wait here until they are stored.

    `during` carries out an upload, which may take minutes.
    """

    def __init__(
        self,
        bucket: S3Bucket,
        *,
        during: Callable[[Callable[[], None]], None] = lambda upload: upload(),
        clock: Callable[[], float] = time.time,
        max_held_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self._bucket = bucket
        self._during = during
        self._clock = clock
        self._max_held_bytes = max_held_bytes
        self._open: dict[StreamPlan, bytearray] = {}
        self._parts = 0
        # Without a platform every sync has the id 0, and schedules start at the same moment.
        self._suffix = secrets.token_hex(4)

    def add(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        """Keeps the line of a rejected record, and stores lines where they become too many.

        Raises:
            ConfigError, TransientError: as `S3Bucket.put`.
        """
        line = _line(part, rejection)
        self._open.setdefault(plan, bytearray()).extend(line)
        if sum(map(len, self._open.values())) >= self._max_held_bytes:
            self.flush()

    def flush(self) -> None:
        """Returns when everything added before is in the bucket; raises what `add` does."""
        for plan in list(self._open):
            now = self._clock()
            date = datetime.fromtimestamp(now, UTC)
            name = f"{date:%Y_%m_%d}_{int(now * 1000)}_{self._parts}_{self._suffix}.jsonl"
            key = self._bucket.key(*_folders(plan), name)
            self._put(key, bytes(self._open[plan]), "application/x-ndjson")
            del self._open[plan]
            self._parts += 1

    def location(self, plan: StreamPlan) -> str:
        """Where the rejected records of the stream are, for a person."""
        return self._bucket.url(*_folders(plan))

    def store_report(self, plan: StreamPlan, report: Mapping[str, object]) -> None:
        """Stores the report of a sync beside its rejected records; any of its plans will do.

        Raises what `add` does.
        """
        key = self._bucket.key(_folders(plan)[0], "report.json")
        self._put(key, dumps(dict(report)) + b"\n", "application/json")

    def _put(self, key: str, body: bytes, media_type: str) -> None:
        self._during(partial(self._bucket.put, key, body, media_type))


def where_stored(store: DeadLetterQueue | None, plan: StreamPlan) -> str:
    """What a person is told at the end: where the rejected records are, or how to have them."""
    if store is not None:
        where = store.location(plan)
        return f"The rejected records are in {where}, as messages that can be sent again."
    choice = f"choose S3 under {titled('object_storage_config')}"
    return f"The rejected records are not stored: to have them, {choice}."


def run_report(
    streams: Iterable[tuple[StreamPlan, Mapping[str, object]]],
    rejections: RejectionLog,
    not_in_catalog: int = 0,
) -> dict[str, object]:
    """The counts of a sync by stream, and of what was rejected by reason; it names no person."""
    return {
        "streams": [
            {
                "namespace": plan.key[0],
                "name": plan.key[1],
                **counts,
                "rejections": [
                    {
                        "error_code": rejection.code,
                        "reason": rejection.reason,
                        "field": rejection.field or None,
                        "records": records,
                    }
                    for rejection, records in rejections.counts(plan)
                ],
            }
            for plan, counts in streams
        ],
        "records_not_in_catalog": not_in_catalog,
    }


def _folders(plan: StreamPlan) -> list[str]:
    """That of the sync, and those of the stream in it."""
    return [str(plan.sync_id or 0), *(name for name in plan.key if name is not None)]


def _line(part: MappedRecord, rejection: Rejection) -> bytes:
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
    return dumps(stored) + b"\n"
