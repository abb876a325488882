"""The kinds of records that are measured: first those that the promises name, then further ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from benchmark.description import CHEAPEST, UNCLEAR, Column, Form, Kind, Make, Removal, Spread


def _person(number: int) -> str:
    return f"person.{number}@example.com"


def _id(number: int) -> str:
    return str(10_000_000 + number)


def _day(number: int) -> str:
    return f"{1930 + number % 80}-{1 + number % 12:02}-{1 + number % 28:02}"


def _timestamp(number: int) -> str:
    return f"{_day(number)}T{number % 24:02}:{number % 60:02}:00.000000Z"


def _day_or_timestamp(number: int) -> str:
    forms = (_day, _timestamp, lambda n: f"{_day(n)} {n % 24:02}:30:00", _day)
    return forms[number % len(forms)](number)


def _bigquery_timestamp(number: int) -> str:
    return f"{_day(number)} {number % 24:02}:{number % 60:02}:00.123 UTC"


def _text(name: str, more: str = "") -> Make:
    return lambda number: f"value {number % 97} of {name}{more}"


def _words(name: str, length: int) -> Make:
    return lambda number: (f"value {number % 97} of {name}, " * length)[:length]


def _address_of(name: str) -> str:
    return name.replace("_", "").upper()


EMAIL = Column("email", "email", _person)
EXTERNAL_ID = Column("external_id", "external_id", _id)
MAILEON_ID = Column("maileon_id", "maileon_id", _id)
NAMES = (
    "first_name",
    "last_name",
    "city",
    "zip",
    "country",
    "organization",
    "title",
    "address",
)
BIRTHDAY = Column("birthday", "standard:BIRTHDAY", _day, Form.DATE)
EXTRA = tuple(f"extra_{number:02}" for number in range(40))


def _fields(make: Callable[[str], Make], names: tuple[str, ...] = NAMES) -> tuple[Column, ...]:
    return tuple(Column(name, f"standard:{_address_of(name)}", make(name)) for name in names)


def _custom(make: Callable[[str], Make], names: tuple[str, ...] = EXTRA) -> tuple[Column, ...]:
    return tuple(Column(name, f"custom:{name}", make(name)) for name in names)


TEN = (EMAIL, *_fields(_text), BIRTHDAY)
FIFTY = (*TEN, *_custom(_text))
EMOJI = " \N{GRINNING FACE} für Müller \N{EM DASH} Straße"
MARKUP = " & <b> > done"
LINES = '\nsaid "yes"\tand \\ left'

NUMBERS = (
    Column("age", "custom:age", lambda n: n % 90, Form.INTEGER),
    Column("score", "custom:score", lambda n: n % 1_000 + 0.25, Form.FLOAT),
    Column("orders", "custom:orders", lambda n: n * 7919 % 100_000, Form.INTEGER),
    Column("is_member", "custom:is_member", lambda n: n % 3 == 0, Form.BOOLEAN),
    Column("has_card", "custom:has_card", lambda n: n % 2 == 0, Form.BOOLEAN),
    Column("since", "custom:since", _timestamp, Form.DATE),
    Column("last_order", "custom:last_order", _timestamp, Form.DATE),
    Column("birthday", "standard:BIRTHDAY", _timestamp, Form.DATE),
)
DATES = tuple(
    Column(name, target, _day_or_timestamp, Form.DATE)
    for name, target in (
        ("since", "custom:since"),
        ("last_order", "custom:last_order"),
        ("birthday", "standard:BIRTHDAY"),
        ("nameday", "standard:NAMEDAY"),
    )
)
PERMISSIONS = ("none", "single_opt_in", "double_opt_in", "other")
PERMISSION = Column("consent", "permission", lambda n: PERMISSIONS[n % len(PERMISSIONS)])
INTERESTS = ("Weekly", "Offers", "Events", "Partners")


def _preference_columns(source: str | None = None) -> tuple[Column, ...]:
    return tuple(
        Column(f"likes_{name.lower()}", f"preference:News/{name}", _bit(at), Form.BOOLEAN, source)
        for at, name in enumerate(INTERESTS)
    )


def _bit(at: int) -> Make:
    return lambda number: (number >> at) % 2 == 0


def _preference_list(number: int) -> list[dict[str, object]]:
    return [
        {"category": "News", "name": name, "value": (number >> at) % 2 == 0, "source": "shop"}
        for at, name in enumerate(INTERESTS[:3])
    ]


PREFERENCES = Column("preferences", "preferences", _preference_list, Form.LIST)


def _nested(number: int) -> object:
    return {
        "street": f"Straße {number % 200}",
        "tags": ["a", "b", number % 7],
        "geo": {"lat": 48.5},
    }


NESTED = tuple(
    Column(name, f"custom:{name}", _nested, Form.JSON) for name in ("extra_00", "extra_01")
)


def _deep(number: int) -> object:
    value: object = {"number": number, "tags": ["a", "b & c"]}
    for level in range(30):
        value = {"level": level, "below": [value, None]}
    return value


DEEP = Column("payload", None, _deep, Form.JSON)
HUNDRED = tuple(f"field_{number:03}" for number in range(100))
NUMBER_TEXTS = (
    *(Column(f"count_{n}", f"custom:count_{n}", str, Form.INTEGER) for n in range(5)),
    *(Column(f"sum_{n}", f"custom:sum_{n}", lambda n: f"{n}.25", Form.FLOAT) for n in range(4)),
)
TIMESTAMPS = tuple(
    Column(f"time_{n}", f"custom:time_{n}", _timestamp, Form.TIMESTAMP) for n in range(9)
)
BIGQUERY_DAYS = tuple(
    Column(f"day_{n}", f"custom:day_{n}", _bigquery_timestamp, Form.DATE) for n in range(9)
)
WHOLE = tuple(Column(f"whole_{n}", f"custom:whole_{n}", float, Form.WHOLE) for n in range(9))
DOUBTFUL = Column(
    "likes_weekly",
    "preference:News/Weekly",
    lambda n: UNCLEAR if n % 5 == 0 else n % 2 == 0,
    Form.BOOLEAN,
)
DELETED = Column("gone", "deleted", lambda _: True, Form.BOOLEAN)
UNSUBSCRIBED = Column("gone", "unsubscribe", lambda _: True, Form.BOOLEAN)


def _with(more: str) -> tuple[Column, ...]:
    return (EMAIL, *_fields(lambda name: _text(name, more)), BIRTHDAY)


_AMPERSAND = tuple(
    Column(c.name, c.target, lambda n: f"Müller & Söhne {n % 97}")
    if c.name == "organization"
    else c
    for c in TEN
)
_EVERYTHING = MARKUP + EMOJI + LINES
_KINDS = (
    Kind("plain", "ten plain columns", TEN, limit=1.5),
    Kind("ampersand", "one & in each record", _AMPERSAND, limit=2.0),
    Kind("markup", "& < > in each value", _with(MARKUP), limit=2.0),
    Kind("umlauts", "umlauts and emoji in each value", _with(EMOJI), limit=2.0),
    Kind("newlines", "newlines, quotes and backslashes in each value", _with(LINES), limit=2.0),
    Kind("escapes", "JSON \\u escapes in each value", _with(EMOJI), limit=2.0, is_ascii=True),
    Kind("everything", "all of these in each value", _with(_EVERYTHING), limit=2.0),
    Kind("nulls", "50 columns, 60 % null in any combination", FIFTY, limit=1.3, nulls=0.6),
    Kind("full", "50 columns, full", FIFTY, limit=1.3),
    Kind(
        "unmapped",
        "50 columns, 40 of them unmapped",
        (*TEN, *(Column(f"unmapped_{n:02}", None, _text(f"column {n}")) for n in range(40))),
        limit=1.5,
    ),
    Kind(
        "truncated",
        "text of 400 characters that is cut",
        (EMAIL, *_fields(lambda name: _words(name, 400)), BIRTHDAY),
        limit=1.5,
        options={"truncate_long_text": True},
    ),
    Kind("typed", "numbers, booleans, timestamps to date fields", (EMAIL, *NUMBERS), limit=2.0),
    Kind("permission", "a permission column", (*TEN[:9], PERMISSION), limit=2.0),
    Kind("preferences", "four preference columns", (*TEN[:6], *_preference_columns()), limit=2.0),
    Kind("nested", "two nested values as JSON", (*TEN[:8], *NESTED), limit=2.0),
    Kind("list", "a list of three preferences", (*TEN[:9], PREFERENCES), limit=2.5),
    Kind("pairs", "10 % duplicates, in a row", TEN, limit=2.0, duplicates=0.1),
    Kind("tens", "90 % duplicates, in a row", TEN, limit=2.0, duplicates=0.9),
    Kind(
        "scattered",
        "10 % duplicates, scattered",
        TEN,
        limit=2.0,
        duplicates=0.1,
        spread=Spread.SCATTERED,
    ),
    Kind(
        "scattered-tens",
        "90 % duplicates, scattered",
        TEN,
        limit=2.0,
        duplicates=0.9,
        spread=Spread.SCATTERED,
    ),
    Kind("streams", "20 interleaved streams", TEN, limit=2.5, streams=20),
    Kind("states", "a state every ten records", TEN, limit=2.5, records_per_state=10),
    Kind("refused", "1 % rejected", TEN, limit=2.0, troubled_every=100),
    Kind("refused-often", "20 % rejected", TEN, limit=2.5, troubled_every=5),
    Kind("short", "three plain columns", TEN[:3]),
    Kind("address", "nothing but the address", (EMAIL,)),
    Kind("dates", "days and timestamps mixed", (EMAIL, *DATES)),
    Kind(
        "cleared",
        "ten columns, 30 % null, nulls clear",
        TEN,
        nulls=0.3,
        options={"null_values": "clear"},
    ),
    Kind("kept", "ten columns, 30 % null", TEN, nulls=0.3),
    Kind(
        "sources",
        "four preference columns with a source",
        (*TEN[:6], *_preference_columns("shop")),
    ),
    Kind(
        "external-id",
        "external id and address",
        (EXTERNAL_ID, *TEN),
        options={"identifier_mode": "external_id"},
    ),
    Kind(
        "maileon-id",
        "Maileon id and address",
        (MAILEON_ID, *TEN),
        options={"identifier_mode": "maileon_id"},
    ),
    Kind(
        "long",
        "50 columns of 200 characters",
        (
            EMAIL,
            *_fields(lambda name: _words(name, 200)),
            BIRTHDAY,
            *_custom(lambda name: _words(name, 200)),
        ),
        limit=CHEAPEST,
        share=0.5,
    ),
    Kind(
        "control",
        "a control character in each value",
        _with("\x01\x0b end"),
        has_control_characters=True,
    ),
    Kind(
        "partial",
        "90 % duplicates that each fill 30 %",
        TEN,
        # No more than a plain record takes, but its floor makes one element of ten records, where
        # the connector makes one of each: a refused contact is sent again record by record.
        limit=3.5,
        duplicates=0.9,
        nulls=0.7,
    ),
    Kind(
        "hundred",
        "100 custom fields",
        (EMAIL, *_custom(_text, HUNDRED)),
        limit=CHEAPEST,
        share=0.3,
    ),
    Kind(
        "sparse",
        "100 custom fields, 95 % null",
        (EMAIL, *_custom(_text, HUNDRED)),
        limit=CHEAPEST,
        nulls=0.95,
        share=0.5,
    ),
    Kind("number-texts", "numbers as texts", (EMAIL, *NUMBER_TEXTS)),
    Kind("timestamps", "nine timestamp fields", (EMAIL, *TIMESTAMPS)),
    Kind("bigquery", "nine date fields, times as BigQuery writes them", (EMAIL, *BIGQUERY_DAYS)),
    Kind("whole", "nine whole numbers as 5.0", (EMAIL, *WHOLE)),
    Kind(
        "unclear",
        "20 % rejected by the connector itself",
        (*TEN[:9], DOUBTFUL),
        doubtful=DOUBTFUL.name,
    ),
    Kind(
        "reversed",
        "50 columns, in the catalog the other way round",
        FIFTY,
        limit=CHEAPEST,
        is_reversed=True,
    ),
    Kind("deep", "a deeply nested value that is mapped to nothing", (*TEN, DEEP)),
    Kind("thousands", "a thousand records of each contact", TEN, duplicates=0.999),
    Kind(
        "mixed",
        "20 streams, many states, typed, 30 % null, 1 % rejected",
        (*TEN[:6], *NUMBERS),
        nulls=0.3,
        streams=20,
        records_per_state=10,
        troubled_every=100,
    ),
    Kind(
        "deletions",
        "deletions",
        (EMAIL, DELETED),
        limit=CHEAPEST,
        options={"deleted_records": "delete"},
        removal=Removal.DELETE,
        share=0.1,
    ),
    Kind(
        "opt-outs",
        "opt-outs",
        (EMAIL, UNSUBSCRIBED),
        limit=CHEAPEST,
        options={"deleted_records": "unsubscribe"},
        removal=Removal.UNSUBSCRIBE,
        share=0.1,
    ),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _KINDS})


def custom_fields() -> dict[str, str]:
    """Name and type of every custom field that a kind maps a column to."""
    return {
        column.target.removeprefix("custom:"): _field_type(column.form)
        for kind in _KINDS
        for column in kind.columns
        if column.target and column.target.startswith("custom:")
    }


def _field_type(form: Form) -> str:
    return {Form.JSON: Form.TEXT, Form.WHOLE: Form.INTEGER}.get(form, form).value
