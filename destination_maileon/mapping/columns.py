"""The columns of a stream -> where each goes, before the first record and when a new one turns up.

All problems of a stream come together: one correction suffices.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from destination_maileon.config import targets
from destination_maileon.config.spec import Config, NullValues, UnmappedColumns, titled
from destination_maileon.config.suggestions import NameIndex, did_you_mean, shown
from destination_maileon.config.targets import DELETED_AT_COLUMN, SKIP, Kind, Target
from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType
from destination_maileon.mapping.converters import CONVERTERS, Converter
from destination_maileon.mapping.field_types import type_of_schema, type_of_value
from destination_maileon.mapping.summary import listed
from destination_maileon.streams.account import Account
from destination_maileon.streams.catalog import StreamPlan

MAX_LATE_COLUMNS = 10_000
"""At most this many that only records have are remembered: a source may make one of any key."""
_DECIDE_ON_NOBODY = (f"{Kind.STANDARD}:", f"{Kind.CUSTOM}:", Kind.SKIP)
"""The other targets say who is meant, or who may be written to."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, where it goes, and the type of the field there. With `clear` a null clears it.

    An empty `source` of a preference deletes the stored one, None leaves it.
    """

    name: str
    target: Target
    type: FieldType = FieldType.STRING
    clear: bool = False
    source: str | None = None

    @property
    def converter(self) -> Converter:
        return CONVERTERS[self.type]


@dataclass(slots=True)
class StreamColumns:
    """Where the columns of one stream go, as its account and its configuration have it.

    `unmapped` have no target, and `notes` say what else was left out: whoever tells them takes them
    out. `problems` are what must change before anything is sent.
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

    def before_first_record(self) -> Self:
        """Resolves the explicit mapping and the columns of the schema; creates nothing yet."""
        mapping, properties = self.plan.mapping, self.plan.properties
        for column in dict.fromkeys((*mapping, *properties)):
            # A mapped column counts only once a record has it: a connection renamed it.
            if column in properties or not (self.plan.is_activated and properties):
                found = type_of_schema(properties.get(column))
                # Airbyte's integers have 64 bits, Maileon's have 32: the first value decides.
                waits = self._creates and found is FieldType.INTEGER and column not in mapping
                self._resolve(column, None if waits else found)
        self.problems += self._audience_problems()
        self._has_begun = True
        self._look_for_slips()
        # A stream without any property is one whose columns nobody knows yet.
        if not self.has_identifier and (properties or mapping):
            names = NameIndex(properties)
            wanted = [f"{k}{did_you_mean(k, names)}" for k in sorted(self.plan.identifiers)]
            self.problems.append(
                f"no column holds the contact's {' or '.join(wanted)}, by which Maileon recognises "
                f"it. Map a column to it, or change {titled('identifier_mode')}."
            )
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
        new = {c: type_of_value(data[c], schemas.get(c)) for c in data if c not in self.columns}
        without_target = [c for c, field_type in new.items() if not self._resolve(c, field_type)]
        return without_target if self.config.unmapped_columns is UnmappedColumns.FAIL else []

    @property
    def has_identifier(self) -> bool:
        return any(target.kind in self.plan.identifiers for target in self._taken)

    def forget_custom_field(self, name: str) -> None:
        """The account has this field no longer: its column goes nowhere."""
        column = self._taken.get(Target(Kind.CUSTOM, name))
        if column in self.columns:
            self._leave_out(column)

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
        if (problem := self._create_or_refuse(target, FieldType.INTEGER)) is not None:
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
        if target is None or target == SKIP:
            self._leave_out(column, None if target else self._why_nowhere(column))
            is_unmapped = target is None and not self._creates
            self.unmapped += [column] if is_unmapped and column in self.columns else []
            return not is_unmapped
        is_shared = target.kind in targets.SHARED_TARGETS
        other = column if is_shared else self._taken.get(target, column)
        if other == column:
            problem = self._create_or_refuse(target, field_type)
        else:
            problem = self._two_columns(other, column, target)
        if problem is not None and self._has_begun:
            self._leave_out(column, f'column "{column}" is left out: {problem}')
        else:
            self.problems += [f'column "{column}": {problem}'] if problem else []
            self._put(column, target)
        return problem is None or other != column

    def _target(self, column: str) -> Target | None:
        """The target that the mapping names, else that of the column's name, else a new field."""
        entry, own = self.plan.mapping.get(column), Target(Kind.CUSTOM, column)
        text = column if entry is None else entry.target
        # The account is asked for preferences only where one is named.
        known = self.account.preferences if text.startswith(f"{Kind.PREFERENCE}:") else ()
        if entry is not None:
            target = targets.parse_target(text, known)
        elif self.plan.is_activated and column == Kind.PERMISSION:
            # A person mapped it in the connection, which renames what it maps.
            target = Target(Kind.PERMISSION)
        elif self._taken.get(own) == column:
            target = own
        else:
            names = self.account.field_names
            target = targets.target_of_column(column, names, preferences=known)
        is_new = target is None and self._creates and self._why_nowhere(column) is None
        return own if is_new else target

    def _why_nowhere(self, column: str) -> str | None:
        """What a person should know of a column without a target, if anything."""
        obstacle = targets.creation_obstacle(column) if self._creates else None
        if obstacle is not None:
            return f'no custom field is created for "{column}": {obstacle}'
        return targets.mistaken_for(column)

    def _create_or_refuse(self, target: Target, field_type: FieldType | None) -> str | None:
        """What a person must do about a target that the account lacks, if no field is created."""
        account = self.account
        if not account.lacks(target):
            return None
        problem = account.missing_problem(target, field_type, creates=self._creates)
        if problem is None and field_type is not None:
            create = account.create_custom_field if self._has_begun else account.plan_custom_field
            create(target.name, field_type)
        return problem

    def _two_columns(self, other: str, column: str, target: Target) -> str:
        # One that the stream lacks was most likely misspelt.
        is_there = self._has_begun or not self.plan.properties or other in self.plan.properties
        slip = "" if is_there else f", which the stream lacks (did you mean {shown(column)}?)"
        return (
            f"its target {target} is taken by column {shown(other)}{slip}. Map one of them to skip "
            "or to another target."
        )

    def _put(self, column: str, target: Target) -> None:
        self._taken.setdefault(target, column)
        if self.account.lacks(target):
            # A value will tell the type of the field.
            return
        entry = self.plan.mapping.get(column)
        if target.kind is Kind.PREFERENCES:
            self.account.look_for_preferences()
        clears = (entry.null_values if entry else None) or self.config.null_values
        fields = {Kind.STANDARD: STANDARD_FIELDS, Kind.CUSTOM: self.account.known_custom_fields}
        self.columns[column] = Column(
            column,
            target,
            type=fields.get(target.kind, {}).get(target.name, FieldType.STRING),
            clear=clears is NullValues.CLEAR and target.kind in fields,
            source=(entry.source or "") if entry and entry.has_source else None,
        )

    def _leave_out(self, column: str, note: str | None = None) -> None:
        """Skips the column, if there is room to remember it; the note says why."""
        # What Airbyte writes about deletions is read wherever it is mapped to.
        target = Target(Kind.DELETED) if column == DELETED_AT_COLUMN else SKIP
        has_room = len(self.columns) < len(self.plan.properties) + MAX_LATE_COLUMNS
        if has_room or column in self.columns or target != SKIP:
            self.columns[column] = Column(column, target)
            self.notes += [note] if note else []

    def _look_for_slips(self) -> None:
        """Notes the mapped columns that the schema lacks.

        One that decides on people is a problem if it is spelt nearly as another that is there.
        """
        mapping, properties = self.plan.mapping, self.plan.properties
        names = NameIndex(properties)
        near = {c: names.nearest(c) for c in mapping if properties and c not in properties}
        told = [column for column in near if near[column] or mapping[column].target != Kind.SKIP]
        if told:
            nearest = [*filter(None, near.values())]
            hint = f" Did you mean {listed(nearest)}?" if nearest else ""
            self.notes.append(
                f"the mapping names {listed(told)}, which the schema of the stream lacks. It has "
                f"an effect there only if records have more than the schema says.{hint}"
            )
        for column, meant in near.items():
            target = mapping[column].target
            if meant is None or meant in mapping or target.startswith(_DECIDE_ON_NOBODY):
                continue
            # A column that waits for its type has no place yet.
            if meant not in self.columns or str(self.columns[meant].target) != target:
                self.problems.append(
                    f"{listed([column])} is mapped to {target}, but is not in the stream; did you "
                    f"mean {listed([meant])}? Map that one, to skip if it means something else."
                )
