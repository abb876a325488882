"""The floor: read a line, parse it, escape each value into one string per contact, post.

That is the plain way, and not the least that Python can do: a ratio may be below 1. Each kind has a
floor of its own, put together from the kind's description: it writes the same contacts as the
connector, in as many calls, and does nothing that its kind does not need. No order, no report, no
counts, no states; wrong input ends it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, TypeAlias
from urllib.parse import quote

import orjson
import requests

from benchmark.description import TEXT_CHARACTERS, UNCLEAR, Column, Form, Kind, Removal

BATCH = 1_000
MOST_RECORDS = 10 * BATCH
SECTIONS = ("standard_fields", "custom_fields", "preferences")
PERMISSIONS = {
    name: number
    for number, name in enumerate(
        (
            "none",
            "single_opt_in",
            "confirmed_opt_in",
            "double_opt_in",
            "double_opt_in_plus",
            "other",
        ),
        start=1,
    )
}
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")

Data: TypeAlias = dict[str, Any]
Write: TypeAlias = Callable[[Any], str]
Encode: TypeAlias = Callable[[Data], str]
Place: TypeAlias = tuple[str, str, Write, str]
"""Column, what stands before its value, how the value is written, what stands after it."""


def run(kind: Kind, url: str, source: IO[bytes]) -> int:
    """Writes what the source says to the sink; 0."""
    with requests.Session() as session:
        floor = Floor(kind, session, url)
        if kind.removal:
            floor.remove(source)
        elif kind.duplicates:
            floor.merge(source)
        elif kind.streams > 1 or kind.permission:
            floor.part(source)
        elif kind.doubtful:
            floor.sift(source)
        else:
            floor.write(source)
    return 0


class Floor:
    """The loops, one for each sort of kind."""

    def __init__(self, kind: Kind, session: requests.Session, url: str) -> None:
        self._kind = kind
        self._session = session
        self._url = url
        self._encode = encoder(kind)

    def write(self, source: IO[bytes]) -> None:
        """One list of contacts."""
        encode, waiting = self._encode, []
        for line in source:
            message = orjson.loads(line)
            if message["type"] != "RECORD":
                continue
            waiting.append(encode(message["record"]["data"]))
            if len(waiting) == BATCH:
                self._post(waiting)
                waiting = []
        self._post(waiting)

    def sift(self, source: IO[bytes]) -> None:
        """The same, less the records that say neither yes nor no."""
        encode, doubtful, waiting = self._encode, self._kind.doubtful, []
        for line in source:
            message = orjson.loads(line)
            if message["type"] != "RECORD":
                continue
            data = message["record"]["data"]
            if data[doubtful] == UNCLEAR:
                continue
            waiting.append(encode(data))
            if len(waiting) == BATCH:
                self._post(waiting)
                waiting = []
        self._post(waiting)

    def part(self, source: IO[bytes]) -> None:
        """A list for each stream and permission."""
        encode, consent = self._encode, self._kind.permission
        lists: dict[tuple[str, str | None], list[str]] = {}
        for line in source:
            message = orjson.loads(line)
            if message["type"] != "RECORD":
                continue
            record = message["record"]
            data = record["data"]
            key = record["stream"], data[consent.name] if consent else None
            waiting = lists.setdefault(key, [])
            waiting.append(encode(data))
            if len(waiting) == BATCH:
                self._post(lists.pop(key), key[1])
        for (_, permission), waiting in lists.items():
            self._post(waiting, permission)

    def merge(self, source: IO[bytes]) -> None:
        """One entry for each contact: later records win, column by column where some are null."""
        encode = self._encode
        is_whole = not self._kind.nulls
        waiting: dict[str, Any] = {}
        records = 0
        for line in source:
            message = orjson.loads(line)
            if message["type"] != "RECORD":
                continue
            data = message["record"]["data"]
            key = data["email"].lower()
            if is_whole:
                waiting[key] = encode(data)
            else:
                given = {name: value for name, value in data.items() if value is not None}
                waiting[key] = waiting[key] | given if key in waiting else given
            records += 1
            if len(waiting) == BATCH or records == MOST_RECORDS:
                self._post(waiting.values() if is_whole else map(encode, waiting.values()))
                waiting, records = {}, 0
        self._post(waiting.values() if is_whole else [*map(encode, waiting.values())])

    def remove(self, source: IO[bytes]) -> None:
        """A call for each record."""
        tail = "/unsubscribe" if self._kind.removal is Removal.UNSUBSCRIBE else ""
        for line in source:
            message = orjson.loads(line)
            if message["type"] != "RECORD":
                continue
            email = quote(message["record"]["data"]["email"], safe="")
            self._session.delete(f"{self._url}/contacts/email/{email}{tail}").raise_for_status()

    def _post(self, contacts: Iterable[str], permission: str | None = None) -> None:
        body = f"<contacts>{''.join(contacts)}</contacts>".encode()
        if body == b"<contacts></contacts>":
            return
        chosen = f"&permission={PERMISSIONS[permission]}" if permission else ""
        self._session.post(f"{self._url}/contacts?sync_mode=1{chosen}", data=body)


def encoder(kind: Kind) -> Encode:
    """What makes a contact of the data of a record."""
    identifiers = _places(kind, "identifiers")
    sections = [
        (f"<{section}>", places, f"</{section}>")
        for section in SECTIONS
        if (places := _places(kind, section))
    ]
    if not kind.nulls:
        groups = [("<contact>", identifiers, ""), *sections]
        places = [place for group in groups for place in _enclosed(*group)]
        return lambda data: f"{_joined(data, places)}</contact>"
    join = _joined_cleared if kind.clears else _joined_kept

    def encode(data: Data) -> str:
        contact = _joined(data, identifiers)
        for head, places, tail in sections:
            if fields := join(data, places):
                contact += f"{head}{fields}{tail}"
        return f"<contact>{contact}</contact>"

    return encode


def _enclosed(before: str, places: Sequence[Place], after: str) -> list[Place]:
    """Places with what stands around all of them in the first head and the last tail."""
    name, head, write, tail = places[0]
    enclosed = [(name, before + head, write, tail), *places[1:]]
    name, head, write, tail = enclosed[-1]
    return [*enclosed[:-1], (name, head, write, tail + after)]


def _joined(data: Data, places: Iterable[Place]) -> str:
    return "".join([f"{head}{write(data[name])}{tail}" for name, head, write, tail in places])


def _joined_kept(data: Data, places: Iterable[Place]) -> str:
    return "".join(
        [
            f"{head}{write(data[name])}{tail}"
            for name, head, write, tail in places
            if data.get(name) is not None
        ]
    )


def _joined_cleared(data: Data, places: Iterable[Place]) -> str:
    return "".join(
        [
            f"{head}{write(data[name])}{tail}"
            if data[name] is not None
            else f'{head.removesuffix("<value>")}<value nil="true"/></field>'
            for name, head, write, tail in places
        ]
    )


def _places(kind: Kind, section: str) -> list[Place]:
    return [_place(kind, column) for column in kind.columns if _section(column) == section]


def _section(column: Column) -> str | None:
    kind = (column.target or "").partition(":")[0]
    return {
        "email": "identifiers",
        "external_id": "identifiers",
        "maileon_id": "identifiers",
        "standard": "standard_fields",
        "custom": "custom_fields",
        "preference": "preferences",
        "preferences": "preferences",
    }.get(kind)


def _place(kind: Kind, column: Column) -> Place:
    target, _, name = (column.target or "").partition(":")
    if target in {"standard", "custom"}:
        head, tail = f"<field><name>{name}</name><value>", "</value></field>"
    elif target == "preference":
        category, _, preference = name.partition("/")
        head = f"<preference><name>{preference}</name><category>{category}</category><value>"
        source = f"<source>{column.source}</source>" if column.source else ""
        tail = f"</value>{source}</preference>"
    elif target == "preferences":
        head = tail = ""
    else:
        tag = "id" if target == "maileon_id" else target
        head, tail = f"<{tag}>", f"</{tag}>"
    return column.name, head, _write(kind, column), tail


def _write(kind: Kind, column: Column) -> Write:
    if column.form is Form.TEXT and kind.cuts:
        return _cut
    if column.form is Form.TEXT and kind.has_control_characters:
        return _cleaned
    return _WRITE[column.form]


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str) -> str:
    return _escape(text[:TEXT_CHARACTERS])


def _cleaned(text: str) -> str:
    return _escape(FORBIDDEN.sub("", text))


def _boolean(value: bool) -> str:  # noqa: FBT001 - it is a value
    return "true" if value else "false"


def _day(text: str) -> str:
    return _escape(text[: len("2024-05-01")])


def _time(text: str) -> str:
    day, time = text[: len("2024-05-01")], text[len("2024-05-01T") : len("2024-05-01T10:00:00")]
    return _escape(f"{day} {time}")


def _whole(value: float) -> str:
    return str(int(value))


def _json(value: object) -> str:
    return _escape(orjson.dumps(value).decode())


def _listed(preferences: list[Data]) -> str:
    return "".join(
        [
            f"<preference><name>{_escape(one['name'])}</name>"
            f"<category>{_escape(one['category'])}</category>"
            f"<value>{_boolean(one['value'])}</value>"
            f"<source>{_escape(one['source'])}</source></preference>"
            for one in preferences
        ]
    )


_WRITE: Mapping[Form, Write] = {
    Form.TEXT: _escape,
    Form.INTEGER: str,
    Form.FLOAT: str,
    Form.BOOLEAN: _boolean,
    Form.DATE: _day,
    Form.TIMESTAMP: _time,
    Form.JSON: _json,
    Form.LIST: _listed,
    Form.WHOLE: _whole,
}
