"""The keys about which column goes where in Maileon, and what becomes of columns and nulls.

This module alone decides their names, values, defaults and what a person reads about them. What a
target is called is decided in `targets`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, WithJsonSchema

from destination_maileon.config.targets import Kind, parse_target
from destination_maileon.config.types import ConfigModel, Flag, OptionalText, Text, key, refused
from destination_maileon.maileon.contact import STANDARD_FIELDS

_STANDARD_NAMES = ", ".join(STANDARD_FIELDS)
TARGET_FORMS = (
    "email, external_id, maileon_id, permission, standard:NAME, custom:NAME, "
    "preference:CATEGORY/NAME, deleted, unsubscribe or skip"
)
TARGET_PATTERN = (
    r"^(email|external_id|maileon_id|permission|deleted|unsubscribe|skip"
    r"|(standard|custom):[\s\S]+|preference:[\s\S]+/[\s\S]+)$"
)


class UnmappedColumns(StrEnum):
    """What happens to columns that have no target."""

    IGNORE = "ignore"
    CREATE = "create"
    FAIL = "fail"


class NullValues(StrEnum):
    """What a null does to the value that Maileon holds."""

    KEEP = "keep"
    CLEAR = "clear"


def _as_target(text: str) -> str:
    if parse_target(text) is not None:
        return text
    if text.startswith(f"{Kind.STANDARD}:"):
        raise refused(f"must be standard:NAME with one of the names {_STANDARD_NAMES}")
    raise refused(f"must be one of the forms {TARGET_FORMS}")


class ColumnMapping(ConfigModel):
    """One column and the field in Maileon that it fills."""

    model_config = ConfigDict(title="Column")
    keys_with_null: ClassVar[frozenset[str]] = frozenset({"source"})

    column: Annotated[
        Text,
        key(
            "",
            title="Column",
            description="The column's name, exactly as the source delivers it (see the schema of "
            "the connection).",
            examples=["first_name", "color"],
        ),
    ]
    target: Annotated[
        str,
        AfterValidator(_as_target),
        key(
            "",
            title="Target",
            description="Where the column goes. An identifier: email, external_id or maileon_id. A "
            "custom field: custom:NAME. A preference: preference:CATEGORY/NAME, with the names in "
            f"your Maileon account. A standard field: standard:NAME, NAME being {_STANDARD_NAMES}. "
            "The contact's permission: permission. The end: unsubscribe or deleted; a true value "
            "or a time in the column unsubscribes or removes the contact. Nowhere: skip.",
            examples=["email", "standard:FIRSTNAME", "custom:COLOR", "preference:News/Weekly"],
            pattern=TARGET_PATTERN,
            pattern_descriptor=TARGET_FORMS,
        ),
    ]
    source: Annotated[
        str | None,
        WithJsonSchema({"type": ["string", "null"]}),
        key(
            "",
            title="Preference Source",
            description="Only for preferences: the source to store with the preference, such as "
            "the form where it was given. Without it the stored source stays; an empty text in "
            "the configuration's JSON deletes it.",
            examples=["Newsletter form"],
        ),
    ] = None
    null_values: Annotated[
        NullValues | None,
        key(
            "",
            title="Null Values",
            description="What happens when a record has no value (null) in this column. keep: the "
            "value that Maileon holds stays. clear: it is removed. Leave this empty to do as with "
            "all columns.",
        ),
    ] = None

    @property
    def has_source(self) -> bool:
        """Whether `source` was given. Given and empty, it deletes the stored source."""
        return "source" in self.model_fields_set


class StreamConfig(ConfigModel):
    """One stream and where its columns go."""

    model_config = ConfigDict(title="Stream")

    name: Annotated[
        Text,
        key(
            "",
            title="Stream Name",
            description="The stream's name, exactly as the connection shows it.",
            examples=["customers"],
        ),
    ]
    namespace: Annotated[
        OptionalText | None,
        key(
            "",
            title="Namespace",
            description="The stream's namespace (often the schema of the source's database). "
            "Needed only if several streams have this name; if empty, the mapping is for all of "
            "them.",
            examples=["public"],
        ),
    ] = None
    mapping: Annotated[
        tuple[ColumnMapping, ...],
        key(
            "",
            title="Columns",
            description="One entry per column. Columns without an entry are mapped by their name.",
        ),
    ]


class MappingKeys(ConfigModel):
    """Columns, fields and values."""

    streams: Annotated[
        tuple[StreamConfig, ...],
        key(
            "mapping",
            title="Column Mapping",
            description="Which column goes to which field in Maileon. Needed only where the names "
            "differ: columns that are named like an identifier (email), like a standard field "
            "(first_name) or like a custom field of your account find their way by themselves. "
            "Add one entry per stream.",
            always_show=True,
        ),
    ] = ()
    unmapped_columns: Annotated[
        UnmappedColumns,
        key(
            "mapping",
            title="Columns Without a Field",
            description="What happens to columns that have no field in Maileon. ignore: they are "
            "left out, and a warning names them. create: a custom field is added to your Maileon "
            "account for each. fail: the sync stops before anything is sent.",
            always_show=True,
        ),
    ] = UnmappedColumns.IGNORE
    null_values: Annotated[
        NullValues,
        key(
            "mapping",
            title="Null Values",
            description="What happens when a record has no value (null) in a column. keep: the "
            "value that Maileon holds stays. clear: it is removed. Identifiers, permission and "
            "preferences are never cleared.",
        ),
    ] = NullValues.KEEP
    truncate_long_text: Annotated[
        Flag,
        key(
            "mapping",
            title="Truncate Long Text",
            description="If on, text is cut at the 255 characters that a field in Maileon holds. "
            "If off, Maileon refuses a contact with longer text, and it is reported as rejected.",
        ),
    ] = False
