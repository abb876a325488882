"""Preferences, by column and by list: what becomes of value and source of those that are stored."""

from __future__ import annotations

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, columns
from integration_tests.platform import record, stream, stream_state
from maileon_sandbox import Fault

# Name, what the mapping or the list says of the source, and what is stored afterwards.
SOURCES: dict[str, tuple[Json, str | None]] = {
    "absent": ({}, "old form"),
    "empty": ({"source": ""}, None),
    "null": ({"source": None}, None),
    "set": ({"source": "new form"}, "new form"),
}
NEWS = "News & more/daily"


@pytest.mark.parametrize("value", [False, True, None])
@pytest.mark.parametrize("is_listed", [False, True])
def test_the_source_is_kept_deleted_or_set_whatever_becomes_of_the_value(
    connection: Connection, *, is_listed: bool, value: bool | None
) -> None:
    account = connection.sandbox.account
    for name in SOURCES:
        account.add_preference(NEWS, name)
    account.add_contact(
        "a@example.com", preferences={(NEWS, name): ("true", "old form") for name in SOURCES}
    )
    rows = [
        {"column": f"wants {name}", "target": f"preference:{NEWS}/{name}", **said}
        for name, (said, _) in SOURCES.items()
    ]
    listed = [
        {"category": NEWS, "name": name, "value": value, **said}
        for name, (said, _) in SOURCES.items()
    ]
    by_column = {f"wants {name}": value for name in SOURCES}
    data = {"email": "a@example.com", **({"preferences": listed} if is_listed else by_column)}
    run = connection.sync(
        [record(data), stream_state(1)],
        stream(columns("preferences", *by_column)),
        streams=[] if is_listed else [{"name": "people", "mapping": rows}],
    )
    assert (run.exit_code, run.stats) == (0, [(1, 0)])
    (contact,) = account.contacts()
    # A null value leaves the preference alone, its source included.
    assert contact.preferences == {
        (NEWS, name): ("true", "old form") if value is None else (str(value).lower(), source)
        for name, (_, source) in SOURCES.items()
    }


def test_a_list_may_be_text_and_one_of_another_form_rejects_its_record_alone(
    connection: Connection,
) -> None:
    connection.sandbox.account.add_preference("News", "Weekly")
    good = '[{"category": "News", "name": "Weekly", "value": "yes"}]'
    bad: list[object] = ["News", [1], [{"name": "Weekly", "value": True}], {"News": True}]
    values = [good, None, "", "[]", *bad]
    people = [{"email": f"p{n}@example.com", "preferences": one} for n, one in enumerate(values)]
    run = connection.sync([*map(record, people), stream_state(1)], stream(columns("preferences")))
    assert (run.exit_code, run.stats) == (0, [(4, 4)])
    stored = [dict(contact.preferences) for contact in connection.sandbox.account.contacts()]
    assert stored == [{("News", "Weekly"): ("true", None)}, {}, {}, {}]
    lines = [said for said in run.logs("WARN") if said.startswith("Record ")]
    assert all("not a list of preferences (field preferences)" in said for said in lines)
    # Three of a reason are told one by one.
    assert len(lines) == 3


LISTED = [
    [{"category": "News", "name": "Weekly", "value": True}],
    [{"category": "News", "name": "Weekyl", "value": True}],
    [{"category": "News", "name": "Daily", "value": None}],
]


@pytest.mark.parametrize("properties", [columns("preferences"), columns()])
def test_a_listed_preference_that_the_account_lacks_rejects_its_record_before_a_call(
    connection: Connection, properties: dict[str, Json]
) -> None:
    connection.sandbox.account.add_preference("News", "Weekly")
    people = [{"email": f"p{n}@example.com", "preferences": one} for n, one in enumerate(LISTED)]
    run = connection.sync([*map(record, people), stream_state(1)], stream(properties))
    assert (run.exit_code, run.stats, connection.batches) == (0, [(2, 1)], [2])
    (line,) = [said for said in run.logs("WARN") if said.startswith("Record ")]
    assert line.endswith(
        "was rejected: a preference that the account does not have (field preferences). Use the "
        'category and name of one in Maileon (did you mean "News/Weekly"?), or create it there.'
    )


def test_where_the_key_may_not_read_preferences_a_list_of_them_is_maileons_to_judge(
    connection: Connection,
) -> None:
    connection.sandbox.account.add_preference("News", "Weekly")
    connection.sandbox.script(Fault(status=403, path="/contacts/preference", times=None))
    people = [{"email": f"p{n}@example.com", "preferences": one} for n, one in enumerate(LISTED)]
    run = connection.sync([*map(record, people), stream_state(1)], stream(columns("preferences")))
    assert (run.exit_code, run.stats, connection.batches) == (0, [(2, 1)], [3])
