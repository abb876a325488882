"""The columns of a stream as they are resolved before its first record."""

from __future__ import annotations

from collections.abc import Mapping

from destination_maileon.account import Account
from destination_maileon.columns import ColumnResolver
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.stream_columns import StreamColumns
from unit_tests.builders import (
    a_config,
    a_mapping,
    a_plan,
    an_account,
    options,
)

STRING = {"type": "string"}
FIELDS = {"COLOR": FieldType.STRING, "AGE": FieldType.INTEGER}
WEEKLY = ("News", "Weekly")


def planned(
    *properties: str,
    mapping: tuple[tuple[str, str] | Mapping[str, object], ...] = (),
    account: Account | None = None,
    mode: IdentifierMode = IdentifierMode.EMAIL,
    **config: object,
) -> StreamColumns:
    """The columns of a stream with these columns, all of them text."""
    plan = a_plan(
        properties=dict.fromkeys(properties, STRING),
        mapping=a_mapping(*mapping),
        options=options(mode),
    )
    account = account or an_account(FIELDS, [WEEKLY])
    return ColumnResolver(plan, a_config(**config), account).before_first_record()
