"""The columns of a stream -> where each goes, before the first record and when a new one turns up.

This module alone decides which column has which target, what happens to columns without one, and
when a mapping cannot work. All problems of a stream come together, so that one correction suffices.
"""

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from destination_maileon.config.model import Config, NullValues, UnmappedColumns, titled
from destination_maileon.config.suggestions import NameIndex, did_you_mean, shown
from destination_maileon.config.targets import (
    DELETED_AT_COLUMN,
    IDENTIFIERS,
    SHARED_TARGETS,
    SKIP,
    Kind,
    Target,
    creation_obstacle,
    mistaken_for,
    parse_target,
    target_of_column,
)
from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType
from destination_maileon.mapping.converters import CONVERTERS, Converter
from destination_maileon.mapping.field_types import type_of_schema, type_of_value
from destination_maileon.mapping.summary import listed
from destination_maileon.streams.account import Account
from destination_maileon.streams.catalog import StreamPlan

DECISIVE = frozenset(
    {*IDENTIFIERS, Kind.PERMISSION, Kind.DELETED, Kind.UNSUBSCRIBE, Kind.PREFERENCE}
)
"""Targets that decide who is meant, and who may be written to."""
MAX_LATE_COLUMNS = 10_000
"""So many that only records have are remembered. A source may make a column of every key."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column and where it goes.

    `type` is the target field's. `source` is the constant source of a preference: an empty one
    deletes the stored one, None leaves it. `clear` says that a null clears the stored value.
    """

    name: str
    target: Target
    type: FieldType = FieldType.STRING
    clear: bool = False
    source: str | None = None

    @property
    def converter(self) -> Converter:
        """How its values are written."""
        return CONVERTERS[self.type]


