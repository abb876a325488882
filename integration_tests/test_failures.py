"""Every row of the page's table of failures, provoked: its type, and words for a person."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from integration_tests import silence
from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, mapping, people
from integration_tests.platform import (
    PROGRAM,
    catalog,
    judge,
    outcome,
    record,
    stream,
    stream_state,
    write_arguments,
)
from maileon_sandbox import Fault
from scripts.documents import OPERATIONS

BAD = record({"email": "no address"})
GONE = record({"email": "gone@example.com", "_ab_cdc_deleted_at": "2026-01-01"})
PAGE = b"<html><body>Welcome</body></html>"
NOT_NOW = b"<error><message>not now</message></error>"
NO_PERMISSION = b"<error><message>permission must be between 1 and 6</message></error>"


@dataclass(frozen=True, slots=True)
class Case:
    """What goes wrong, and what the message must tell; `row` is how the page's row begins."""

    row: str
    told: Sequence[str]
    kind: str = "config_error"
    faults: Sequence[Fault] = ()
    config: Json = field(default_factory=dict)
    configured: Json = field(default_factory=dict)
    more: Sequence[Json | bytes] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    members: Sequence[str] = ()
    """Who is in the audience VIP of an earlier sync."""


CASES = [
    Case(
        "configuration or catalog invalid",
        ['unknown key "update_olny"', 'did you mean "update_only"?'],
        config={"update_olny": True},
    ),
    Case(
        "configuration or catalog invalid",
        ["no column holds the contact's external_id", "Map a column to it"],
        config={"identifier_mode": "external_id"},
    ),
    Case(
        "401",
        ["(401)", "wrong, expired or deactivated", "Settings, API Keys"],
        faults=[Fault(status=401, method="POST")],
    ),
    Case(
        "403",
        ["lacks the right to update (POST, 403)", "IP allow list", "Settings, API Keys"],
        faults=[Fault(status=403, method="POST")],
    ),
    Case(
        "404, or a web page as answer",
        ["127.0.0.1", "(404)", "the base URL is not the API's"],
        faults=[Fault(status=404, method="POST")],
    ),
    Case(
        "404, or a web page as answer",
        ["127.0.0.1", "a web page", "the base URL is not the API's"],
        faults=[Fault(body=PAGE, content_type="text/html", method="GET")],
    ),
    Case(
        "a redirect",
        ["redirects the call (307)", "The base URL is not the API's"],
        faults=[Fault(redirect="https://example.com/", method="POST")],
    ),
    *(
        Case(
            "a proxy turns calls away, or a certificate is not there or not trusted",
            told,
            config={"base_url": "https://maileon.invalid/1.0"},
            environment=environment,
        )
        for told, environment in (
            (
                ["variable REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", "cannot be read", "Correct or"],
                {"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"},
            ),
            (
                ["variable SSL_CERT_FILE", "/dev/null", "holds no certificate", "Correct or"],
                {"SSL_CERT_FILE": "/dev/null", "REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""},
            ),
            (
                ["maileon.invalid", "variable HTTPS_PROXY names cannot be used", "Correct or"],
                {"HTTPS_PROXY": "nothing://127.0.0.1:9", "NO_PROXY": ""},
            ),
        )
    ),
    Case(
        "the mapping names what does not exist",
        ['no custom field "Hat"', "with type string", 'no preference "Weekly"', "Create it"],
        config={
            "streams": mapping(("hat", "custom:Hat"), ("weekly", "preference:News/Weekly")),
        },
    ),
    Case(
        "more records rejected than",
        ["2 records were rejected, which is more than the 1 that", "2 x"],
        config={"max_rejected_records": 1},
        more=[BAD, BAD],
    ),
    Case(
        "more records rejected than",
        ["HTTP 400", "(ignore_invalid_contacts) is false", "set it to true"],
        config={"ignore_invalid_contacts": False},
        more=[BAD],
    ),
    Case(
        "Maileon refused calls as a whole, and accepted none",
        [
            "as a whole and accepted none",
            "the options of the sync",
            'says: "permission must be between 1 and 6"',
        ],
        faults=[Fault(status=400, body=NO_PERMISSION, method="POST", times=None)],
    ),
    Case(
        "Maileon refused 40 or more deletions and unsubscriptions, and accepted none",
        ["refused all 40 deletions", "nobody was removed", "count as rejected", 'says: "not now"'],
        faults=[Fault(status=400, body=NOT_NOW, method="DELETE", path="/contacts", times=None)],
        # Somebody is written first, so that it is not the options.
        config={"deleted_records": "delete", "batch_size": 1, "concurrent_requests": 1},
        more=[GONE] * 40,
    ),
    Case(
        "more deletions than",
        ["(max_deleted_records)", "stopped after 1", "Pause the connection", "allow more"],
        config={"deleted_records": "delete", "max_deleted_records": 1},
        more=[*people("b"), *people("a", "b", _ab_cdc_deleted_at="2026-01-01")],
    ),
    Case(
        "more people would leave an audience than",
        ['2 people of 3 would leave the audience "VIP"', "nobody left", "allow more"],
        config={
            "streams": [{"name": "people", "audience_field": "VIP"}],
            "max_audience_leavers_percent": 50,
        },
        configured={"destination_sync_mode": "overwrite", "generation_id": 7},
        members=["y", "z"],
    ),
    Case(
        "the bucket for rejected records cannot be written to",
        ['bucket "rejected" (127.0.0.1)', "no connection", "endpoint"],
        kind="transient_error",
        config={
            "object_storage_config": {
                "storage_type": "S3",
                "s3_bucket_name": "rejected",
                "s3_bucket_region": "eu-central-1",
                "bucket_path": "maileon",
                "access_key_id": "made-up",
                "secret_access_key": "made-up-secret",
                "s3_endpoint": "http://127.0.0.1:9",
            }
        },
        more=[BAD],
    ),
    *(
        Case(
            "no connection, timeouts, 429 or 5xx",
            ["failed", "times in", told, "127.0.0.1", "Airbyte will sync again"],
            kind="transient_error",
            faults=[fault],
            # Long enough for the question about the account, on a busy machine, too.
            config={"max_retry_seconds": 0.1, "request_timeout_seconds": 2},
        )
        for told, fault in (
            ("connection was cut", Fault(drop="before", method="POST", times=None)),
            ("no complete answer within", Fault(delay_seconds=5, method="POST", times=None)),
            ("503, service unavailable", Fault(status=503, method="POST", times=None)),
        )
    ),
    Case(
        "a line of the input that is not JSON",
        ["line 3", "not valid JSON", "report it there"],
        kind="system_error",
        more=[b'{"type": "RECORD", "record": {"stream": "people", "data": {"email": NaN}}}\n'],
    ),
]
UNFORESEEN = "anything unforeseen"


def _rows() -> dict[str, str]:
    """What happened -> type, as the page has them."""
    _, _, table = OPERATIONS.read_text(encoding="utf-8").partition("\n| what happened |")
    table, _, _ = table.partition("\n\n")
    return dict(re.findall(r"^\| (.*?) \| `(\w+)` \| .* \|$", table, re.MULTILINE))


def _reads_well(message: str) -> None:
    """Whole sentences, and nothing that only an engineer understands."""
    assert message[-1] == "."
    assert re.search(r"Error\b|Exception|Traceback|None|<|\{", message) is None
    assert len(message) < 500


def test_every_row_has_a_case_and_every_case_its_type() -> None:
    kinds = {case.row: case.kind for case in CASES} | {UNFORESEEN: "system_error"}
    rows = _rows()
    for begins, kind in kinds.items():
        assert [rows[row] for row in rows if row.startswith(begins)] == [kind], begins
    assert [row for row in rows if not row.startswith(tuple(kinds))] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row}: {case.told[0]}")
