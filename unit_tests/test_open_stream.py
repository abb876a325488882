"""A stream is compiled anew only when a record brings a column that goes somewhere."""

from __future__ import annotations

import pytest

from destination_maileon import open_stream
from destination_maileon.columns import ColumnResolver
from destination_maileon.mapping import RecordMapper
from destination_maileon.open_stream import MAX_TABLES, OpenStream
from destination_maileon.output import Level
from unit_tests.builders import a_config, a_plan, an_account


class Compiled:
    """A stream with an email, how often it was compiled, and what it logged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self.said: list[str] = []

        def counted(*arguments: object) -> RecordMapper:
            self.times += 1
            return RecordMapper(*arguments)  # type: ignore[arg-type] # passed on as they came

        monkeypatch.setattr(open_stream, "RecordMapper", counted)
        config, plan = a_config(), a_plan(properties={"email": {}})
        resolver = ColumnResolver(plan, config, an_account())
        columns = resolver.before_first_record()
        self.stream = OpenStream(plan, resolver, columns=columns, config=config)

    def learn(self, **data: object) -> None:
        self.stream.learn(data, self._log)

    def _log(self, level: Level, text: str) -> None:
        self.said.append(f"{level} {text}")


def test_columns_that_go_nowhere_are_known_without_another_compilation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = Compiled(monkeypatch)
    for n in range(3_000):
        compiled.learn(email="a@b.de", **{f"key{n}": n})
    assert compiled.times == 1
    assert compiled.stream.plain.element({"email": "a@b.de", "key7": 1}) is not None
    assert compiled.stream.mapper.known_columns > {"key0", "key2999"}


def test_a_column_that_goes_somewhere_is_compiled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Compiled(monkeypatch)
    compiled.learn(email="a@b.de", first_name="Ada", key=1)
    assert compiled.times == 2
    written = compiled.stream.plain.element({"email": "a@b.de", "first_name": "Ada"})
    assert written is not None
    assert b"Ada" in written[0]


def test_it_is_not_told_for_ever_where_columns_go(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Compiled(monkeypatch)
    for n in range(100):
        compiled.learn(**{f"key{n}": n})
    tables = [text for text in compiled.said if "seen first in a record" in text]
    assert len(tables) == MAX_TABLES
    assert tables[-1].endswith("Further columns that only records have are not listed.")
    assert len(compiled.said) <= MAX_TABLES + 1
