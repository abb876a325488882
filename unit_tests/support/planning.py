"""The columns of a stream as they are resolved, before its first record and by its records."""

from __future__ import annotations

from collections.abc import Mapping

from destination_maileon.maileon.contact import FieldType, IdentifierMode
from destination_maileon.mapping.columns import StreamColumns
from destination_maileon.streams.account import Account
from unit_tests.support.builders import (
    CountingApi,
    a_config,
    a_mapping,
    a_plan,
    an_account,
    at_once,
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
    return StreamColumns(plan, a_config(**config), account).before_first_record()


class Stream:
    """A stream whose schema has an email and what is given, and its account."""

    def __init__(
        self,
        properties: Mapping[str, object] | None = None,
        *,
        mapping: tuple[tuple[str, str], ...] = (),
        api: CountingApi | None = None,
        is_activated: bool = False,
        **config: object,
    ) -> None:
        self.api = api or CountingApi(FIELDS, [("News", "Weekly")])
        self.account = Account(self.api, at_once)
        plan = a_plan(
            properties={"email": STRING, **(properties or {})},
            mapping=a_mapping(*mapping),
            is_activated=is_activated,
        )
        self.columns = StreamColumns(plan, a_config(**config), self.account).before_first_record()

    def target(self, column: str) -> str:
        return str(self.columns.columns[column].target)

    @property
    def created(self) -> list[str]:
        return [call for call in self.api.calls if call.startswith("create")]
