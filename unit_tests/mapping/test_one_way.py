# ruff: noqa: E501 - hostile values stand in a row
"""The encoder gives what the two ways before it gave, byte by byte."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from random import Random

from destination_maileon.config.safety import DeletedRecords
from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.contact_xml import contact_bytes
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.mapping.contact_encoder import Column, ContactEncoder, MappingRules, Reason
from destination_maileon.mapping.mapped_record import contact_keys
from destination_maileon.mapping.record_mapper import RecordMapper
from destination_maileon.protocol import exact_json
from destination_maileon.protocol.messages import RecordMessage, decode

RECORDS = int(os.environ.get("RECORDS", "5000"))
TEXTS = [
    "", " ", "7", "0", "-3", "007", "a@b.de", " A@B.DE", "x\t", "de-DE", "FR_fr", "female", "Male",
    "2024-05-06T07:08:09Z", "2024-05-06", "20240506", "1e5", "1.50", "+4", "yes", "No", "maybe",
    "&", "<a>&amp;</a>", "\r", "\r\n", "a\x00b", "\x0b", "\ufffe", "\uffff", "\ud800", "\U0001f600" * 260,
    "ä" * 300, "\u2028", "\u200b", "\x7f", '"\\', "double_opt_in", "not_set", "4", "null",
    '[{"category":"News","name":"Weekly","value":true}]', "[1]", "{", "0000-00-00", "31/12/2024",
]  # fmt: skip
LISTS = [
    [], [1], {}, {"a": [1.50, None, "ü\x00&"]}, {"b": {"c": Decimal("1e400")}}, ["\ud800", "<"],
    [{"category": "News", "name": "Weekly", "value": "yes"}],
    [{"category": "N\x00&", "name": 7, "value": "\x00", "source": None}, {"category": "N", "name": "D", "value": "&", "source": "<s>\r"}],
    [{"category": "News", "name": "Weekly", "value": None}, {"category": "", "name": "x"}],
]  # fmt: skip
NAMES = ["email", "ext", "id", "FIRSTNAME", "BIRTHDAY", "GENDER", "LOCALE", "Eye <&>", "age", "kg",
         "member", "news", "offers", "listed", "gone", "left", "consent", "nothing",
         "_ab_cdc_deleted_at"]  # fmt: skip


def a_value(chance: Random) -> object:
    kind = chance.randrange(12)
    if kind < 5:
        return chance.choice(TEXTS)
    if kind == 5:
        return chance.choice(LISTS)
    if kind == 6:
        return chance.choice([True, False])
    if kind == 7:
        return chance.choice([0, 1, 7, -5, 10**30, 20240501, 1714521600])
    if kind == 8:
        return chance.choice([0.0, 1.5, 7.0, 1e22, 1e-7, 0.1])
    if kind == 9:
        return "".join(chance.choice("aß&<>\r\n\x01\ufffe😀 ") for _ in range(chance.randrange(6)))
    return None


def columns(chance: Random) -> list[Column]:
    clear = chance.random() < 0.4
    kinds = {
        "email": Target(Kind.EMAIL), "ext": Target(Kind.EXTERNAL_ID), "id": Target(Kind.MAILEON_ID),
        "news": Target(Kind.PREFERENCE, "Weekly & more", "News"),
        "offers": Target(Kind.PREFERENCE, "Offers", "News"), "listed": Target(Kind.PREFERENCES),
        "gone": Target(Kind.DELETED), "left": Target(Kind.UNSUBSCRIBE),
        "consent": Target(Kind.PERMISSION), "nothing": Target(Kind.SKIP),
        "_ab_cdc_deleted_at": chance.choice(
            [Target(Kind.SKIP), Target(Kind.CUSTOM, "gone at"), Target(Kind.UNSUBSCRIBE), Target(Kind.DELETED)]
        ),
    }  # fmt: skip
    types = {"BIRTHDAY": FieldType.DATE, "GENDER": FieldType.GENDER, "LOCALE": FieldType.LOCALE,
             "age": FieldType.INTEGER, "kg": FieldType.FLOAT, "member": FieldType.BOOLEAN}  # fmt: skip
    made = []
    for name in NAMES:
        kind = Kind.STANDARD if name.isupper() else Kind.CUSTOM
        made.append(
            Column(
                name,
                kinds.get(name, Target(kind, name)),
                types.get(name, FieldType.STRING),
                clear=clear,
                source=chance.choice([None, "", "w&b"]) if name == "news" else None,
                has_source=name == "news" and chance.random() < 0.5,
            )
        )
    chance.shuffle(made)
    kept = made[: chance.randrange(2, len(made) + 1)]
    if chance.random() < 0.8:
        kept = [c for c in kept if c.target.kind is not Kind.DELETED]
    return kept


def test_hostile_records_are_encoded_as_before() -> None:
    chance = Random(7)
    number = written = 0
    while number < RECORDS:
        of = columns(chance)
        rules = MappingRules(
            identifier_mode=chance.choice([*IdentifierMode]),
            deleted_records=chance.choice([*DeletedRecords]),
            truncate_long_text=chance.random() < 0.5,
            every_record_is_deleted=chance.random() < 0.03,
        )
        new, old = ContactEncoder(of, rules), RecordMapper(of, rules)
        for _ in range(20):
            number += 1
            data: dict[str, object] = {}
            for column in of:
                if chance.random() < 0.5:
                    data[column.name] = a_value(chance)
            if chance.random() < 0.8:
                usual = {"email": "Ä@b.de", "ext": "X", "id": 7, "consent": 4, "listed": LISTS[6]}
                data |= {n: v for n, v in usual.items() if n in data}
                data |= {n: usual[n] for n in ("email", "ext") if n in new.known_columns}
            if chance.random() < 0.8:
                data |= {n: None for n in ("gone", "left", "_ab_cdc_deleted_at") if n in data}
            line = exact_json.dumps({"type": "RECORD", "record": {"stream": "s", "data": data}})
            written += _agree(line, new, old)
    assert written > number / 5


def _agree(line: bytes, new: ContactEncoder, old: RecordMapper) -> bool:
    message = decode(line, 1)
    assert isinstance(message, RecordMessage)
    data = message.decoded_data()
    assert data is not None
    try:
        row = new.decode(message.data)
    except (ValueError, RecursionError, ArithmeticError):
        row = new.row(data)
    got = new.encode(row, message.texts)
    expected = old.map(data)
    assert new.cleaned_records == old.cleaned_records, line
    if not isinstance(expected, Contact):
        # Of a refused record the identifiers are named, and nothing else is asked for.
        who = Contact(expected.contact.email, expected.contact.external_id, expected.contact.id)
        assert got == replace(expected, contact=who), line
        return False
    permission = old.permission(data, None)
    if permission is Reason.BAD_PERMISSION:
        assert getattr(got, "reason", None) is Reason.BAD_PERMISSION, line
        return False
    assert got == (contact_bytes(expected), contact_keys(expected)), line
    if new.permission_column:
        assert new.permission(row, None) == permission
    return True
