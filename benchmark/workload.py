"""The records of a benchmark, as the lines that a platform would send.

Ten columns of text by default: address, names, place, birthday and the like. A mixed workload has
numbers and nulls among them, and now and then a text that must be escaped; in a sparse one half of
all values but the address are null, in every combination.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from random import Random

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
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Workload:
    """How many records, of what kind. `duplicates` is the share of records of earlier contacts."""

    records: int
    columns: int = 10
    duplicates: float = 0.0
    records_per_state: int = 1_000
    is_mixed: bool = False
    is_sparse: bool = False

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The input and the catalog as files."""
        name = "-".join(map(str, astuple(self)))
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
        for number in range(self.records):
            # A contact's records follow each other, as changes of one person often do.
            yield self._record(int(number * (1 - self.duplicates)))
            if (number + 1) % self.records_per_state == 0:
                yield _state(number)

    def _record(self, person: int) -> bytes:
        data: dict[str, object] = {n: f"value {person % 97} of {n}" for n in self._names()}
        day = f"{1930 + person % 80}-{1 + person % 12:02}-{1 + person % 28:02}"
        data |= {"email": f"person.{person}@example.com", "birthday": day}
        if self.is_mixed:
            data |= _mixed(person)
        if self.is_sparse:
            chance = Random(person)
            data |= {name: None for name in data if name != "email" and chance.random() < HALF}
        data = {name: data[name] for name in self._names()}
        record = {"stream": "people", "data": data, "emitted_at": 1_790_000_000_000}
        return orjson.dumps({"type": "RECORD", "record": record}) + b"\n"


def _mixed(person: int) -> dict[str, object]:
    return {
        "zip": 10_000 + person % 90_000,
        "title": None if person % 3 else "Dr.",
        "organization": "Müller & Söhne" if person % 20 == 0 else "Example GmbH",
        "address": None if person % 5 else f"Straße {person % 200}",
        "country": person % 7 == 0,
        "last_name": person / 4,
    }


def _state(number: int) -> bytes:
    stream = {"stream_descriptor": {"name": "people"}, "stream_state": {"cursor": number}}
    state = {"type": "STREAM", "stream": stream, "id": number}
    return json.dumps({"type": "STATE", "state": state}).encode() + b"\n"
