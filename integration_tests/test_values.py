"""Values on their way from JSON to XML: every cell of the table of conversions, and odd texts."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from destination_maileon.maileon.contact import FieldType
from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, columns
from integration_tests.platform import record, stream, stream_state
from integration_tests.sent import sent
from maileon_sandbox import Account
from scripts.documents import MAPPING
from unit_tests.mapping.test_converters import CELLS, COLUMNS, TABLE

STANDARD = {FieldType.GENDER: "GENDER", FieldType.LOCALE: "LOCALE"}
CUSTOM = [kind for kind in COLUMNS if kind not in STANDARD]
# Each value, and what arrives of it in a text field.
TEXTS = {
    "255 characters": ("ä" * 255, "ä" * 255),
    "255 emoji": ("😀" * 255, "😀" * 255),
    "right to left": ("שלום \u200fمرحبا\u200e", "שלום \u200fمرحبا\u200e"),
    "an emoji of several": ("👩‍👩‍👧‍👦 🇩🇪", "👩‍👩‍👧‍👦 🇩🇪"),
    "combining marks": ("Zoe\u0308", "Zoe\u0308"),
    "the end of a CDATA section": ("a ]]> b <![CDATA[c]]>", "a ]]> b <![CDATA[c]]>"),
    "markup": ("<b>&amp;</b> \"'", "<b>&amp;</b> \"'"),
    "line ends": ("one\r\ntwo\rthree\n\tfour", "one\r\ntwo\rthree\n\tfour"),
    "space around": ("  a  ", "  a  "),
    "forbidden characters": ("a\x00b\x07c\x1b\ufffe\uffffd", "abcd"),
    "characters that are allowed": (
        "\x7f\x85\xa0\u2028\ufdd0\U0010ffff",
        "\x7f\x85\xa0\u2028\ufdd0\U0010ffff",
    ),
    "a surrogate alone": ("a\ud83db", "ab"),
    "nothing": ("", ""),
}
NAMES = ("Eye Color", "R&D", "<b>", 'the "best"', "it's", "Größe/cm", "日本語", "]]>")


def _json(value: object) -> str:
    """JSON as sources write it, every digit of a number included."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)}:{_json(one)}" for key, one in value.items())
        return f"{{{','.join(pairs)}}}"
    return json.dumps(value)


def _line(data: dict[str, object]) -> bytes:
    return f'{{"type":"RECORD","record":{{"stream":"people","data":{_json(data)}}}}}\n'.encode()


def _synced(connection: Connection, given: bytes, *fields: str, **config: Any) -> Run:
    run = connection.write(given, stream(columns(*fields)), **config)
    assert run.exit_code == 0
    return run


def test_every_cell_of_the_table_arrives_as_it_stands_there(connection: Connection) -> None:
    for kind in CUSTOM:
        connection.sandbox.account.add_custom_field(str(kind), str(kind))
    names = [*map(str, CUSTOM), *STANDARD.values()]
    given = b"".join(
        _line({"email": f"row{n}@example.com", **dict.fromkeys(names, value)})
        for n, (value, *_) in enumerate(TABLE)
    )
    _synced(connection, given, *names)
    # What Maileon thinks of them is another matter.
    contacts = sent(connection.synchronizations[0])
    rows = [CELLS[at : at + len(COLUMNS)] for at in range(0, len(CELLS), len(COLUMNS))]
    assert len(contacts) == len(rows) == len(TABLE)
    for n, row in enumerate(rows):
        contact = contacts[f"row{n}@example.com"]
        expected = {str(kind): text for _, kind, text in row if text is not None}
        arrived = contact.custom | {
            str(kind): contact.standard[name]
            for kind, name in STANDARD.items()
            if name in contact.standard
        }
        assert arrived == expected, row


def test_odd_texts_and_odd_names_arrive_as_they_were(connection: Connection) -> None:
    for name in NAMES:
        connection.sandbox.account.add_custom_field(name)
    data: list[dict[str, object]] = [
        {"email": f"p{n}@example.com", **dict.fromkeys(NAMES, text)}
        for n, (text, _) in enumerate(TEXTS.values())
    ]
    run = _synced(connection, b"".join(map(_line, data)), *NAMES)
    assert [said for said in run.logs("WARN") if "rejected" in said] == []
    account = connection.sandbox.account
    for n, (kind, (_, arrived)) in enumerate(TEXTS.items()):
        contact = account.by_email(f"p{n}@example.com")
        assert contact is not None
        assert dict(contact.custom_fields) == dict.fromkeys(NAMES, arrived), kind
    (cleaned,) = (said for said in run.logs("WARN") if "XML 1.0" in said)
    assert "2 records held characters" in cleaned


def test_text_over_255_characters_is_refused_or_cut(connection: Connection) -> None:
    data = {"email": "a@example.com", "first_name": "😀" * 256}
    run = connection.sync([record(data), stream_state(1)], stream(columns("first_name")))
    assert run.stats == [(0, 1)]
    run = connection.sync(
        [record(data), stream_state(1)], stream(columns("first_name")), truncate_long_text=True
    )
    assert run.stats == [(1, 0)]
    (contact,) = connection.sandbox.account.contacts()
    assert contact.standard_fields == {"FIRSTNAME": "😀" * 127}