def test_a_failure_says_what_happened_and_what_to_do(connection: Connection, case: Case) -> None:
    connection.sandbox.account.add_custom_field("VIP", "integer")
    for name in case.members:
        connection.sandbox.account.add_contact(f"{name}@example.com", custom_fields={"VIP": "3"})
    connection.sandbox.script(*case.faults)
    run = connection.with_environment(**case.environment).sync(
        [*people("a"), stream_state(1), *case.more, stream_state(2)],
        stream(**case.configured),
        **case.config,
    )
    assert run.error["failure_type"] == case.kind
    message = run.error["message"]
    assert [told for told in case.told if told not in message] == [], message
    _reads_well(message)


FAULTY = """
from destination_maileon.mapping.contact_encoder import ContactEncoder

def encode(self, row, texts):
    raise KeyError(row)

ContactEncoder.encode = encode
"""


def test_what_nobody_foresaw_is_told_without_details(connection: Connection) -> None:
    # Python runs this first: a program with a fault in it.
    connection.folder.joinpath("sitecustomize.py").write_text(FAULTY, encoding="utf-8")
    faulty = connection.with_environment(PYTHONPATH=str(connection.folder), LOG_LEVEL="DEBUG")
    # What XML forbids is removed, and counted.
    run = faulty.sync([*people("a", first_name="Geheim\x00"), stream_state(1)])
    assert run.error["failure_type"] == "system_error"
    message = run.error["message"]
    assert "unforeseen" in message
    assert "(KeyError)" in message
    assert "report this with the log" in message
    assert "Geheim" not in str(run.messages)


def test_an_input_that_cannot_be_read_is_told(connection: Connection) -> None:
    arguments = write_arguments(connection.folder, connection.config(), catalog(stream()))
    # What was opened to be written cannot be read.
    with connection.folder.joinpath("input").open("wb") as unreadable:
        done = subprocess.run(
            [PROGRAM, *arguments],
            stdin=unreadable,
            capture_output=True,
            timeout=60,
            env=silence.surroundings(),
            check=False,
        )
    run = outcome(arguments, b"", done)
    judge(run, b"")
    assert run.error["failure_type"] == "system_error"
    assert "the input could not be read" in run.error["message"]
    assert run.stderr == ""
