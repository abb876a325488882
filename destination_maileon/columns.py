"""The columns of a stream -> where each goes, before the first record and when a new one turns up.

This module alone decides which column has which target, what happens to columns without one, and
when a mapping cannot work. All problems of a stream come together, so that one correction suffices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from destination_maileon.config import NullValues, UnmappedColumns
from destination_maileon.field_types import type_of_schema, type_of_value
from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType
from destination_maileon.mapping import Column
from destination_maileon.targets import (
    IDENTIFIERS,
    METADATA_PREFIXES,
    SKIP,
    Kind,
    Target,
    creation_obstacle,
    identifier_alike,
    parse_target,
    target_of_column,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from destination_maileon.account import Account
    from destination_maileon.catalog import StreamPlan
    from destination_maileon.config import ColumnMapping, Config

_SHARED_TARGETS = frozenset({Kind.SKIP, Kind.DELETED, Kind.UNSUBSCRIBE})


@dataclass(slots=True)
class StreamColumns:
    """Where the columns of one stream go.

    `unmapped` are those without a target. `problems` say what a person must change before
    anything is sent; `notes` what was left out, and why.
    """

    columns: dict[str, Column] = field(default_factory=dict)
    unmapped: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    to_create: dict[str, FieldType] = field(default_factory=dict)


class ColumnResolver:
    """Resolves the columns of one stream against the account."""

    def __init__(self, plan: StreamPlan, config: Config, account: Account) -> None:
        self._plan = plan
        self._config = config
        self._account = account
        self._result = StreamColumns()
        self._taken: dict[Target, str] = {}

    def before_first_record(self) -> StreamColumns:
        """Resolves the explicit mapping and the columns of the schema; creates nothing yet."""
        result = self._result
        for column, entry in self._plan.mapping.items():
            self._add_planned(column, self._explicit_target(entry), entry)
        for column in self._plan.properties:
            if column not in self._plan.mapping:
                self._resolve_by_name(column)
        result.problems += self._identifier_problem()
        if result.unmapped and self._config.unmapped_columns is UnmappedColumns.FAIL:
            result.problems.append(
                f"no target for {listed(result.unmapped)}. Map each to a target or to skip."
            )
        return result

    def newly_seen(self, data: Mapping[str, object]) -> list[str]:
        """Resolves columns that only the records have; those that stop the sync (`fail`)."""
        without_target = []
        for column, value in data.items():
            if column in self._result.columns:
                continue
            target = self._target_by_name(column)
            if target is None:
                if self._config.unmapped_columns is UnmappedColumns.CREATE:
                    self._create_for_value(column, value)
                    continue
                self._leave_out(column)
                without_target.append(column)
            else:
                self._add_newly_seen(column, target)
        fails = self._config.unmapped_columns is UnmappedColumns.FAIL
        return without_target if fails else []

    def forget_custom_field(self, name: str) -> None:
        """The account has this field no longer: its columns go nowhere."""
        for column in self._result.columns.values():
            if column.target == Target(Kind.CUSTOM, name):
                self._result.columns[column.name] = Column(column.name, SKIP)

    def create_missing_fields(self) -> None:
        """Creates the custom fields that the stream needs and the account lacks."""
        for name, field_type in self._result.to_create.items():
            self._account.create_custom_field(name, field_type)

    def _explicit_target(self, entry: ColumnMapping) -> Target:
        preferences = self._account.preferences if entry.target.startswith("preference:") else ()
        return parse_target(entry.target, preferences) or SKIP

    def _target_by_name(self, column: str) -> Target | None:
        preferences = self._account.preferences if column.startswith("preference:") else ()
        return target_of_column(column, self._account.custom_fields, preferences)

    def _resolve_by_name(self, column: str) -> None:
        target = self._target_by_name(column)
        if target is not None:
            self._add_planned(column, target)
        elif self._config.unmapped_columns is not UnmappedColumns.CREATE:
            self._leave_out(column)
        elif (obstacle := creation_obstacle(column)) is not None:
            self._leave_out(column)
            self._result.notes.append(f'no custom field is created for "{column}": {obstacle}')
        else:
            self._add_planned(column, Target(Kind.CUSTOM, column))

    def _add_planned(self, column: str, target: Target, entry: ColumnMapping | None = None) -> None:
        other = self._taken.get(target)
        if other is not None and target.kind not in _SHARED_TARGETS:
            self._result.problems.append(
                f'columns "{other}" and "{column}" both go to {target}. Map one of them to skip '
                "or to another target."
            )
        self._result.problems += self._missing(column, target)
        self._put(column, target, entry)

    def _add_newly_seen(self, column: str, target: Target) -> None:
        other = self._taken.get(target)
        missing = list(self._missing(column, target))
        if other is not None and target.kind not in _SHARED_TARGETS:
            missing = [f'its target {target} is taken by column "{other}"']
        if missing:
            self._leave_out(column)
            self._result.notes.append(f'column "{column}" is left out: {missing[0]}')
            return
        self._put(column, target)
        self.create_missing_fields()
        self._result.to_create.clear()

    def _put(self, column: str, target: Target, entry: ColumnMapping | None = None) -> None:
        self._taken.setdefault(target, column)
        clears = (entry.null_values if entry else None) or self._config.null_values
        self._result.columns[column] = Column(
            column,
            target,
            type=self._type(target),
            clear=clears is NullValues.CLEAR and target.kind in {Kind.STANDARD, Kind.CUSTOM},
            source=entry.source if entry else None,
            has_source=entry.has_source if entry else False,
        )

    def _type(self, target: Target) -> FieldType:
        if target.kind is Kind.STANDARD:
            return STANDARD_FIELDS[target.name]
        if target.kind is Kind.CUSTOM:
            known = self._account.custom_fields.get(target.name)
            return known or self._result.to_create.get(target.name, FieldType.STRING)
        return FieldType.STRING

    def _missing(self, column: str, target: Target) -> Iterator[str]:
        """What the account lacks for the target. What may be created is noted to be created."""
        if target.kind is Kind.PREFERENCE:
            if (target.category, target.name) not in self._account.preferences:
                yield (
                    f'column "{column}": the account has no preference "{target.name}" in a '
                    f'category "{target.category}". Create it in Maileon or change the mapping.'
                )
            return
        if target.kind is not Kind.CUSTOM or target.name in self._account.custom_fields:
            return
        field_type = type_of_schema(self._plan.properties.get(column))
        if self._config.unmapped_columns is UnmappedColumns.CREATE:
            obstacle = creation_obstacle(target.name)
            if obstacle is None:
                self._result.to_create[target.name] = field_type
                return
            yield f'column "{column}": custom field "{target.name}" cannot exist: {obstacle}'
            return
        yield (
            f'column "{column}": the account has no custom field "{target.name}". Create it in '
            f'Maileon with type {field_type}, or set "unmapped_columns" to create.'
        )

    def _leave_out(self, column: str) -> None:
        if not column.startswith(METADATA_PREFIXES):
            self._result.unmapped.append(column)
        self._result.columns[column] = Column(column, SKIP)

    def _create_for_value(self, column: str, value: object) -> None:
        field_type = type_of_value(value)
        if field_type is None:
            return
        obstacle = creation_obstacle(column)
        if obstacle is not None:
            self._leave_out(column)
            self._result.notes.append(f'no custom field is created for "{column}": {obstacle}')
            return
        self._account.create_custom_field(column, field_type)
        self._put(column, Target(Kind.CUSTOM, column))

    def _identifier_problem(self) -> Iterator[str]:
        wanted = self._plan.options.identifier_mode.columns
        if any(str(target) in wanted for target in self._taken):
            return
        # A stream without any property is one whose columns nobody knows yet.
        if not self._plan.properties and not self._plan.mapping:
            return
        alike = [
            f'"{column}"'
            for column in self._plan.properties
            if (target := identifier_alike(column)) and str(target) in wanted
        ]
        hint = f" Column {' or '.join(alike)} looks like it." if alike else ""
        yield (
            f"no column holds the contact's {' or '.join(sorted(wanted))}, by which Maileon "
            f"recognises it. Map a column to it, or choose another identifier mode.{hint}"
        )


MAX_LISTED = 20


def listed(columns: Iterable[str]) -> str:
    """The columns' names for a message: at most 20, then how many more."""
    names = [f'"{column}"' for column in columns]
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names[:MAX_LISTED])}{more}"


def plan_table(columns: Mapping[str, Column]) -> str:
    """Column, target and type as a table for the log; the columns that go nowhere last."""
    rows = [
        (column.name, str(column.target), _shown_type(column))
        for column in columns.values()
        if column.target.kind is not Kind.SKIP
    ]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(2)]
    lines = [f"  {a:<{widths[0]}}  ->  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    skipped = [column.name for column in columns.values() if column.target.kind is Kind.SKIP]
    if skipped:
        lines.append(f"  left out: {listed(skipped)}")
    return "\n".join(lines)


def _shown_type(column: Column) -> str:
    if column.target.kind in {Kind.STANDARD, Kind.CUSTOM}:
        return f"{column.type}{', null clears' if column.clear else ''}"
    if column.has_source:
        return "source is set" if column.source else "source is deleted"
    return "identifier" if column.target.kind in IDENTIFIERS else ""