# The rows of the page's table of values: target, value, and what the call carries then.
DOCUMENTED_ROWS: dict[str, list[tuple[str, object, str | None]]] = {
    "`true`, `false`": [("yes", True, "true"), ("yes", False, "false")],
    "`42.0` for a whole number field": [("whole", 42.0, "42"), ("whole", "42.0", "42")],
    "other numbers": [
        ("number", 1e-7, "0.0000001"),
        ("text", 12345678901234567890, "12345678901234567890"),
    ],
    "a date or timestamp for a date field": [
        ("day", "2024-05-01T23:59:59-11:00", "2024-05-01"),
        ("BIRTHDAY", "2024-05-01 00:00:00+14", "2024-05-01"),
    ],
    "`male`, `female`, `diverse`, `männlich`, `weiblich`, `w`, `divers` for GENDER": [
        ("GENDER", "Male", "m"),
        ("GENDER", "FEMALE", "f"),
        ("GENDER", "diverse", "d"),
        ("GENDER", "Männlich", "m"),
        ("GENDER", "weiblich", "f"),
        ("GENDER", "w", "f"),
        ("GENDER", "divers", "d"),
    ],
    "`de-DE` for LOCALE": [("LOCALE", "de-DE", "de_DE")],
    "space around a value that is no text": [
        ("whole", " 42 ", "42"),
        ("GENDER", " m ", "m"),
        ("text", " a ", " a "),
    ],
    "an object or a list": [("text", {"a": [1, "ä"]}, '{"a":[1,"ä"]}')],
    "null, or an empty string": [
        ("text", None, None),
        ("GENDER", None, None),
        *((name, "", None) for name in ("whole", "number", "day", "yes", "BIRTHDAY", "LOCALE")),
        ("text", "", ""),
    ],
    "text over 255 characters": [("text", "x" * 256, "x" * 256)],
    "characters that XML 1.0 forbids": [("text", "a\x01b", "ab")],
}


def test_the_pages_table_of_values_holds_row_by_row(connection: Connection) -> None:
    _, _, section = MAPPING.read_text(encoding="utf-8").partition("\n## Values\n")
    rows = re.findall(r"^\| (.*?) \|", section.partition("\n##")[0], re.MULTILINE)
    assert [row for row in rows if row != "value" and not row.startswith("---")] == [
        *DOCUMENTED_ROWS
    ]
    types = {"text": "string", "whole": "integer", "number": "float", "day": "date"}
    for name, kind in {**types, "yes": "boolean"}.items():
        connection.sandbox.account.add_custom_field(name, kind)
    cases = [case for row in DOCUMENTED_ROWS.values() for case in row]
    given = b"".join(
        _line({"email": f"p{n}@example.com", name: value})
        for n, (name, value, _) in enumerate(cases)
    )
    _synced(connection, given, *types, "yes", "BIRTHDAY", "GENDER", "LOCALE")
    contacts = sent(connection.synchronizations[0])
    for n, (name, _, expected) in enumerate(cases):
        contact = contacts[f"p{n}@example.com"]
        arrived: Json = {**contact.custom, **contact.standard}
        assert arrived == ({} if expected is None else {name: expected})


def _account_of_one(connection: Connection) -> Account:
    """Of a contact of whom everything is known."""
    account = connection.sandbox.account
    account.add_custom_field("hat")
    account.add_custom_field("coat")
    account.add_preference("News", "Weekly")
    account.add_contact(
        "a@example.com",
        external_id="x",
        permission=4,
        standard_fields={"FIRSTNAME": "Max", "BIRTHDAY": "2001-02-03"},
        custom_fields={"hat": "red", "coat": "blue"},
        preferences={("News", "Weekly"): ("true", "form")},
    )
    return account


@pytest.mark.parametrize("policy", ["keep", "clear"])
def test_null_keeps_or_clears_for_all_and_for_each_mapped_column(
    connection: Connection, policy: str
) -> None:
    account = _account_of_one(connection)
    other = {"keep": "clear", "clear": "keep"}[policy]
    nothing = dict.fromkeys(
        ("external_id", "first_name", "birthday", "hat", "coat", "weekly", "consent")
    )
    rows = [
        {"column": "hat", "target": "custom:hat", "null_values": other},
        {"column": "weekly", "target": "preference:News/Weekly"},
        {"column": "consent", "target": "permission"},
    ]
    run = connection.sync(
        # A column that is not there at all clears nothing.
        [record({"email": "a@example.com", **nothing, "coat": "green"}), stream_state(1)],
        stream(columns(*nothing)),
        null_values=policy,
        streams=[{"name": "people", "mapping": rows}],
    )
    assert run.stats == [(1, 0)]
    (contact,) = sent(connection.synchronizations[0]).values()
    cleared = {"FIRSTNAME": None, "BIRTHDAY": None} if policy == "clear" else {}
    assert contact.standard == cleared
    assert contact.custom == ({"hat": None} if other == "clear" else {}) | {"coat": "green"}
    assert contact.preferences == {}
    (now,) = account.contacts()
    assert (now.external_id, now.permission) == ("x", 4)
    assert now.preferences == {("News", "Weekly"): ("true", "form")}
    assert ("hat" in now.custom_fields) is (other == "keep")
    assert ("FIRSTNAME" in now.standard_fields) is (policy == "keep")
