"""The parts of a simulated sync: plain values that can be printed, shortened and run again."""

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
"""Fields beyond those of the schema are columns that appear only in records."""

VANISHING_FIELDS = ("GONE", "GONE2")
SHADOWED_COLUMN = "G2"
"""Used only where the schema has `custom:G2`, which has the same target."""

CREATED_COLUMN = "Hat"
"""A column for which the account has no field."""

ENVELOPE_BYTES = len("<contacts></contacts>")
PREFERENCES = frozenset({("News", "Weekly"), ("News", "Daily")})
PERMISSION_COLUMN = "consent"
UNSUBSCRIBE_COLUMN = "goodbye"
DELETED_COLUMN = "_ab_cdc_deleted_at"
REFUSED_VALUE = "refused"
TOO_LARGE_VALUE = "too large"
DISLIKED_VALUE = "disliked"
"""Values of POISON for which the server refuses the call, with 400, 413 or 403."""

NAMESPACE = "north"


class Kind(StrEnum):
    """The kind of an input line."""

    RECORD = "record"
    STREAM_STATE = "STREAM"
    GLOBAL_STATE = "GLOBAL"
    LEGACY_STATE = "LEGACY"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the input. `gap`: it starts a chunk that comes this many seconds after the last."""

    kind: Kind
    stream: int = 0
    data: Data | None = None
    gap: float | None = None
    loses_namespace: bool = False

    @property
    def is_state(self) -> bool:
        return self.kind not in {Kind.RECORD, Kind.BROKEN}


class Mishap(StrEnum):
    """How a call fails."""

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
        """Whether the failure ends the sync."""
        return self in {
            Mishap.KEY_REFUSED,
            Mishap.RIGHT_MISSING,
            Mishap.REDIRECTED,
            Mishap.PROGRAM_FAULT,
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """The failure of the call that is the `attempt`-th to start, from 0.

    `is_carried_out`: the server carried out the call, and only the answer was lost.
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
    """A stream of the catalog. `operation`: of data activation, with `mode` as its key."""

    mode: str
    operation: str | None = None
    has_consent: bool = False
    has_goodbye: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A contact in the account before the sync; its Maileon id is its position, from 1."""

    email: str
    external_id: str | None = None
    is_unsubscribed: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """How the simulated Maileon behaves. Times in seconds; calls are counted from 0.

    Custom fields vanish with the call `vanishing_at`. Calls of more than `overload_above` contacts
    with a heavy value among them fail. `outage_calls` calls from `outage_at` on fail, with no
    connection or with 500. Removals by a `clinging` identifier are refused with the status
    `refusal`, and all markers if it `refuses_markers`. Calls of more than `timeout_above` contacts
    time out. A call transfers `bytes_per_second`, and each other call in flight slows it by the
    share `load`. In strict mode the report names invalid contacts, or calls are refused as a whole
    (`refuses_invalid`).
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
    """One sync. `config` holds the connector's options that differ from the defaults.

    `output_seconds`: how long the reader of the output takes for a line. The process is killed when
    it waits for the `killed_at`-th time.
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
