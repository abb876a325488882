"""Rejected records -> JSON lines in a bucket, each an Airbyte message that can be sent again.

This module alone decides how a rejected record is stored and when. Invariant: what was added is in
the bucket when `flush` returns, and no object takes the place of another.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from destination_maileon.protocol.exact_json import dumps
from destination_maileon.rejections.s3 import UPLOAD, S3Bucket, S3Timeouts, segment

if TYPE_CHECKING:
    from destination_maileon.config.model import S3Storage
    from destination_maileon.mapping.mapped_record import MappedRecord
    from destination_maileon.rejections.rejection import Rejection
    from destination_maileon.streams.catalog import StreamPlan

PART_BYTES = 5_000_000
"""Lines of one stream go out as an object when they are so many bytes."""

MAX_HELD_BYTES = 32_000_000
"""Of all streams together; beyond that the stream with the most goes out."""

_LINES = "application/x-ndjson"


class DeadLetterQueue:
    """The rejected records of one sync. Lines wait here until they are stored.

    What an upload leaves behind that fails stays, under the name that it has, and goes out with the
    next one: a request that got through although it seemed to fail is only made again.
    """

    def __init__(
        self,
        settings: S3Storage,
        *,
        clock: Callable[[], float] = time.time,
        timeouts: S3Timeouts = UPLOAD,
        part_bytes: int = PART_BYTES,
        max_held_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self._bucket = S3Bucket(settings, timeouts)
        self._clock = clock
        self._part_bytes = part_bytes
        self._max_held_bytes = max_held_bytes
        self._open: dict[StreamPlan, bytearray] = {}
        self._sealed: dict[str, bytearray] = {}
        self._parts = 0
        # Without a platform every sync has the id 0, and schedules start at the same moment.
        self._suffix = secrets.token_hex(4)

    def add(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> None:
        """Keeps the line of a rejected record, and stores lines where they become too many.

        Raises:
            SyncError: if they cannot be stored. The line is kept as long as there is room.
        """
        if self._held_bytes >= self._max_held_bytes:
            self._upload()
        line = _line(part, rejection)
        lines = self._open.setdefault(plan, bytearray())
        lines += line
        if len(lines) >= self._part_bytes:
            self._seal(plan)
            self._upload()
        elif self._held_bytes > self._max_held_bytes:
            self._seal(max(self._open, key=lambda stream: len(self._open[stream])))
            self._upload()

    def flush(self) -> None:
        """Returns when everything added before is in the bucket.

        Raises:
            ConfigError: if a person must act before it can be stored.
            TransientError: if it could not be stored now.
        """
        for plan in list(self._open):
            self._seal(plan)
        self._upload()

    @property
    def _held_bytes(self) -> int:
        return sum(map(len, (*self._open.values(), *self._sealed.values())))

    def _seal(self, plan: StreamPlan) -> None:
        now = self._clock()
        date = datetime.fromtimestamp(now, UTC)
        name = f"{date:%Y_%m_%d}_{int(now * 1000)}_{self._parts}_{self._suffix}.jsonl"
        namespace, stream = plan.key
        folders = [segment(folder) for folder in (namespace, stream) if folder is not None]
        key = self._bucket.key(str(plan.sync_id or 0), *folders, name)
        self._sealed[key] = self._open.pop(plan)
        self._parts += 1

    def _upload(self) -> None:
        for key, lines in list(self._sealed.items()):
            problem = self._bucket.put(key, bytes(lines), media_type=_LINES)
            # Raised here, where no other exception is at hand to become its context.
            if problem is not None:
                raise problem from None
            del self._sealed[key]


def _line(part: MappedRecord, rejection: Rejection) -> bytes:
    if part.message is None:
        raise ValueError("the message of a rejected record was not kept")
    further = f" Also wrong: {', '.join(rejection.other_fields)}." if rejection.other_fields else ""
    message = {
        "type": "RECORD",
        "record": part.message,
        "rejection": {
            "record_number": part.number,
            "error_code": rejection.code,
            "error_message": f"{rejection.reason}. {rejection.advice}{further}",
            "error_field": rejection.field or None,
        },
    }
    return dumps(message) + b"\n"
