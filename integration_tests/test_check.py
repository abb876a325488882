"""`check`: every outcome in words a person can act on; each request once, fifteen seconds."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from integration_tests.bookkeeping import Json
from integration_tests.connection import Connection, mapping
from maileon_sandbox import Fault, Sandbox

SLOW_ANSWER_SECONDS = 60
NOBODY = "http://127.0.0.1:9"
SUCCEEDED = {"status": "SUCCEEDED"}
HTML = b"<!DOCTYPE html><html><body>Welcome</body></html>"


def _checked(connection: Connection) -> tuple[Json, int | None]:
    """The verdict, and how the call before it had been answered by then."""
    return connection.check(), connection.sandbox.calls[-1].status


@pytest.fixture(scope="module", autouse=True)
def slow_check(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Future[tuple[Json, int | None]]]:
    """A check of a service that is slow twice. It runs beside the other tests, as it takes long."""
    with Sandbox() as sandbox, ThreadPoolExecutor() as pool:
        sandbox.script(Fault(delay_seconds=5), Fault(delay_seconds=SLOW_ANSWER_SECONDS))
        connection = Connection(tmp_path_factory.mktemp("slow"), sandbox)
        yield pool.submit(_checked, connection)


def _storage(endpoint: str) -> Json:
    return {
        "storage_type": "S3",
        "s3_bucket_name": "rejected",
        "s3_bucket_region": "us-east-1",
        "bucket_path": "maileon",
        "access_key_id": "made-up",
        "secret_access_key": "made-up-secret",
        "s3_endpoint": endpoint,
    }


def _requests(connection: Connection) -> list[str]:
    return [f"{call.method} {call.path.removeprefix('/1.0')}" for call in connection.sandbox.calls]


def _failed(verdict: Json) -> str:
    """The message of a failed check, which holds no stack trace."""
    message = verdict["message"]
    assert isinstance(message, str)
    assert verdict == {"status": "FAILED", "message": message}
    for unfit in ("Traceback", "File ", "Error(", "urllib3", "requests.", "<class"):
        assert unfit not in message
    return message


def test_a_good_configuration_succeeds_with_one_request_for_each_right(
    connection: Connection,
) -> None:
    assert connection.check() == SUCCEEDED
    assert _requests(connection) == ["GET /ping", "POST /ping"]


@pytest.mark.parametrize(
    ("config", "rights"),
    [
        ({"deleted_records": "delete"}, ["DELETE"]),
        ({"deleted_records": "unsubscribe"}, ["DELETE", "PUT"]),
        ({"streams": mapping(("left_us", "unsubscribe"))}, ["DELETE", "PUT"]),
        ({"streams": mapping(("gone", "deleted"))}, []),
    ],
    ids=str,
)
def test_the_rights_to_remove_are_checked_if_people_may_be_removed(
    connection: Connection, config: Json, rights: list[str]
) -> None:
    assert connection.check(**config) == SUCCEEDED
    assert _requests(connection) == [f"{right} /ping" for right in ("GET", "POST", *rights)]


def test_an_audience_needs_its_field_and_the_right_to_read_contacts(
    connection: Connection,
) -> None:
    account = connection.sandbox.account
    account.add_custom_field("IN_SPRING", "integer")
    streams = [{"name": "people", "audience_field": "IN_SPRING"}]
    assert connection.check(streams=streams) == SUCCEEDED
    assert _requests(connection) == [
        "GET /ping",
        "POST /ping",
        "GET /contacts",
        "GET /contacts/fields/custom",
    ]


@pytest.mark.parametrize(
    ("field", "create", "told"),
    [
        ("IN_SPRNG", "ignore", 'no custom field "IN_SPRNG" (did you mean "IN_SPRING"?).'),
        ("IN_AUTUMN", "create", None),
        ("COLOR", "ignore", 'the audience field "COLOR" has the type string'),
        ("COLOR", "create", 'the audience field "COLOR" has the type string'),
    ],
)
def test_an_audience_field_must_be_there_with_the_right_type(
    connection: Connection, field: str, create: str, told: str | None
) -> None:
    for name, kind in (("IN_SPRING", "integer"), ("COLOR", "string")):
        connection.sandbox.account.add_custom_field(name, kind)
    streams = [{"name": "people", "audience_field": field}]
    verdict = connection.check(streams=streams, unmapped_columns=create)
    if told is None:
        assert verdict == SUCCEEDED
    else:
        assert told in _failed(verdict)


def test_a_mapping_whose_fields_exist_succeeds(connection: Connection) -> None:
    connection.sandbox.account.add_custom_field("COLOR")
    connection.sandbox.account.add_preference("A/B", "C")
    streams = mapping(("color", "custom:COLOR"), ("news", "preference:A/B/C"))
    assert connection.check(streams=streams) == SUCCEEDED
    assert _requests(connection) == [
        "GET /ping",
        "POST /ping",
        "GET /contacts/fields/custom",
        "GET /contacts/preference_categories",
        "GET /contacts/preference_categories/A%2FB/preferences",
    ]


def test_all_missing_custom_fields_are_named(connection: Connection) -> None:
    connection.sandbox.account.add_custom_field("COLOR")
    streams = mapping(("a", "custom:COLOR"), ("b", "custom:color"), ("c", "custom:Size"))
    message = _failed(connection.check(streams=streams))
    assert '"color"' in message
    assert '"Size"' in message
    assert '"color" (did you mean "COLOR"?)' in message
    assert len(_requests(connection)) == 3


def test_custom_fields_that_will_be_created_are_not_missed(connection: Connection) -> None:
    streams = mapping(("size", "custom:Size"))
    assert connection.check(streams=streams, unmapped_columns="create") == SUCCEEDED


@pytest.mark.parametrize("rule", ["create", "ignore"])
def test_a_custom_field_that_cannot_be_created_is_named(connection: Connection, rule: str) -> None:
    verdict = connection.check(
        streams=mapping(("a", "custom:created"), ("b", "custom:x")), unmapped_columns=rule
    )
    assert verdict["status"] == "FAILED"
    assert 'custom field "created" cannot exist: Maileon reserves this name.' in verdict["message"]
    assert 'custom field "x" cannot exist: a field\'s name has 3 to 64' in verdict["message"]


@pytest.mark.parametrize("rule", ["create", "ignore"])
def test_two_columns_that_fill_one_field_are_named(connection: Connection, rule: str) -> None:
    connection.sandbox.account.add_custom_field("IN_SPRING", "integer")
    columns = (
        ("a", "email"),
        ("b", "email"),
        ("c", "custom:IN_SPRING"),
        ("d", "skip"),
        ("e", "skip"),
    )
    (entry,) = mapping(*columns)
    streams = [{**entry, "audience_field": "IN_SPRING"}]
    message = _failed(connection.check(streams=streams, unmapped_columns=rule))
    assert 'column "b": its target email is taken by column "a"' in message
    assert 'column "c" goes to the audience field "IN_SPRING"' in message
    assert '"e"' not in message


def test_all_missing_preferences_are_named(connection: Connection) -> None:
    connection.sandbox.account.add_preference("News", "Weekly")
    streams = mapping(
        ("a", "preference:News/Weekly"),
        ("b", "preference:News/Daily"),
        ("c", "preference:Other/Weekly"),
    )
    message = _failed(connection.check(streams=streams))
    assert 'no preference "Daily" in a category "News"' in message
    assert 'no preference "Weekly" in a category "Other"' in message
    assert '"Weekly" in a category "News"' not in message


def test_a_wrong_key_is_said_to_be_wrong_after_one_request(connection: Connection) -> None:
    message = _failed(connection.check(api_key="another-key-than-that"))
    for cause in ("401", "wrong", "expired", "deactivated", "blocked"):
        assert cause in message
    assert "another-key-than-that" not in message
    assert _requests(connection) == ["GET /ping"]


@pytest.mark.parametrize(
    ("rights", "method"),
    [
        ({"POST", "DELETE", "PUT"}, "GET"),
        ({"GET", "DELETE", "PUT"}, "POST"),
        ({"GET", "POST", "PUT"}, "DELETE"),
        ({"GET", "POST", "DELETE"}, "PUT"),
    ],
)
def test_the_right_that_is_missing_is_named(
    connection: Connection, rights: set[str], method: str
) -> None:
    with Sandbox(api_keys={"half-a-key": rights}) as sandbox:
        limited = Connection(connection.folder, sandbox)
        message = _failed(limited.check(api_key="half-a-key", deleted_records="unsubscribe"))
    assert method in message
    assert "allow list" in message
    assert "half-a-key" not in message


@pytest.mark.parametrize(
    "fault", [Fault(status=404), Fault(body=HTML), Fault(body=HTML, content_type="text/html")]
)
def test_an_address_that_is_not_the_api_is_said_to_be_that(
    connection: Connection, fault: Fault
) -> None:
    connection.sandbox.script(fault)
    message = _failed(connection.check())
    assert "127.0.0.1" in message
    assert "base URL" in message
    assert len(_requests(connection)) == 1


@pytest.mark.parametrize("status", [400, 429, 503])
def test_an_error_of_the_service_is_told_after_one_request(
    connection: Connection, status: int
) -> None:
    connection.sandbox.script(Fault(status=status, times=None))
    assert str(status) in _failed(connection.check())
    assert len(_requests(connection)) == 1


def test_a_connection_that_breaks_is_told_after_one_request(connection: Connection) -> None:
    connection.sandbox.script(Fault(drop="before", times=None))
    assert "127.0.0.1" in _failed(connection.check())
    assert len(_requests(connection)) == 1


def test_a_redirect_is_not_followed(connection: Connection) -> None:
    with Sandbox() as elsewhere:
        connection.sandbox.script(Fault(redirect=f"{elsewhere.base_url}/ping", times=None))
        assert "redirect" in _failed(connection.check())
        assert elsewhere.calls == []


def test_a_host_that_refuses_the_connection_is_named_with_the_cause(
    connection: Connection,
) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unheard.getsockname()[1]}"
        message = _failed(connection.check(base_url=f"http://{address}/1.0"))
    assert "127.0.0.1" in message
    assert "refused" in message


def test_a_service_without_tls_behind_an_https_address_is_told(connection: Connection) -> None:
    base_url = connection.sandbox.base_url.replace("http:", "https:")
    message = _failed(connection.check(base_url=base_url))
    assert "127.0.0.1" in message
    assert "TLS" in message


def test_a_service_that_does_not_answer_is_told_with_its_host(connection: Connection) -> None:
    connection.sandbox.script(Fault(delay_seconds=30))
    message = _failed(connection.check(request_timeout_seconds=0.5))
    assert "127.0.0.1" in message
    assert "0.5 seconds" in message


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"sync_mod": "update"}, "sync_mod"),
        ({"sync_mode": "upsert"}, "sync_mode"),
        ({"batch_size": 0}, "batch_size"),
        ({"base_url": "http://api.maileon.com/1.0"}, "base_url"),
        ({"streams": mapping(("a", "standard:SHOESIZE"))}, "streams[0].mapping[0].target"),
        ({"api_key": " "}, "api_key"),
        ({"object_storage_config": {"storage_type": "S3"}}, "s3_bucket_name"),
    ],
    ids=str,
)
def test_a_configuration_that_cannot_be_names_the_key_and_asks_nobody(
    connection: Connection, config: Json, key: str
) -> None:
    assert key in _failed(connection.check(**config))
    assert _requests(connection) == []


def test_all_problems_of_a_configuration_come_in_one_message(connection: Connection) -> None:
    message = _failed(connection.check(sync_mod="update", batch_size=0, permission="all"))
    for key in ("sync_mod", "batch_size", "permission"):
        assert key in message


def test_a_service_that_stays_slow_is_not_waited_for(
    slow_check: Future[tuple[Json, int | None]],
) -> None:
    verdict, answered = slow_check.result()
    assert "127.0.0.1" in _failed(verdict)
    assert answered is None


def test_everything_that_is_wrong_is_told_at_once(connection: Connection) -> None:
    with Sandbox(api_keys={"reads-only": {"GET"}}) as sandbox:
        limited = Connection(connection.folder, sandbox)
        message = _failed(
            limited.check(
                api_key="reads-only",
                deleted_records="delete",
                streams=mapping(("size", "custom:Size"), ("news", "preference:News/Daily")),
                object_storage_config=_storage(NOBODY),
            )
        )
        assert len(_requests(limited)) == 5
    for told in ("(POST, 403)", "(DELETE, 403)", '"Size"', '"Daily"', 'bucket "rejected"'):
        assert told in message


def test_with_a_key_that_is_refused_the_bucket_is_checked_all_the_same(
    connection: Connection,
) -> None:
    message = _failed(connection.check(api_key="wrong", object_storage_config=_storage(NOBODY)))
    assert "(401)" in message
    assert 'bucket "rejected"' in message
    assert _requests(connection) == ["GET /ping"]
