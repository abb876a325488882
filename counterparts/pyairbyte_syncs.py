"""Syncs as a person runs them with PyAirbyte: source-faker into Maileon, at once and out of caches.

Runs in the environment of pyairbyte.in. What to connect comes as JSON on standard input; what came
of it goes as JSON into the file that is named there. Decides nothing about what is right: that is
the test's part.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# Before the import, which reads them.
os.environ |= {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1", "NO_LIVE_PROGRESS": "1"}

import airbyte as ab
from airbyte.caches import CacheBase, DuckDBCache, PostgresCache
from airbyte.destinations import Destination
from airbyte.exceptions import PyAirbyteError
from airbyte.sources import Source
from sqlalchemy import text

Json = dict[str, Any]
STREAM = "users"


def main() -> None:
    job: Json = json.load(sys.stdin)
    source = ab.get_source(
        "source-faker",
        config=job["source_config"],
        local_executable=Path(job["source"]),
        streams=[STREAM],
    )
    outcome = {name: _SYNCS[name](source, job) for name in job["syncs"]}
    Path(job["outcome"]).write_text(json.dumps(outcome, default=str), encoding="utf-8")


def _direct(source: Source, job: Json) -> Json:
    """Twice with one state cache, no record of the source's being kept."""
    states = DuckDBCache(db_path=Path(job["folder"], "states.duckdb"))
    destination = _destination(job, "direct")
    runs = [destination.write(source, cache=False, state_cache=states) for _ in range(2)]
    return {
        "check": _checked(destination),
        "check_with_a_wrong_key": _checked(_destination(job, "direct", api_key="wrong")),
        "written": [run.processed_records for run in runs],
        "state": _state(states, destination),
    }


def _out_of_duckdb(source: Source, job: Json) -> Json:
    """A cache that is read once and written twice."""
    cache = DuckDBCache(db_path=Path(job["folder"], "cache.duckdb"))
    return _out_of(cache, source, _destination(job, "duckdb"), change="")


def _out_of_postgres(source: Source, job: Json) -> Json:
    """A warehouse in which a row is changed between two runs."""
    cache = PostgresCache(**job["postgres"])
    change = f"UPDATE {STREAM} SET name = 'Zoë' WHERE id = 7"  # noqa: S608 - nothing from outside
    return _out_of(cache, source, _destination(job, "postgres"), change=change)


_SYNCS = {"direct": _direct, "duckdb": _out_of_duckdb, "postgres": _out_of_postgres}


def _out_of(cache: CacheBase, source: Source, destination: Destination, *, change: str) -> Json:
    read = source.read(cache=cache, skip_validation=True)
    rows = [dict(row) for row in read[STREAM]]
    first = destination.write(read)
    if change:
        with cache.get_sql_engine().begin() as connection:
            connection.execute(text(f"SET search_path TO {cache.schema_name}"))
            connection.execute(text(change))
    second = destination.write(read)
    return {
        "read": read.processed_records,
        "rows": rows,
        "written": [first.processed_records, second.processed_records],
        "state": _state(cache, destination),
    }


def _destination(job: Json, name: str, **changes: str) -> Destination:
    return ab.get_destination(
        "destination-maileon",
        config={**job["destination_configs"][name], **changes},
        local_executable=Path(job["destination"]),
    )


def _checked(destination: Destination) -> str:
    """Nothing, or the words in which PyAirbyte passes on a failed check."""
    try:
        destination.check()
    except PyAirbyteError as error:
        return str(error)
    return ""


def _state(cache: CacheBase, destination: Destination) -> Json:
    """What PyAirbyte will start the next sync into this destination from."""
    provider = cache.get_state_provider("source-faker", destination_name=destination.name)
    stream: Json = json.loads(provider.get_stream_state(STREAM).model_dump_json())
    return stream


if __name__ == "__main__":
    main()
