"""One sync with every error code in it: each row of the page's table, provoked over HTTP.

What the sandbox has no reason to say of these records (codes 1, 21 and an unknown one) is scripted.
The rejected records are stored in the same run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, mapping
from integration_tests.platform import record, stream, stream_state
from integration_tests.storage import stored
from maileon_sandbox import Fault
from scripts.documents import REJECTIONS

LONG = "x" * 256
TEXTS = dict(
    enumerate(
        (
            *("address", "city", "given_name", "fullname", "hnr", "lastname", "organization"),
            *("region", "state", "title", "zip"),
        ),
        start=6,
    )
)
TYPES = ("boolean", "float", "double", "integer", "string", "date")
UNKNOWN = 4711
SCRIPTED = {1: "external_id", 21: "hat", UNKNOWN: "not_a_field"}
STORED_ID = 10_001
# What breaks the rule of each code; the address, unless it is said here, is the code's own.
BREAKS: dict[int, Json] = {
    1: {},
    2: {"email": None, "maileon_id": 999},
    3: {"email": "max.mustermann.3@xqueue"},
    4: {"external_id": "taken"},
    5: {"maileon_id": STORED_ID, "email": "another@example.com"},
    **{code: {name: LONG} for code, name in TEXTS.items()},
    17: {"birthday": "31.12.1999"},
    18: {"nameday": "2023-02-29"},
    19: {"gender": "x"},
    20: {"locale": "German"},
    21: {"hat": "red"},
    22: {"a boolean": "perhaps"},
    23: {"a float": "1,5"},
    24: {"a double": "1,5"},
    25: {"a integer": 2**31},
    26: {"a string": LONG},
    27: {"a date": "yesterday"},
    28: {"country": LONG},
    UNKNOWN: {},
}
FIELDS = {
    1: "external_id",
    2: "email",
    3: "email",
    4: "external_id",
    5: "email",
    **{code: name.upper() for code, name in TEXTS.items()},
    8: "FIRSTNAME",
    17: "BIRTHDAY",
    18: "NAMEDAY",
    19: "GENDER",
    20: "LOCALE",
    21: "hat",
    **{code: f"a {name}" for code, name in enumerate(TYPES, start=22)},
    28: "COUNTRY",
}
REPORT = b"""<report><success>false</success><count_contacts>1</count_contacts>
    <count_existing_contacts>0</count_existing_contacts><count_new_contacts>0</count_new_contacts>
    <count_invalid_contacts>1</count_invalid_contacts>
    <count_unsubscribed_contacts>0</count_unsubscribed_contacts>
    <invalid_contacts><contact><email>code%d@example.com</email><external_id nil="true"/>
    <error code="%d"><error_field>%s</error_field></error></contact></invalid_contacts></report>"""


@dataclass(frozen=True, slots=True)
class Everything:
    """The sync after its end, and what it left in the bucket: the lines, and their paths."""

    run: Run
    lines: list[Json]
    paths: list[str]

    def told(self, code: int) -> str:
        """The log line of the record that breaks the code's rule."""
        number = list(BREAKS).index(code) + 1
        (line,) = (
            said for said in self.run.logs("WARN") if said.startswith(f"Record {number} of ")
        )
        return line


@pytest.fixture(scope="module")
def everything(shared_connection: Connection) -> Everything:
    sandbox = shared_connection.sandbox
    for name in TYPES:
        sandbox.account.add_custom_field(f"a {name}", name)
    sandbox.account.add_custom_field("hat")
    stored_contact = sandbox.account.add_contact("one@example.com", external_id="taken")
    sandbox.account.add_contact("another@example.com")
    assert stored_contact.id == STORED_ID
    for code, field in SCRIPTED.items():
        body = REPORT % (code, code, field.encode())
        sandbox.script(Fault(body=body, contains=f"code{code}@", times=None))
    data = [{"email": f"code{code}@example.com", **broken} for code, broken in BREAKS.items()]
    names = {name for one in data for name in one}
    with stored("codes") as storage:
        run = shared_connection.sync(
            [*map(record, data), record({"email": "good@example.com"}), stream_state(1)],
            stream({name: {"type": "string"} for name in sorted(names)}),
            # The report of one contact a call can be scripted.
            batch_size=1,
            identifier_mode="maileon_id",
            streams=mapping(("given_name", "standard:FIRSTNAME")),
            object_storage_config=storage.config,
        )
        return Everything(run, storage.rejected(), list(storage.objects()))


def _documented() -> dict[int, tuple[str, str]]:
    """Code -> meaning and advice, as the page has them."""
    _, _, table = REJECTIONS.read_text(encoding="utf-8").partition("<!-- errors:begin -->")
    table, _, _ = table.partition("<!-- errors:end -->")
    rows = re.findall(r"^\| (\d+) \| (.*) \| (.*) \|$", table, re.MULTILINE)
    return {int(code): (meaning, advice) for code, meaning, advice in rows}


@pytest.mark.parametrize("code", range(1, 28))
def test_the_line_of_each_code_says_what_the_page_says(everything: Everything, code: int) -> None:
    meaning, advice = _documented()[code]
    column = 'It comes from column "given_name". ' if code == 8 else ""
    assert everything.told(code).partition(" was rejected: ")[2] == (
        f"error {code}, {meaning} (field {FIELDS[code]}). {column}{advice}"
    )


@pytest.mark.parametrize(("code", "field"), [(28, " (field COUNTRY)"), (UNKNOWN, "")])
def test_a_code_that_no_document_has_is_shown_as_it_comes(
    everything: Everything, code: int, field: str
) -> None:
    assert f"rejected: error {code}, unknown error code{field}. Look" in everything.told(code)


def test_nobody_else_is_rejected_and_every_reason_is_counted(everything: Everything) -> None:
    run = everything.run
    assert (run.exit_code, run.stats) == (0, [(1, len(BREAKS))])
    (summary,) = (said for said in run.logs("WARN") if "records were rejected: " in said)
    pluralize = re.findall(r"(\d+) x error (\d+),", summary)
    assert sorted((int(code), int(n)) for n, code in pluralize) == [(code, 1) for code in BREAKS]


def test_every_rejected_record_is_stored_with_its_reason(everything: Everything) -> None:
    assert [path.rpartition("/")[0] for path in everything.paths] == ["maileon/7/people"] * len(
        everything.paths
    )
    by_number: dict[int, Any] = {one["rejection"]["record_number"]: one for one in everything.lines}
    assert len(by_number) == len(everything.lines) == len(BREAKS)
    for number, (code, broken) in enumerate(BREAKS.items(), start=1):
        line = by_number[number]
        assert line["record"]["data"] == {"email": f"code{code}@example.com", **broken}
        assert line["rejection"]["error_code"] == code
        assert line["rejection"]["error_field"] == FIELDS.get(code)
        if code in _documented():
            assert line["rejection"]["error_message"].startswith(f"{_documented()[code][0]}. ")
