"""How the time of a check is shared out. What it asks and says is tested from outside."""

from __future__ import annotations

import socket

import pytest

from destination_maileon import check as checking
from destination_maileon.check import MAX_SECONDS, discovered, problem_with
from destination_maileon.config.spec import S3Storage
from destination_maileon.config.validation import load_config
from destination_maileon.errors import TransientError
from destination_maileon.rejections.s3 import CHECK_SECONDS
from unit_tests.maileon.local_server import LocalServer, read_request, reply

BUCKET = {
    "storage_type": "S3",
    "s3_bucket_name": "rejected",
    "s3_bucket_region": "us-east-1",
    "bucket_path": "maileon",
}
CONFIG = {
    "api_key": "made-up-key",
    # Nobody listens there.
    "base_url": "http://127.0.0.1:9/1.0",
    "object_storage_config": BUCKET,
}


class Clock:
    """So many seconds pass whenever somebody looks at it after the first time."""

    def __init__(self, step: float) -> None:
        self._now, self._step = -step, step

    def __call__(self) -> float:
        self._now += self._step
        return self._now


@pytest.mark.parametrize(
    ("seconds_for_maileon", "seconds_for_the_bucket"), [(0.0, CHECK_SECONDS), (9.0, 3.0)]
)
def test_the_bucket_gets_what_maileon_left(
    monkeypatch: pytest.MonkeyPatch, seconds_for_maileon: float, seconds_for_the_bucket: float
) -> None:
    allowed: list[float] = []

    def check(settings: S3Storage, *, seconds: float) -> None:
        del settings
        allowed.append(seconds)

    monkeypatch.setattr(checking, "check_bucket", check)
    assert problem_with(CONFIG, now=Clock(seconds_for_maileon)) is not None
    assert allowed == [seconds_for_the_bucket]


def test_without_time_nothing_more_is_asked() -> None:
    problem = problem_with(CONFIG, now=Clock(MAX_SECONDS))
    assert problem is not None
    assert problem.count("no time was left for the bucket") == 1


CATEGORIES = 200
MAPPING = [{"column": "weekly", "target": "preference:C1/Weekly"}]


def slow_to_list(server: LocalServer, connection: socket.socket) -> None:
    """Answers at once, but for the preferences of each of many categories."""
    names = "".join(
        f"<preference_category><name>C{n}</name></preference_category>" for n in range(CATEGORIES)
    )
    categories = f"<preference_categories>{names}</preference_categories>".encode()
    while (seen := read_request(connection)) is not None:
        server.seen.append(seen)
        if seen.target.endswith("/preferences"):
            server.closing.wait(0.05)
            connection.sendall(reply(200, b"<preferences/>"))
        else:
            connection.sendall(reply(200, categories if "preference" in seen.target else b""))


def raw_config(server: LocalServer, **keys: object) -> dict[str, object]:
    return {"api_key": "a-made-up-key", "base_url": server.url, **keys}


def test_many_requests_together_end_with_the_time_of_the_check() -> None:
    with LocalServer(slow_to_list) as server:
        streams = [{"name": "people", "mapping": MAPPING}]
        problem = problem_with(raw_config(server, streams=streams), seconds=0.5)
        assert "no complete answer" in (problem or "")
        # Each of them came in time.
        assert 2 < len(server.seen) < CATEGORIES


def test_a_discovery_that_gets_no_answer_ends_in_time() -> None:
    with LocalServer(busy) as server:
        config = load_config(raw_config(server, max_retry_seconds=900, request_timeout_seconds=600))
        with pytest.raises(TransientError, match=r"503.* Refresh the fields"):
            discovered(config)
    assert len(server.seen) == 1


def busy(server: LocalServer, connection: socket.socket) -> None:
    while (seen := read_request(connection)) is not None:
        server.seen.append(seen)
        connection.sendall(reply(503, headers=("Retry-After: 600",)))
