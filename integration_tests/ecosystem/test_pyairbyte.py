"""PyAirbyte as the platform: source-faker into the sandbox, directly and out of caches."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.__main__ import CUSTOM_FIELDS
from integration_tests import silence
from integration_tests.bookkeeping import Json
from integration_tests.ecosystem import postgres
from integration_tests.ecosystem.counterparts import ROOT, SCRIPTS, program
from integration_tests.platform import PROGRAM, line, record
from integration_tests.silence import key_forms
from maileon_sandbox import Sandbox, StoredContact
from maileon_sandbox.vocabulary import Permission

PEOPLE = 300
PEOPLE_PER_STATE = 100
TIMEOUT_SECONDS = 400
KEY = "key-of-the-pyairbyte-tests"

pytestmark = pytest.mark.timeout(TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class Synced:
    """What PyAirbyte says of its syncs, and the accounts into which they went."""

    outcome: Mapping[str, Json]
    sandboxes: Mapping[str, Sandbox]
    log: str

    def of(self, name: str) -> Json:
        if name not in self.outcome:
            pytest.skip("no PostgreSQL server on this machine (Debian's package postgresql)")
        return self.outcome[name]

    def contacts(self, name: str) -> list[StoredContact]:
        return list(self.sandboxes[name].account.contacts())

    def batches(self, name: str) -> list[int]:
        calls = self.sandboxes[name].calls
        return [call.contacts or 0 for call in calls if call.is_synchronize]


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """All syncs in one process, for PyAirbyte and source-faker take seconds to start."""
    folder = tmp_path_factory.mktemp("pyairbyte")
    source, pyairbyte = program("source-faker", "source-faker"), program("pyairbyte")
    with ExitStack() as opened:
        job: Json = {"postgres": None}
        if server := postgres.programs():
            job["postgres"] = opened.enter_context(postgres.running(server))
        names = ["direct", "duckdb", *(["postgres"] if server else [])]
        sandboxes = {name: opened.enter_context(_account()) for name in names}
        job |= {
            "source": str(source),
            "source_config": {
                "count": PEOPLE,
                "seed": 1,
                "parallelism": 1,
                "records_per_slice": PEOPLE_PER_STATE,
                "always_updated": False,
            },
            "destination": str(PROGRAM),
            "destination_configs": {name: _config(one) for name, one in sandboxes.items()},
            "syncs": names,
            "folder": str(folder),
            "outcome": str(folder / "outcome.json"),
        }
        log = _run(pyairbyte, job, folder)
        outcome = json.loads(Path(job["outcome"]).read_bytes())
        yield Synced(outcome, sandboxes, log)
        assert [sandbox.violations for sandbox in sandboxes.values()] == [[] for _ in names]


def _account() -> Sandbox:
    sandbox = Sandbox(api_key=KEY)
    for name, field_type in CUSTOM_FIELDS.items():
        sandbox.account.add_custom_field(name, field_type)
    return sandbox


def _config(sandbox: Sandbox) -> Json:
    """The demo's, which is about this source's columns."""
    demo: Json = json.loads(ROOT.joinpath("demo", "config.json").read_bytes())
    return {**demo, "api_key": KEY, "base_url": sandbox.base_url}


def _run(python: Path, job: Json, folder: Path) -> str:
    """All that PyAirbyte said, in its own files too."""
    done = subprocess.run(
        [python, SCRIPTS / "pyairbyte_syncs.py"],
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "AIRBYTE_LOGGING_ROOT": str(folder / "logs"),
        },
        timeout=TIMEOUT_SECONDS,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    logs = [path.read_text() for path in sorted(folder.glob("logs/**/*.log"))]
    return "\n".join([done.stdout, *logs])


def test_records_go_directly_from_the_source_into_the_account(synced: Synced) -> None:
    assert synced.of("direct")["written"][0] == PEOPLE
    assert len(synced.contacts("direct")) == PEOPLE
    assert {contact.permission for contact in synced.contacts("direct")} == {
        Permission.DOUBLE_OPT_IN
    }


def test_the_next_sync_starts_from_the_state_that_came_back(synced: Synced) -> None:
    """The source has nothing new after a state, so that not one call is made."""
    outcome = synced.of("direct")

    assert outcome["written"][1] == 0
    assert sum(synced.batches("direct")) == PEOPLE
    assert outcome["state"]["stream"]["stream_state"]["loop_offset"] == PEOPLE


@pytest.mark.parametrize("cache", ["duckdb", "postgres"])
def test_records_go_out_of_a_cache_into_the_account(synced: Synced, cache: str) -> None:
    outcome = synced.of(cache)
    contacts = {contact.external_id: contact for contact in synced.contacts(cache)}

    assert outcome["read"] == len(outcome["rows"]) == PEOPLE
    assert outcome["written"][0] == PEOPLE
    assert len(contacts) == PEOPLE
    for row in outcome["rows"]:
        contact = contacts[str(row["id"])]
        assert _changed(contact, row, cache) == _expected(row)


@pytest.mark.parametrize("cache", ["duckdb", "postgres"])
def test_a_second_sync_out_of_the_cache_updates_the_same_contacts(
    synced: Synced, cache: str
) -> None:
    outcome = synced.of(cache)
    stats = outcome["state"]["destinationStats"]

    assert outcome["written"][1] == PEOPLE
    assert {contact.updates for contact in synced.contacts(cache)} == {1}
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (PEOPLE, 0)
    assert stats["additionalStats"] == {
        "created": 0,
        "existing": PEOPLE,
        "unsubscribed": 0,
        "merged": 0,
        "left_out": 0,
        "removed": 0,
    }


def test_a_row_that_changed_in_the_warehouse_changes_its_contact(synced: Synced) -> None:
    synced.of("postgres")
    names = {
        contact.external_id: contact.standard_fields["FIRSTNAME"]
        for contact in synced.contacts("postgres")
    }

    assert names["7"] == "Zoë"
    assert list(names.values()).count("Zoë") == 1


def test_whatever_the_way_the_account_is_the_same(synced: Synced) -> None:
    # Which of the calls in flight comes first is chance.
    direct, duckdb = (
        sorted(repr(contact.snapshot()) for contact in synced.contacts(name))
        for name in ("direct", "duckdb")
    )

    assert direct == duckdb


def test_a_check_says_what_is_wrong_in_words_that_pyairbyte_passes_on(synced: Synced) -> None:
    outcome = synced.of("direct")

    assert outcome["check"] == ""
    assert "does not accept the API key (401)" in outcome["check_with_a_wrong_key"]


def test_every_command_ends_in_a_way_that_pyairbyte_takes_for_good(synced: Synced) -> None:
    """It ends a process as soon as it has the answer, and complains about its exit code."""
    assert "Exit Code" not in synced.log
    assert "destination-maileon" in synced.log


def test_pyairbytes_logs_hold_neither_the_key_nor_a_value(synced: Synced) -> None:
    """All that the program says stands in them; PyAirbyte itself keeps the platform's books.

    It tells of times and counts, which numbers of a row can equal; so only people are looked for.
    """
    people = [
        {name: row[name] for name in ("name", "email")} for row in synced.of("duckdb")["rows"]
    ]
    given = b"".join(line(record(person)) for person in people)
    told = [{"type": "LOG", "log": {"message": synced.log}}]

    assert [form for form in key_forms(KEY) if form in synced.log] == []
    silence.judge([str(ROOT / "demo" / "config.json")], given, told, "")


def _expected(row: Mapping[str, Any]) -> Json:
    """A row of the cache as the demo's mapping tells it."""
    return {
        "email": row["email"],
        "standard_fields": {"FIRSTNAME": row["name"], "TITLE": row["title"]},
        "custom_fields": {
            "age": str(row["age"]),
            "customer_since": row["created_at"][:10],
            "gender_identity": row["gender"],
            "height": str(float(row["height"])),
            "language": row["language"],
        },
    }


def _changed(contact: StoredContact, row: Mapping[str, Any], cache: str) -> Json:
    """The contact as the account holds it; the row that was changed afterwards as it was before."""
    held = contact.snapshot()
    standard = dict(contact.standard_fields)
    if cache == "postgres" and row["id"] == 7:
        standard["FIRSTNAME"] = row["name"]
    return {name: held[name] for name in ("email", "custom_fields")} | {"standard_fields": standard}
