"""Nothing of a record and nothing of the key is in the output, whatever goes wrong.

Every value of a record holds one text. Only a STATE may hold it, since it comes back as it was.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from integration_tests import platform
from integration_tests.bookkeeping import Json, Run
from integration_tests.connection import Connection, columns, mapping
from integration_tests.platform import json_file, line, record, stream, stream_state
from maileon_sandbox import Fault, Sandbox

KEY = "s3cret+Key/with=chars-0123456789"
BASE64_KEY = base64.b64encode(KEY.encode()).decode()
SECRET = "zqx"
COLUMNS = columns(
    "external_id", "first_name", "birthday", "gender", "age", "consent", "weekly", "country", "gone"
)
STREAMS = mapping(
    ("consent", "permission"),
    ("weekly", "preference:News/Weekly"),
    ("gone", "deleted"),
)
GOOD: Json = {"email": "zqx.good@zqx-host.com", "external_id": "zqx-good"}
REFUSED: Mapping[str, Json] = {
    "invalid address": {"email": "zqx no address"},
    "invalid address with a name": {"email": "Zqx <zqx@zqx>"},
    "no identifier": {"external_id": "zqx-1", "first_name": "zqx"},
    "blank identifier": {"email": " \t", "external_id": "zqx-2"},
    "long text": {"first_name": "zqx" * 100},
    "long text without a code": {"country": "zqx" * 100},
    "no date": {"birthday": "zqx-01-01"},
    "no gender": {"gender": "zqx"},
    "no integer": {"age": "zqx 17"},
    "no permission": {"consent": "zqx"},
    "no preference value": {"weekly": "zqx"},
    "no yes or no": {"gone": "zqx"},
    "all at once": {"email": "zqx@", "birthday": "zqx", "gender": "zqx", "age": "zqx"},
    "another's external id": {"external_id": "zqx-taken"},
    "refused call": {"first_name": "zqx-poison"},
    "refused deletion": {"email": "zqx.undeletable@zqx.com", "gone": True},
    "too large": {"first_name": "zqx" * 2000},
    "an object as address": {"email": {"zqx": "zqx"}},
    "a list as id": {"email": "zqx no", "external_id": ["zqx", {"zqx": 1}]},
}
UNFORESEEN: Json = {"zqx" * 2: "no value"}


def _says_nothing(run: Run, *, key: str = KEY) -> None:
    """Fails if a value or a form of the key is in the output of a run."""
    for message in run.messages:
        if message["type"] == "STATE":
            continue
        shown = json.dumps(message, ensure_ascii=False)
        assert SECRET not in shown.lower(), shown
        _holds_no_key(shown, key)
    assert SECRET not in run.stderr.lower()
    _holds_no_key(run.stderr, key)


def _holds_no_key(text: str, key: str) -> None:
    encoded = base64.b64encode(key.encode()).decode()
    forms = {key, quote(key, safe=""), quote(key), encoded, encoded.rstrip("=")}
    forms |= {base64.urlsafe_b64encode(key.encode()).decode(), json.dumps(key)[1:-1]}
    forms |= {base64.b64encode(f"{key}:".encode()).decode(), key[:20], encoded[:24]}
    assert [form for form in forms if form in text] == []


def _secretive(connection: Connection, sandbox: Sandbox) -> Connection:
    sandbox.account.add_custom_field("age", "integer")
    sandbox.account.add_preference("News", "Weekly")
    sandbox.account.add_contact("zqx.taken@zqx.com", external_id="zqx-taken")
    sandbox.account.add_contact("zqx.undeletable@zqx.com")
    said = b"<error><message>%s for zqx.p16@zqx-host.com</message></error>"
    sandbox.script(
        Fault(status=400, body=said % b"Zqx-Poison not fine", contains="zqx-poison", times=None),
        Fault(status=400, body=said % b"not", method="DELETE", path="/contacts/", times=None),
    )
    return Connection(connection.folder, sandbox).with_environment(LOG_LEVEL="DEBUG")


def test_rejections_of_every_kind_tell_nothing_of_their_records(connection: Connection) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        secretive = _secretive(connection, sandbox)
        messages: list[Json] = []
        for n, changes in enumerate(REFUSED.values()):
            base = {"email": f"zqx.p{n}@zqx-host.com", "external_id": f"zqx-p{n}"}
            if changes.keys() & {"external_id"}:
                base.pop("email" if "first_name" in changes else "external_id", None)
            messages += [record({**base, **changes}), stream_state({"zqx": n})]
        messages += [record(GOOD), record(["zqx"]), record({**GOOD, "late": "zqx"}, "strangers")]
        run = secretive.sync(
            [*messages, stream_state("zqx")],
            stream(COLUMNS),
            deleted_records="delete",
            streams=STREAMS,
            max_batch_bytes=4000,
        )
        assert run.exit_code == 0
        # Each of them is rejected indeed.
        rejected = [counts[1] for counts in run.stats[: len(REFUSED)]]
        kinds = zip(REFUSED, rejected, strict=True)
        assert [kind for kind, number in kinds if number != 1] == []
        _says_nothing(run)
        assert sandbox.violations == []


@pytest.mark.parametrize("config", [{}, {"dry_run": True}, {"ignore_invalid_contacts": False}])
@pytest.mark.parametrize("is_refused", [False, True])
def test_what_a_record_calls_a_preference_is_not_shown(
    connection: Connection, config: dict[str, Any], *, is_refused: bool
) -> None:
    said = b"<error><message>no \"zqx.anna@example.com +49\" in 'zqx'</message></error>"
    name = "zqx.anna@example.com +49"
    listed = [{"category": "zqx", "name": name, "value": "maybe"}]
    with Sandbox(api_key=KEY) as sandbox:
        if is_refused:
            sandbox.script(Fault(status=400, body=said, method="POST", times=None))
        secretive = Connection(connection.folder, sandbox, {"LOG_LEVEL": "DEBUG"})
        data = {**GOOD, "email": "zqx no address", "preferences": listed}
        run = secretive.sync(
            [record(data), record(GOOD), stream_state("zqx")],
            stream(columns("external_id", "preferences")),
            **config,
        )
        assert any(said.startswith("Record ") for said in run.logs("WARN")) or run.errors
        _says_nothing(run)


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"max_retry_seconds": 0.1}, Fault(status=503, method="POST", times=None)),
        ({"max_retry_seconds": 0.1}, Fault(drop="before", method="POST", times=None)),
        ({}, Fault(status=401, body=f"{KEY} {BASE64_KEY} zqx".encode(), method="POST")),
        ({}, Fault(status=405, body=f"<error><message>{KEY}</message></error>".encode())),
        ({}, Fault(redirect=f"https://zqx.example/{BASE64_KEY}", method="POST")),
        ({"ignore_invalid_contacts": False}, Fault(status=400, body=b"zqx", method="POST")),
        ({"max_rejected_records": 0}, Fault(status=503)),
        ({"unmapped_columns": "fail"}, Fault(status=503)),
    ],
    ids=str,
)
def test_errors_of_every_kind_tell_nothing_of_their_records(
    connection: Connection, config: dict[str, Any], fault: Fault
) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        sandbox.script(fault)
        secretive = Connection(connection.folder, sandbox, {"LOG_LEVEL": "DEBUG"})
        messages = [record(GOOD), record({"email": "zqx"}), record({**GOOD, "late": "zqx"})]
        run = secretive.sync([*messages, stream_state("zqx")], stream(columns()), **config)
        assert len(run.errors) == 1
        _says_nothing(run)


def test_a_line_that_cannot_be_read_is_not_shown(connection: Connection) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        secretive = Connection(connection.folder, sandbox, {"LOG_LEVEL": "DEBUG"})
        run = secretive.write(line(record(GOOD)) + b'{"type":"RECORD","record":{"zqx":zqx}}\n')
        assert "line 2" in run.error["message"]
        _says_nothing(run)


@pytest.mark.parametrize(
    ("command", "config"),
    [
        ("check", {"api_key": [KEY]}),
        ("check", {"api_key": {"value": KEY}}),
        ("check", {"api_key": KEY, "apikey": KEY}),
        ("check", {"api_key": KEY, "base_url": f"http://user:{KEY}@127.0.0.1/1.0"}),
        ("check", {"api_key": KEY, KEY: KEY}),
        ("discover", {"api_key": KEY, "batch_size": KEY}),
        ("write", {"api_key": KEY, "batch_size": KEY}),
    ],
)
def test_a_configuration_that_is_wrong_does_not_give_the_key_away(
    connection: Connection, command: str, config: Json
) -> None:
    path = json_file(connection.folder, "config", config)
    extra = ["--catalog", json_file(connection.folder, "catalog", {"streams": []})]
    arguments = [command, "--config", path, *(extra if command == "write" else [])]
    run = platform.call(*arguments, env={"LOG_LEVEL": "DEBUG"})
    assert run.messages
    _says_nothing(run)


def test_identifiers_are_shown_in_full_only_if_asked_for(connection: Connection) -> None:
    data = record({"email": "someone@example.com", "first_name": "x" * 256, "last_name": "Hidden"})
    shown = [
        "\n".join(
            connection.sync(
                [data, stream_state(1)], stream(columns("last_name", "first_name")), **config
            ).logs("WARN")
        )
        for config in ({}, {"identifiers_in_logs": "masked"}, {"identifiers_in_logs": "full"})
    ]
    assert shown[0] == shown[1]
    assert "s***@***.com" in shown[0]
    assert "someone" not in shown[0]
    assert "someone@example.com" in shown[2]
    assert not any("Hidden" in lines or "xxx" in lines for lines in shown)


@pytest.mark.parametrize(
    "pasted", [f"  {KEY}\n", f"Basic {BASE64_KEY}", f"Authorization: Basic {BASE64_KEY} "]
)
def test_a_key_may_be_pasted_with_what_stood_around_it(connection: Connection, pasted: str) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        connection = Connection(connection.folder, sandbox)
        assert connection.check(api_key=pasted) == {"status": "SUCCEEDED"}
        sandbox.script(Fault(status=401, body=f"{pasted} {KEY} {BASE64_KEY}".encode()))
        verdict = connection.check(api_key=pasted)
        assert verdict["status"] == "FAILED"
        _holds_no_key(verdict["message"], KEY)
