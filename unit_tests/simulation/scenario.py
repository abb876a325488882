"""What a simulated sync consists of: plain values, to be printed, shortened and run again."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

Data = dict[str, object]

SCHEMA_FIELDS = {
    "G1": "string",
    "G2": "string",
    "GONE": "string",
    "BAD1": "integer",
    "BAD2": "integer",
    "POISON": "string",
}
CUSTOM_TYPES = {**SCHEMA_FIELDS, "GONE2": "integer", "LATE": "string", "LATE2": "integer"}
"""Those beyond the schema's are columns that only records have."""

VANISHING_FIELDS = ("GONE", "GONE2")
SHADOWED_COLUMN = "G2"
"""Only where the schema has `custom:G2`, to which it would go, too."""

CREATED_COLUMN = "Hat"
"""The account has no such field."""

ENVELOPE_BYTES = len("<contacts></contacts>")
PREFERENCES = frozenset({("News", "Weekly"), ("News", "Daily")})
PERMISSION_COLUMN = "consent"
UNSUBSCRIBE_COLUMN = "goodbye"
DELETED_COLUMN = "_ab_cdc_deleted_at"
REFUSED_VALUE = "refused"
TOO_LARGE_VALUE = "too large"
DISLIKED_VALUE = "disliked"
"""In POISON they make the server refuse the call, with 400, 413 or 403."""

NAMESPACE = "north"


class Kind(StrEnum):
    """What a line of the input is."""

    RECORD = "record"
    STREAM_STATE = "STREAM"
    GLOBAL_STATE = "GLOBAL"
    LEGACY_STATE = "LEGACY"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the input. `gap`: it begins a chunk that arrives so many seconds after the last.

    `loses_namespace`: the record does not say in which namespace its stream is.
    """

    kind: Kind
    stream: int = 0
    data: Data | None = None
    gap: float | None = None
    loses_namespace: bool = False

    @property
    def is_state(self) -> bool:
        return self.kind not in {Kind.RECORD, Kind.BROKEN}


class Mishap(StrEnum):
    """What goes wrong with a call."""

    CONNECTION = "connection"
    TIMEOUT = "timeout"
    THROTTLED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    UNREADABLE = "unreadable"
    KEY_REFUSED = "401"
    RIGHT_MISSING = "403"
    REDIRECTED = "redirect"
    PROGRAM_FAULT = "bug"

    @property
    def ends_sync(self) -> bool:
        """Whether trying again does not help."""
        return self in {
            Mishap.KEY_REFUSED,
            Mishap.RIGHT_MISSING,
            Mishap.REDIRECTED,
            Mishap.PROGRAM_FAULT,
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls the call that is the `attempt`-th to start, from 0.

    `is_carried_out`: the server did it, and only the answer was lost.
    """

    attempt: int
    mishap: Mishap
    is_carried_out: bool = False
    retry_after: float | None = None


class Naming(StrEnum):
    """How the report names invalid contacts."""

    AS_SENT = "as sent"
    EMAIL_ONLY = "email only"
    NIL = "nil"
    FIRST_ONLY = "the first only"
    UNLISTED = "not at all"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of the catalog. `operation`: that of data activation, with `mode` as its key."""

    mode: str
    operation: str | None = None
    has_consent: bool = False
    has_goodbye: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A contact that the account has before the sync; its Maileon id is its place, from 1."""

    email: str
    external_id: str | None = None
    is_unsubscribed: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """How the simulated Maileon behaves. Seconds; a call is `vanishing_at`-th from 0.

    Calls of more than `overload_above` contacts that hold one of `heavy` fail; from `outage_at` on
    all fail, for want of a connection or with 500, until `outage_calls` have. The removals of those
    with a `clinging` identifier are refused, with `refusal`; markers, if it `refuses_markers`.
    Calls of more than `timeout_above` contacts are not answered in time. Bytes travel at so many
    `bytes_per_second`, and each call in flight makes the others last longer by the share `load`.
    Where no contact may be invalid it says which is, or `refuses_invalid` calls as a whole.
    """

    naming: Naming = Naming.AS_SENT
    slowest_answer: float = 2.0
    miscounts: bool = False
    vanishing_at: int | None = None
    overload_above: int | None = None
    outage_at: int | None = None
    outage_calls: int = 1_000_000
    timeout_above: int | None = None
    bytes_per_second: float | None = None
    load: float = 0.0
    refuses_markers: bool = False
    refuses_invalid: bool = False
    clinging: tuple[str, ...] = ()
    refusal: int = 400
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One sync. `config` holds the keys of the connector's configuration beyond the defaults.

    `output_seconds` is how long whoever reads the output takes for a line. The process is killed
    when it waits for the `killed_at`-th time.
    """

    seed: int
    streams: tuple[Stream, ...]
    items: tuple[Item, ...]
    known: tuple[Known, ...] = ()
    server: Server = field(default_factory=Server)
    config: Data = field(default_factory=dict)
    reading_fails: bool = False
    stores_rejections: bool = False
    store_fails_at: int | None = None
    clock_creeps: bool = False
    max_held_states: int = 10_000
    output_seconds: float = 0.0
    killed_at: int | None = None
    has_namespaces: bool = False

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is sent."""
        return bool(self.config.get("dry_run"))

    @property
    def is_strict(self) -> bool:
        """Whether one rejection ends the sync."""
        return not self.config.get("ignore_invalid_contacts", True)

    @property
    def records(self) -> list[Item]:
        """The records of the input, in order."""
        return [item for item in self.items if item.kind is Kind.RECORD]

    def setting(self, key: str, default: object) -> object:
        """A key of the configuration."""
        return self.config.get(key, default)
