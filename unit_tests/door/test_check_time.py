"""A check ends in time, however many requests it takes and whoever is slow."""

from __future__ import annotations

import socket

import pytest

from destination_maileon import check as checking
from destination_maileon.check import problem_with
from unit_tests.maileon.local_server import LocalServer, read_request, reply

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


def test_many_requests_together_end_with_the_time_of_the_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checking, "MAX_SECONDS", 3.5)
    with LocalServer(slow_to_list) as server:
        streams = [{"name": "people", "mapping": MAPPING}]
        problem = problem_with(raw_config(server, streams=streams))
        assert "no complete answer" in (problem or "")
        # Each of them came in time.
        assert 2 < len(server.seen) < CATEGORIES
