"""The floor: what no Python program can do without. Read a line, parse it, escape, post.

No merging, no order, no report, no counts, and wrong input ends it. With `--lean` it looks once at
each contact for what needs escaping, and at each value only then.
"""

from __future__ import annotations

import sys

import orjson
import requests

BATCH = 1_000
FIELDS = {
    "first_name": "FIRSTNAME",
    "last_name": "LASTNAME",
    "city": "CITY",
    "zip": "ZIP",
    "country": "COUNTRY",
    "birthday": "BIRTHDAY",
    "organization": "ORGANIZATION",
    "title": "TITLE",
    "address": "ADDRESS",
}
HEADS = {column: f"<field><name>{name}</name><value>" for column, name in FIELDS.items()}


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped_contact(data: dict[str, str]) -> str:
    fields = "".join(
        f"{head}{_escape(data[column])}</value></field>"
        for column, head in HEADS.items()
        if column in data
    )
    return (
        f"<contact><email>{_escape(data['email'])}</email>"
        f"<standard_fields>{fields}</standard_fields></contact>"
    )


def _lean_contact(data: dict[str, str]) -> str:
    texts = "".join(data.values())
    if "&" in texts or "<" in texts or ">" in texts:
        return _escaped_contact(data)
    fields = "".join(
        [f"{HEADS[column]}{data[column]}</value></field>" for column in data if column in HEADS]
    )
    return (
        f"<contact><email>{data['email']}</email>"
        f"<standard_fields>{fields}</standard_fields></contact>"
    )


def main() -> None:
    contact = _lean_contact if "--lean" in sys.argv else _escaped_contact
    session = requests.Session()
    url = f"{sys.argv[1]}/contacts?sync_mode=1"
    waiting: list[str] = []
    for line in sys.stdin.buffer:
        message = orjson.loads(line)
        if message["type"] != "RECORD":
            continue
        waiting.append(contact(message["record"]["data"]))
        if len(waiting) == BATCH:
            session.post(url, data=f"<contacts>{''.join(waiting)}</contacts>".encode())
            waiting.clear()
    if waiting:
        session.post(url, data=f"<contacts>{''.join(waiting)}</contacts>".encode())


if __name__ == "__main__":
    main()
