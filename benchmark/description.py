"""What a kind of record is.

From its description follow the lines of the workload, the catalog, the configuration, the account
of the sink, and the floor, so that none of them can drift from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Make: TypeAlias = Callable[[int], object]
"""Number of a record -> the value of a column."""

TEXT_CHARACTERS = 255
DEAREST = 2.5
"""The limit of what no promise names: it may not cost more than the dearest that one names."""
CHEAPEST = 1.3
"""The limit of what costs less than the floor: it may not become dearer than the floor unseen."""
UNCLEAR = "maybe"
"""A value that says neither yes nor no."""


class Form(StrEnum):
    """How a value is written. The names are those of Maileon's types, the last three aside."""

    TEXT = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    JSON = "json"
    LIST = "list"
    WHOLE = "whole number with a fraction of zero"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the records. A target of None is a column that is mapped to nothing."""

    name: str
    target: str | None
    make: Make
    form: Form = Form.TEXT
    source: str | None = None


class Spread(StrEnum):
    """Where the records of one contact stand in the input."""

    IN_A_ROW = "in a row"
    SCATTERED = "scattered"


class Trouble(StrEnum):
    """What is the matter with a contact; the sink reads it at the beginning of its address."""

    REFUSED = "refused"
    """Always, for a value (code 25)."""
    INVALID = "invalid"
    """Always, for its address (code 3)."""
    TAKEN = "taken"
    """Always, since another contact has its identifier (code 4)."""
    MOVED = "moved"
    """Once, since another contact has its address (code 5), and not the next time."""
    POISONED = "poisoned"
    """The call that holds it, as a whole (400)."""
    SHARED = "shared"
    """All of these have one address: Maileon takes the first, the others are refused (code 5)."""


class Removal(StrEnum):
    """What the records of a kind do instead of writing a contact."""

    DELETE = "delete"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the records of one workload have in common.

    `limit` is how many times the floor's CPU the connector may take at most.
    `duplicates` is the share of records that are of an earlier contact, `nulls` that of values that
    are null. One contact in `troubled_every` has the trouble (0: none). In the `doubtful` column
    some records are UNCLEAR, for which the connector rejects them itself. The catalog may have the
    columns `is_reversed`. `share` is what part of the usual number of records is enough.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    limit: float = DEAREST
    options: Mapping[str, object] = field(default_factory=dict)
    duplicates: float = 0.0
    spread: Spread = Spread.IN_A_ROW
    nulls: float = 0.0
    streams: int = 1
    records_per_state: int = 1_000
    troubled_every: int = 0
    trouble: Trouble = Trouble.REFUSED
    doubtful: str = ""
    is_reversed: bool = False
    is_ascii: bool = False
    has_control_characters: bool = False
    removal: Removal | None = None
    share: float = 1.0

    @property
    def clears(self) -> bool:
        """Whether a null is written."""
        return self.options.get("null_values") == "clear"

    @property
    def cuts(self) -> bool:
        """Whether text is cut."""
        return bool(self.options.get("truncate_long_text"))

    @property
    def permission(self) -> Column | None:
        """The column that tells the permission, if there is one."""
        return next((c for c in self.columns if c.target == "permission"), None)
