"""What the shortcuts of the hot path are worth: each beside the plain way to do the same.

Within this process, on the values of one record; the best of several rounds.
"""

from __future__ import annotations

import re
import timeit
from collections.abc import Callable

import orjson
from lxml import etree

from benchmark.table import show
from benchmark.workload import COLUMNS
from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import Contact
from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.mapping.mapped_record import contact_keys
from destination_maileon.mapping.plain_records import PlainRecords
from destination_maileon.mapping.record_mapper import Column, MappingRules, RecordMapper
from destination_maileon.protocol.exact_json import is_rounded_by_orjson

ROUNDS = 7
TIMES = 20_000
NAMES = tuple(name.upper() for name in COLUMNS[1:])
DATA = {name: f"value 17 of {name}" for name in COLUMNS} | {"email": "person.1@example.com"}
TYPES = tuple(map(type, DATA.values()))
TEXTS = [*DATA.values()]
TEXT = "".join(TEXTS)
LINE = orjson.dumps({"type": "RECORD", "record": {"stream": "people", "data": DATA}})
HEADS = [f"<field><name>{name}</name><value>" for name in NAMES]
PIECES = "||</value></field>".join(HEADS).split("|")
PIECES += ["", "</value></field>"]
TEMPLATE = "".join("%s" if number % 2 else piece for number, piece in enumerate(PIECES))
BACKSLASH, AMPERSAND, LESS_THAN = rb"\&<"
LONG_NUMBER = re.compile(rb"[0-9.]{16}|[eE]-[0-9]{3}")
SPECIAL = re.compile('[\x00-\x1f"\\\\&<>\ud800-\udfff\ufffe\uffff]')


def shortcuts() -> None:
    """Prints how many times as long the plain ways take."""
    plain, rules = _ways()
    contact = Contact("person.1@example.com", standard_fields=dict(zip(NAMES, TEXTS, strict=False)))

    def long_way() -> None:
        mapped = rules.map(DATA)
        assert isinstance(mapped, Contact)  # noqa: S101 - so that mypy knows
        contact_bytes(mapped), contact_keys(mapped)

    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "a plain record without a Contact in between": (
            lambda: plain.element(DATA, TYPES, is_clean=True),
            long_way,
        ),
        "an element written by hand, not an lxml tree": (
            lambda: contact_bytes(contact),
            lambda: _tree(contact),
        ),
        "texts put into a list, not a format": (_filled, lambda: TEMPLATE % tuple(TEXTS[1:])),
        "characters looked for by orjson, not an expression": (
            lambda: len(orjson.dumps(TEXT)) != len(TEXT.encode()) or "&" in TEXT or "<" in TEXT,
            lambda: SPECIAL.search(TEXT),
        ),
        "bytes looked for by number, not as bytes": (
            lambda: BACKSLASH in LINE or AMPERSAND in LINE or LESS_THAN in LINE,
            lambda: b"\\" in LINE or b"&" in LINE or b"<" in LINE,
        ),
        "long numbers looked for in a line of zeros, not by an expression": (
            lambda: is_rounded_by_orjson(LINE),
            lambda: LONG_NUMBER.search(LINE),
        ),
    }
    rows = [(name, f"{_best(long) / _best(short):.1f}") for name, (short, long) in pairs.items()]
    show("What the shortcuts are worth", ("shortcut", "the plain way takes, times"), rows)


def _ways() -> tuple[PlainRecords, RecordMapper]:
    columns = [Column("email", Target(Kind.EMAIL))]
    columns += [
        Column(name, Target(Kind.STANDARD, target))
        for name, target in zip(COLUMNS[1:], NAMES, strict=True)
    ]
    rules = MappingRules(identifier_mode=IdentifierMode.EMAIL)
    return PlainRecords(columns, rules), RecordMapper(columns, rules)


def _filled() -> str:
    pieces = PIECES.copy()
    pieces[1::2] = TEXTS[1:]
    return "".join(pieces)


def _tree(contact: Contact) -> bytes:
    root = etree.Element("contact")
    etree.SubElement(root, "email").text = contact.email
    fields = etree.SubElement(root, "standard_fields")
    for name, value in contact.standard_fields.items():
        field = etree.SubElement(fields, "field")
        etree.SubElement(field, "name").text = name
        etree.SubElement(field, "value").text = value
    return etree.tostring(root)


def _best(run: Callable[[], object]) -> float:
    return min(timeit.repeat(run, number=TIMES, repeat=ROUNDS))
