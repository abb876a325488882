"""Libraries say nothing, at whatever level; and what they would say, so that this means something.

`python -m integration_tests.loud` runs every test like this.
"""

from __future__ import annotations

import os

from integration_tests import loud
from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, people
from integration_tests.platform import record, stream, stream_state
from integration_tests.silence import key_forms
from integration_tests.storage import SECRET_ACCESS_KEY, Storage

GONE = "somebody.gone@example.com"
REFUSED = "Refused-Because-Of-This-Name" * 10
KEY_ID = "AKIAMADEUPFORTHESILENCE"
DELETED = {"_ab_cdc_deleted_at": "2026-01-01"}
MESSAGES: list[Json] = [
    *people("a"),
    record({"email": GONE, **DELETED}),
    record({"email": "b@example.com", "first_name": REFUSED}),
    stream_state(1),
]


def _loud_run(connection: Connection, storage: Storage, **environment: str) -> Run:
    """A sync that deletes somebody, and stores a rejected record in the bucket."""
    outside = {"LOG_LEVEL": "DEBUG", "PYTHONPATH": os.fspath(loud.SITE), "PYTHONWARNINGS": "always"}
    run = connection.with_environment(**outside, **environment).sync(
        MESSAGES,
        stream({name: {"type": "string"} for name in ("email", "first_name", *DELETED)}),
        deleted_records="delete",
        object_storage_config={**storage.config, "access_key_id": KEY_ID},
    )
    assert (run.exit_code, run.stats) == (0, [(2, 1)])
    return run


def test_with_every_log_on_libraries_say_nothing(connection: Connection, storage: Storage) -> None:
    run = _loud_run(connection, storage, LOUD="1")
    assert run.stderr == ""
    assert KEY_ID.encode() not in run.output
    assert {message["type"] for message in run.messages} == {"LOG", "STATE"}


def test_without_the_silence_libraries_would_name_people_but_not_the_key(
    connection: Connection, storage: Storage
) -> None:
    folder = connection.folder / "said"
    folder.mkdir()
    _loud_run(connection, storage, LOUD=loud.LIFTED, LOUD_FOLDER=os.fspath(folder))
    said = [*loud.said_in(folder)]
    naming = {one.logger for one in said if GONE.replace("@", "%40") in one.text}
    assert naming == {"urllib3.connectionpool"}
    assert "botocore.endpoint" in {one.logger for one in said if KEY_ID in one.text}
    everything = "\n".join(one.text for one in said)
    assert [form for form in key_forms(connection.sandbox.api_key) if form in everything] == []
    assert SECRET_ACCESS_KEY not in everything
    assert REFUSED not in everything
