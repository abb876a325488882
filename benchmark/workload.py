"""The records of a benchmark, as the lines that a platform would send.

Ten columns by default: address, names, place, birthday, two numbers, a boolean and a text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

COLUMNS = (
    "email",
    "first_name",
    "last_name",
    "city",
    "zip",
    "country",
    "birthday",
    "organization",
    "title",
    "address",
)
LINES_PER_WRITE = 10_000


@dataclass(frozen=True, slots=True)
class Workload:
    """How many records, of what kind. `duplicates` is the share of records of earlier contacts."""

    records: int
    columns: int = 10
    duplicates: float = 0.0
    records_per_state: int = 1_000

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The input and the catalog as files."""
        name = f"{self.records}-{self.columns}-{self.duplicates}-{self.records_per_state}"
        lines, catalog = folder / f"{name}.jsonl", folder / f"{name}.catalog.json"
        if not lines.exists():
            catalog.write_bytes(orjson.dumps(self._catalog()))
            with lines.open("wb") as out:
                out.writelines(self._lines())
        return lines, catalog

    def _names(self) -> list[str]:
        more = [f"unmapped_{number}" for number in range(self.columns - len(COLUMNS))]
        return [*COLUMNS[: self.columns], *more]

    def _catalog(self) -> dict[str, object]:
        properties = {name: {"type": "string"} for name in self._names()}
        stream = {"name": "people", "json_schema": {"type": "object", "properties": properties}}
        configured = {"stream": stream, "sync_mode": "full_refresh"}
        return {"streams": [{**configured, "destination_sync_mode": "append"}]}

    def _lines(self) -> Iterator[bytes]:
        contacts = max(1, round(self.records * (1 - self.duplicates)))
        for number in range(self.records):
            person = number if number < contacts else number % contacts
            yield self._record(person)
            if (number + 1) % self.records_per_state == 0:
                yield _state(number)

    def _record(self, person: int) -> bytes:
        data = {name: f"value {person % 97} of {name}" for name in self._names()}
        data |= {"email": f"person.{person}@example.com", "birthday": "1984-05-06"}
        data = {name: data[name] for name in self._names()}
        record = {"stream": "people", "data": data, "emitted_at": 1_790_000_000_000}
        return orjson.dumps({"type": "RECORD", "record": record}) + b"\n"


def _state(number: int) -> bytes:
    stream = {"stream_descriptor": {"name": "people"}, "stream_state": {"cursor": number}}
    state = {"type": "STREAM", "stream": stream, "id": number}
    return json.dumps({"type": "STATE", "state": state}).encode() + b"\n"
