"""How the refusal of a configuration is worded: with keys and what is allowed, without values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_maileon.config.spec import Config
from destination_maileon.config.validation import load_config, secrets_of
from destination_maileon.errors import ConfigError
from unit_tests.support.config_cases import S3, mapped

MARKER = "qZx7marker"


def refusal_or_nothing(raw: object) -> str:
    try:
        load_config(raw)
    except ConfigError as refused:
        return str(refused)
    return ""


def refusal(raw: object) -> str:
    message = refusal_or_nothing(raw)
    assert message
    return message


def refusal_of(**keys: object) -> str:
    return refusal({"api_key": "k", **keys})


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("dry_runs", 'unknown key "dry_runs" (did you mean "dry_run"?).'),
        ("__injected_declarative_manifest", 'unknown key "__injected_declarative_manifest".'),
        ("x" * 100, f'unknown key "{"x" * 60}...".'),
    ],
)
@pytest.mark.parametrize("value", [MARKER, None])
def test_an_unknown_key_is_named_with_the_one_that_may_be_meant(
    key: str, message: str, value: object
) -> None:
    assert refusal_of(**{key: value}) == message


def test_unknown_keys_are_found_at_every_depth() -> None:
    streams = [{"name": "s", "mapping": [{"column": "c", "target": "skip", "tagret": MARKER}]}]

    assert refusal_of(streams=streams, object_storage_config={**S3, "s3_bucket": MARKER}) == (
        '"Column" (streams[0].mapping[0], stream "s", column "c"): unknown key "tagret" '
        '(did you mean "target"?). "Storage for Rejected Records" (object_storage_config): '
        'unknown key "s3_bucket" (did you mean "s3_bucket_name"?).'
    )


MODES = '"Existing Contacts" (sync_mode) must be one of update, ignore'
PERMISSIONS = (
    '"Permission of New Contacts" (permission) must be one of not_set, none, single_opt_in, '
    "confirmed_opt_in, double_opt_in, double_opt_in_plus, other"
)
STORAGE = (
    '"Storage for Rejected Records" (object_storage_config) must be an object with "storage_type" '
    "set to one of None, S3"
)
SHARE = "must be a number from 1 to 100"
LIMIT = '"Maximum Rejected Records" (max_rejected_records) must be a whole number of at least 0'


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("sync_mode", "updat", f'{MODES}, not "updat" (did you mean "update"?).'),
        ("sync_mode", "Ignore", f'{MODES}, not "Ignore" (did you mean "ignore"?).'),
        ("sync_mode", "delete", f'{MODES}, not "delete".'),
        ("sync_mode", [], f"{MODES}."),
        (
            "permission",
            "double-opt-in",
            f'{PERMISSIONS}, not "double-opt-in" (did you mean "double_opt_in"?).',
        ),
        ("permission", 4, f"{PERMISSIONS}, not 4."),
        ("dry_run", "true", '"Dry Run" (dry_run) must be true or false, not "true".'),
        (
            "batch_size",
            0,
            '"Batch Size" (batch_size) must be a whole number from 1 to 10000, not 0.',
        ),
        ("max_rejected_records", -1, f"{LIMIT}, not -1."),
        ("max_rejected_records", "x" * 99, f'{LIMIT}, not "{"x" * 60}...".'),
        (
            "max_rejected_percent",
            101,
            f'"Maximum Rejected Percent" (max_rejected_percent) {SHARE}, not 101.',
        ),
        (
            "max_retry_seconds",
            0,
            '"Maximum Retry Time in Seconds" (max_retry_seconds) must be a number above 0, not 0.',
        ),
        ("streams", "s", '"Column Mapping" (streams) must be a list, not "s".'),
        (
            "object_storage_config",
            {"storage_type": "s3"},
            f'{STORAGE}, not "s3" (did you mean "S3"?).',
        ),
        ("object_storage_config", {}, f"{STORAGE}."),
        (
            "streams",
            [{"name": "", "mapping": []}],
            '"Stream Name" (streams[0].name) must be text that is not empty, not "".',
        ),
    ],
)
def test_a_refusal_says_what_is_allowed_what_was_written_and_what_was_meant(
    key: str, value: object, message: str
) -> None:
    assert refusal_of(**{key: value}) == message


FORMS = (
    "must be one of the forms email, external_id, maileon_id, permission, standard:NAME, "
    "custom:NAME, preference:CATEGORY/NAME, deleted, unsubscribe or skip"
)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("x:y", f'{FORMS}, not "x:y".'),
        (
            "standard:FRISTNAME",
            'must be a target, not "standard:FRISTNAME" (did you mean "standard:FIRSTNAME"?).',
        ),
        ("Email", 'must be a target, not "Email" (did you mean "email"?).'),
        ("unsubscribed", 'must be a target, not "unsubscribed" (did you mean "unsubscribe"?).'),
        ("first_name", 'must be a target, not "first_name" (did you mean "standard:FIRSTNAME"?).'),
        ("Custom:HAT", 'must be a target, not "Custom:HAT" (did you mean "custom:HAT"?).'),
    ],
)
def test_a_target_that_is_none_is_named_with_stream_and_column(target: str, said: str) -> None:
    message = refusal(mapped({"column": "c", "target": target}))

    assert message == (f'"Target" (streams[0].mapping[0].target, stream "s", column "c") {said}')


def test_of_a_standard_field_that_is_like_none_all_names_are_told() -> None:
    message = refusal(mapped({"column": "c", "target": "standard:SHOE_SIZE"}))

    assert "must be standard:NAME with one of the names ADDRESS, BIRTHDAY, " in message
    assert message.endswith('ZIP, not "standard:SHOE_SIZE".')


def test_two_entries_for_one_column_are_refused() -> None:
    raw = mapped({"column": "a", "target": "email"}, {"column": "a", "target": "custom:X"})

    assert refusal(raw) == (
        '"Columns" (streams[0].mapping, stream "s") has two entries for "a" (0 and 1); keep one.'
    )


def test_a_stream_is_mapped_once() -> None:
    stream = {"name": "s", "mapping": []}

    assert '"Column Mapping" (streams) has two entries for "s" (0 and 2)' in refusal_of(
        streams=[stream, {**stream, "namespace": "n"}, {**stream, "namespace": None}]
    )


@pytest.mark.parametrize("key", ["access_key_id", "secret_access_key"])
def test_half_a_key_pair_is_refused(key: str) -> None:
    message = refusal_of(object_storage_config={**S3, key: MARKER})

    assert "a key has an access_key_id and a secret_access_key; give both, or neither" in message


def test_all_problems_come_in_one_message() -> None:
    entries = [{"column": "c", "target": MARKER}, {"column": "c", "target": "skip", "source": 1}]
    message = refusal({**mapped(*entries), "api_key": " Basic ", "dry_run": 1, "more": MARKER})

    for place in (
        "api_key",
        "dry_run",
        '"more"',
        "mapping[0].target",
        "mapping[1].source",
    ):
        assert place in message


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.just(10**400),
        st.floats(),
        st.text().map(lambda text: f"{MARKER}{text}"),
        st.sampled_from(["S3", "None", "\ud800", "email", ""]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["storage_type", "mapping", "target", "source", "bucket_path", "x"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*Config.model_fields, "dry_runs", "\ud800"]), ANYTHING))
def test_whatever_comes_a_refusal_is_text_that_can_be_printed(raw: dict[str, object]) -> None:
    assert refusal_or_nothing(raw).encode("utf-8") is not None


@given(ANYTHING)
def test_no_value_of_a_secret_is_ever_shown(value: object) -> None:
    storage = {**S3, "access_key_id": value, "secret_access_key": value, "s3_bucket_region": 1}
    for raw in ({"api_key": value, "sync_mode": 1}, {"object_storage_config": storage}):
        assert MARKER not in refusal(raw)


@pytest.mark.parametrize("key", ["base_url", "s3_endpoint"])
def test_a_password_in_an_address_is_not_shown(key: str) -> None:
    address = {key: f"https://ada:{MARKER}@s3.example.com"}
    is_nested = key == "s3_endpoint"
    message = refusal_of(**({"object_storage_config": {**S3, **address}} if is_nested else address))

    assert "must have the form https://HOST/PATH without user name" in message
    assert MARKER not in message
    assert "not " not in message.rpartition("localhost")[2]


def test_whatever_the_model_marks_as_secret_is_known_also_of_a_configuration_that_is_wrong() -> (
    None
):
    storage = {**S3, "storage_type": "GCS", "access_key_id": "AKIA1", "secret_access_key": "abc/d"}
    found = secrets_of({"api_key": " key 1 ", "object_storage_config": storage, "sync_mode": 1})

    assert {"key 1", "AKIA1", "abc/d"} <= found
    assert "bucket" not in found


@given(ANYTHING)
def test_no_configuration_is_too_odd_to_look_for_secrets_in(raw: object) -> None:
    assert secrets_of(raw) == set()
