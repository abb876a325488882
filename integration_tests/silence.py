"""What a run must not have said: the key in any form, and any value of any record.

Every run of the program that a test makes passes here. A value counts from four characters on (a
shorter one is part of many words), and if neither the program's own texts nor the names in its
configuration and catalog hold it. A STATE may hold anything, since it comes back as it was.

With `LOUD=1` in the environment the program runs with LOG_LEVEL=DEBUG and every library logs all it
has to say to the error stream, where a test finds it, since there must be nothing. `LOUD=lifted`
takes the program's silence away: then the key must not be in what libraries say, and values only
where they are known to be.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import destination_maileon
from destination_maileon.maileon.sync_options import Permission
from integration_tests import loud
from integration_tests.bookkeeping import Json

SHORTEST_VALUE = 4
TALKATIVE = frozenset({"urllib3.connectionpool"})
"""Who would tell values, were it not silenced: paths, in which the identifiers of people stand."""

_MOST_VALUES = 2_000
"""So many are looked for in what libraries say, which can be a hundred times as much."""

_MASKED = "masked"
_NAMES = frozenset({"category", "name"})
"""Of a preference in a list: names of the account, which a message may show."""


def surroundings(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the program."""
    return {**os.environ, **loud.surroundings(), **(environment or {})}


def judge(arguments: Iterable[str], given: bytes, messages: Iterable[Json], errors: str) -> None:
    """Fails the test if a run with these arguments and this input said what it must not."""
    files = [Path(argument) for argument in arguments if argument.endswith(".json")]
    contents = [path.read_text(encoding="utf-8") for path in files if path.exists()]
    config = _parsed(contents[0].encode()) if contents else None
    config = config if isinstance(config, dict) else {}
    if os.environ.get("LOUD") == loud.LIFTED:
        _judge_libraries(config, given)
    messages = list(messages)
    everything = errors + json.dumps(messages, ensure_ascii=False)
    key = config.get("api_key")
    if isinstance(key, str):
        assert [form for form in key_forms(key) if form in everything] == []
    if config.get("identifiers_in_logs", _MASKED) != _MASKED:
        return
    told = [m for m in messages if m["type"] not in {"STATE", "SPEC", "DESTINATION_CATALOG"}]
    said = "\n".join([errors, *_texts(told)])
    found = {value for value in _values(given) if value in said}
    known = "\n".join((*contents, *map(str, _texts(map(_parsed, contents)))))
    leaked = {value for value in found if value not in known and value not in _program()}
    assert leaked == set(), leaked


def _judge_libraries(config: Mapping[str, object], given: bytes) -> None:
    said = list(loud.said_in(loud.folder()))
    key = config.get("api_key")
    forms = key_forms(key) if isinstance(key, str) else set()
    assert [one.logger for one in said if any(form in one.text for form in forms)] == []
    values = set(islice(_values(given), _MOST_VALUES))
    telling = {one for one in said if any(value in unquote(one.text) for value in values)}
    loud.add_up(said, telling)
    assert {one.logger for one in telling} <= TALKATIVE


def key_forms(key: str) -> set[str]:
    """The key as it is, as it travels, and as it could stand in a URL."""
    encoded = base64.b64encode(key.encode()).decode()
    plain = {key, key.strip(), encoded, encoded.rstrip("=")}
    forms = plain | {quoting(form, safe="") for form in plain for quoting in (quote, quote_plus)}
    return {form for form in forms if len(form) >= SHORTEST_VALUE}


def _values(given: bytes) -> Iterator[str]:
    for line in given.split(b"\n"):
        message = _parsed(line)
        record = message.get("record") if isinstance(message, dict) else None
        data = record.get("data") if isinstance(record, dict) else None
        for text in _texts([data]):
            if len(text) >= SHORTEST_VALUE and text.strip():
                yield text


def _texts(values: Iterable[object]) -> Iterator[str]:
    """Every text and number in them, as text."""
    for value in values:
        if isinstance(value, dict):
            names = _NAMES if value.keys() >= _NAMES else ()
            yield from _texts(member for name, member in value.items() if name not in names)
        elif isinstance(value, list):
            yield from _texts(value)
        elif value is not None:
            yield str(value)


def _parsed(text: bytes | str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@cache
def _program() -> str:
    """The program's own words."""
    modules = Path(destination_maileon.__file__).parent.rglob("*.py")
    words = (permission.name.lower() for permission in Permission)
    return "\n".join([*(module.read_text(encoding="utf-8") for module in modules), *words])
