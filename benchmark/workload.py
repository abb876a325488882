"""A kind's records as the lines that a platform would send, its catalog and its configuration.

python -m benchmark.workload KIND RECORDS    the lines on standard output
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import orjson

from benchmark.description import Column, Form, Kind, Spread, Trouble
from benchmark.kinds import KINDS

STREAM = "people"
SHARED = "shared.by.many@example.com"
_TYPES = {
    Form.INTEGER: "integer",
    Form.FLOAT: "number",
    Form.BOOLEAN: "boolean",
    Form.JSON: "object",
    Form.LIST: "array",
    Form.WHOLE: "number",
}
_BY_NAME = ("standard:", "email", "external_id", "maileon_id", "preferences")
_WINDOW = 1_500
"""Scattered records of a contact stand within so many: in one batch, or in one and the next."""
_STEP = 7_919
"""A prime, so that stepping by it through a window meets every record of it once."""


@dataclass(frozen=True, slots=True)
class Workload:
    """So many records of a kind."""

    kind: Kind
    records: int

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The input and the catalog as files, made once."""
        name = f"{self.kind.name}-{self.records}"
        lines, catalog = folder / f"{name}.jsonl", folder / f"{name}.catalog.json"
        if not lines.exists():
            catalog.write_bytes(orjson.dumps(self.catalog()))
            with lines.open("wb") as out:
                out.writelines(self.lines())
        return lines, catalog

    def catalog(self) -> dict[str, object]:
        """The configured catalog."""
        columns = self.kind.columns[:: -1 if self.kind.is_reversed else 1]
        properties = {c.name: {"type": _TYPES.get(c.form, "string")} for c in columns}
        schema = {"type": "object", "properties": properties}
        streams = [{"name": name, "json_schema": schema} for name in self._streams()]
        modes = {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
        return {"streams": [{"stream": stream, **modes} for stream in streams]}

    def config(self, base_url: str, **options: object) -> dict[str, object]:
        """The configuration: explicit for the columns that are not mapped by their names."""
        mapping = [_mapped(column) for column in self.kind.columns if _is_explicit(column)]
        streams = [{"name": name, "mapping": mapping} for name in self._streams()]
        config = {"api_key": "benchmark", "base_url": base_url, **self.kind.options, **options}
        return config | ({"streams": streams} if mapping else {})

    def lines(self) -> Iterator[bytes]:
        """The records, and the states between them."""
        dump = _ascii if self.kind.is_ascii else orjson.dumps
        streams = self._streams()
        for number in range(self.records):
            stream = streams[number % len(streams)]
            data = self._data(number)
            record = {"stream": stream, "data": data, "emitted_at": 1_790_000_000_000}
            yield dump({"type": "RECORD", "record": record}) + b"\n"
            if (number + 1) % self.kind.records_per_state == 0:
                yield _state(stream, number)

    def _streams(self) -> list[str]:
        if self.kind.streams == 1:
            return [STREAM]
        return [f"{STREAM}_{number}" for number in range(self.kind.streams)]

    def _data(self, number: int) -> dict[str, object]:
        kind = self.kind
        chance = Random(number) if kind.nulls else None
        data: dict[str, object] = {}
        for column in kind.columns:
            if column.target in ("email", "external_id", "maileon_id"):
                data[column.name] = self._identifier(column, number)
            elif chance and chance.random() < kind.nulls:
                data[column.name] = None
            else:
                data[column.name] = column.make(number)
        return data

    def _identifier(self, column: Column, number: int) -> object:
        person = self._person(number)
        every = self.kind.troubled_every
        value = column.make(person)
        if not every or column.target != "email" or person % every != every - 1:
            return value
        return SHARED if self.kind.trouble is Trouble.SHARED else f"{self.kind.trouble}.{value}"

    def _person(self, number: int) -> int:
        """The person whom a record is about."""
        if not self.kind.duplicates:
            return number
        if self.kind.spread is Spread.SCATTERED:
            start = number - number % _WINDOW
            number = start + number * _STEP % min(_WINDOW, self.records - start)
        people = max(1, round(self.records * (1 - self.kind.duplicates)))
        return number * people // self.records


def _ascii(message: object) -> bytes:
    return json.dumps(message).encode()


def _is_explicit(column: Column) -> bool:
    if column.target is None or column.target.startswith(_BY_NAME):
        return False
    return column.target != f"custom:{column.name}"


def _mapped(column: Column) -> dict[str, object]:
    entry: dict[str, object] = {"column": column.name, "target": column.target}
    return entry | ({"source": column.source} if column.source else {})


def _state(stream: str, number: int) -> bytes:
    state = {"stream_descriptor": {"name": stream}, "stream_state": {"cursor": number}}
    message = {"type": "STATE", "state": {"type": "STREAM", "stream": state, "id": number}}
    return orjson.dumps(message) + b"\n"


def _main() -> None:
    name, records = sys.argv[1:]
    sys.stdout.buffer.writelines(Workload(KINDS[name], int(records)).lines())


if __name__ == "__main__":
    _main()