@dataclass(slots=True)
class StreamColumns:
    """Where the columns of one stream go, as its account and its configuration have it.

    `unmapped` are those without a target, and `notes` say what was left out, and why, until whoever
    tells them takes them out. `problems` say what a person must change before anything is sent.
    """

    plan: StreamPlan
    config: Config
    account: Account
    columns: dict[str, Column] = field(default_factory=dict, init=False)
    unmapped: list[str] = field(default_factory=list, init=False)
    problems: list[str] = field(default_factory=list, init=False)
    notes: list[str] = field(default_factory=list, init=False)
    _taken: dict[Target, str] = field(default_factory=dict, init=False)
    _has_begun: bool = field(default=False, init=False)
    _room: int = field(default=sys.maxsize, init=False)

    def before_first_record(self) -> Self:
        """Resolves the explicit mapping and the columns of the schema; creates nothing yet."""
        properties = self.plan.properties
        for column in dict.fromkeys((*self.plan.mapping, *properties)):
            # A mapped column counts only once a record has it: a connection renamed it.
            if not (self.plan.is_activated and properties) or column in properties:
                self._resolve(column, self._planned_type(column))
        self.problems += self._audience_problems()
        self._has_begun, self._room = True, len(self.columns) + MAX_LATE_COLUMNS
        self._look_for_slips()
        self.problems += self._identifier_problem()
        if self.unmapped and self.config.unmapped_columns is UnmappedColumns.FAIL:
            self.problems.append(
                f"no target for {listed(self.unmapped)}, and {titled('unmapped_columns')} is "
                "fail. Map each to a target or to skip."
            )
        return self

    def problems_of_mapping(self) -> list[str]:
        """What of the explicit mapping cannot work, whatever columns the stream has."""
        for column in self.plan.mapping:
            self._resolve(column, None)
        return [*self.problems, *self._audience_problems()]

    def newly_seen(self, data: Mapping[str, object]) -> list[str]:
        """Resolves columns that only the records have; those that stop the sync (`fail`)."""
        schemas = self.plan.properties
        without_target = [
            column
            for column, value in data.items()
            if column not in self.columns
            and not self._resolve(column, type_of_value(value, schemas.get(column)))
        ]
        fails = self.config.unmapped_columns is UnmappedColumns.FAIL
        return without_target if fails else []

    @property
    def has_identifier(self) -> bool:
        """Whether a column holds what contacts are recognised by."""
        wanted = self.plan.identifiers
        return any(str(target) in wanted for target in self._taken)

    def forget_custom_field(self, name: str) -> None:
        """The account has this field no longer: its columns go nowhere."""
        column = self._taken.get(Target(Kind.CUSTOM, name))
        if column is not None:
            self._skip(column)

    def _planned_type(self, column: str) -> FieldType | None:
        """The type of a field to create for the column; None: a value decides, when one comes."""
        found = type_of_schema(self.plan.properties.get(column))
        # Airbyte's integers have 64 bits, Maileon's have 32.
        is_undecided = found is FieldType.INTEGER and column not in self.plan.mapping
        return None if self._creates and is_undecided else found

    @property
    def _creates(self) -> bool:
        return self.config.unmapped_columns is UnmappedColumns.CREATE

    def _audience_problems(self) -> Iterator[str]:
        """Takes the audience's field, which no column may have."""
        name = self.plan.audience_field
        if name is None:
            return
        target = Target(Kind.CUSTOM, name)
        if target in self._taken:
            column = shown(self._taken[target])
            yield f"column {column} goes to the audience field {shown(name)}. Map it to skip."
        self._taken[target] = f"{name} (audience)"
        if (problem := self._missing_problem(target, FieldType.INTEGER)) is not None:
            yield f"the audience has no field: {problem}"
        elif (there := self.account.custom_fields[name]) is not FieldType.INTEGER:
            yield (
                f"the audience field {shown(name)} has the type {there}. Create a custom field of "
                "type integer for it in Maileon."
            )

    def _resolve(self, column: str, field_type: FieldType | None) -> bool:
        """False if no target fits. A field to create gets the type, or waits for it if it is None.

        What is wrong is a problem before the first record; later the column is left out.
        """
        target = self._target(column)
        if target is None and self._creates:
            obstacle = creation_obstacle(column)
            why = obstacle and f'no custom field is created for "{column}": {obstacle}'
            if (note := why or mistaken_for(column)) is not None:
                self._skip(column, note)
                return True
            target = Target(Kind.CUSTOM, column)
        if target is None:
            if self._skip(column, *filter(None, [mistaken_for(column)])):
                self.unmapped.append(column)
            return False
        other = None if target.kind in SHARED_TARGETS else self._taken.get(target)
        if other not in {None, column}:
            self._refuse(column, target, self._two_columns(str(other), column, target))
            return True
        return self._put_if_there(column, target, field_type)

    def _put_if_there(self, column: str, target: Target, field_type: FieldType | None) -> bool:
        problem = self._missing_problem(target, field_type)
        if problem is not None:
            self._refuse(column, target, problem)
        elif self.account.lacks(target):
            self._taken.setdefault(target, column)
        else:
            self._put(column, target)
        return problem is None

    def _missing_problem(self, target: Target, field_type: FieldType | None) -> str | None:
        """What a person must do about a target that the account lacks, if no field is created."""
        if not self.account.lacks(target):
            return None
        problem = self.account.missing_problem(target, field_type, creates=self._creates)
        if problem is None and field_type is not None:
            create = self.account.create_custom_field
            if not self._has_begun:
                create = self.account.plan_custom_field
            create(target.name, field_type)
        return problem

    def _target(self, column: str) -> Target | None:
        """The target that the mapping names, else the one that the column's name means."""
        target = self._named_target(column)
        return _nowhere(column) if target == SKIP else target

    def _named_target(self, column: str) -> Target | None:
        entry = self.plan.mapping.get(column)
        if entry is not None:
            return parse_target(entry.target, self._preferences_for(entry.target)) or SKIP
        if self.plan.is_activated and column == Kind.PERMISSION:
            # A person mapped it in the connection, which renames what it maps.
            return Target(Kind.PERMISSION)
        own = Target(Kind.CUSTOM, column)
        if self._taken.get(own) == column:
            return own
        preferences = self._preferences_for(column)
        return target_of_column(column, self.account.field_names, preferences=preferences)

    def _preferences_for(self, target: str) -> Collection[tuple[str, str]]:
        """The account's preferences, asked for only where a target names one."""
        return self.account.preferences if target.startswith(f"{Kind.PREFERENCE}:") else ()

    def _two_columns(self, other: str, column: str, target: Target) -> str:
        # One that the stream lacks was most likely misspelt.
        is_there = self._has_begun or not self.plan.properties or other in self.plan.properties
        slip = "" if is_there else f", which the stream lacks (did you mean {shown(column)}?)"
        return (
            f"its target {target} is taken by column {shown(other)}{slip}. Map one of them to skip "
            "or to another target."
        )

    def _put(self, column: str, target: Target) -> None:
        entry = self.plan.mapping.get(column)
        self._taken.setdefault(target, column)
        if target.kind is Kind.PREFERENCES:
            self.account.look_for_preferences()
        clears = (entry.null_values if entry else None) or self.config.null_values
        self.columns[column] = Column(
            column,
            target,
            type=self._type(target),
            clear=clears is NullValues.CLEAR and target.kind in {Kind.STANDARD, Kind.CUSTOM},
            source=(entry.source or "") if entry and entry.has_source else None,
        )

    def _type(self, target: Target) -> FieldType:
        if target.kind is Kind.STANDARD:
            return STANDARD_FIELDS[target.name]
        if target.kind is Kind.CUSTOM:
            return self.account.custom_fields.get(target.name, FieldType.STRING)
        return FieldType.STRING

    def _refuse(self, column: str, target: Target, why: str) -> None:
        """A problem before the first record; afterwards the column is left out."""
        if self._has_begun:
            self._skip(column, f'column "{column}" is left out: {why}')
        else:
            self.problems.append(f'column "{column}": {why}')
            self._put(column, target)

    def _skip(self, column: str, *notes: str) -> bool:
        """Whether it is remembered that the column goes nowhere; `notes` say why."""
        skipped = Column(column, _nowhere(column))
        has_room = column in self.columns or len(self.columns) < self._room
        is_remembered = has_room or skipped.target != SKIP
        if is_remembered:
            self.columns[column] = skipped
            self.notes += notes
        return is_remembered

    def _look_for_slips(self) -> None:
        """Notes the mapped columns that the schema lacks.

        One is a problem if it is spelt nearly as another, and decides on people: nobody's
        identifier, consent or removal would be read.
        """
        mapping, properties = self.plan.mapping, self.plan.properties
        names = NameIndex(properties)
        absent = [column for column in mapping if column not in properties] if properties else []
        near = {column: names.nearest(column) for column in absent}
        told = [column for column in absent if near[column] or mapping[column].target != Kind.SKIP]
        if told:
            nearest = [*filter(None, near.values())]
            hint = f" Did you mean {listed(nearest)}?" if nearest else ""
            self.notes.append(
                f"the mapping names {listed(told)}, which the schema of the stream lacks. It has "
                f"an effect there only if records have more than the schema says.{hint}"
            )
        for column, meant in near.items():
            if meant is not None and meant not in mapping:
                self.problems += self._slip(column, meant)

    def _slip(self, column: str, meant: str) -> Iterator[str]:
        target = self.plan.mapping[column].target
        # A column that waits for its type has no place yet.
        has_it = meant in self.columns and str(self.columns[meant].target) == target
        if not has_it and target.partition(":")[0] in DECISIVE:
            yield (
                f"{listed([column])} is mapped to {target}, but is not in the stream; did you mean "
                f"{listed([meant])}? Map that one, to skip if it means something else."
            )

    def _identifier_problem(self) -> Iterator[str]:
        # A stream without any property is one whose columns nobody knows yet.
        if self.has_identifier or not (self.plan.properties or self.plan.mapping):
            return
        names = NameIndex(self.plan.properties)
        wanted = (f"{kind}{did_you_mean(kind, names)}" for kind in sorted(self.plan.identifiers))
        yield (
            f"no column holds the contact's {' or '.join(wanted)}, by which Maileon recognises it. "
            f"Map a column to it, or change {titled('identifier_mode')}."
        )


def _nowhere(column: str) -> Target:
    """The target of a column that is to go nowhere, or cannot go where it is mapped to.

    What Airbyte writes about deletions is read all the same.
    """
    return Target(Kind.DELETED) if column == DELETED_AT_COLUMN else SKIP
