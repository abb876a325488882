"""A configured catalog and the configuration -> how the calls of each stream are made."""

from __future__ import annotations

import pytest
from hypothesis import given

from destination_maileon.errors import ConfigError
from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode, SyncOptions
from destination_maileon.streams.catalog import (
    StreamPlan,
    parse_catalog,
    stream_plans,
    stream_title,
    unused_entries,
)
from unit_tests.protocol.test_exact_json import values
from unit_tests.support.builders import a_catalog, a_config, a_plan, a_stream

UPDATE, IGNORE = SynchronizationMode
EMAIL, EXTERNAL_ID, MAILEON_ID = IdentifierMode
FOR_STREAM = 'Stream "contacts": '
NOT_ASKED = "so that nobody is removed unasked"
DELETES = {"deleted_records": "delete"}


def plan(stream: dict[str, object], **config: object) -> StreamPlan:
    (found,) = stream_plans(a_catalog(stream), a_config(**config)).values()
    return found


def problem(*streams: dict[str, object], **config: object) -> str:
    with pytest.raises(ConfigError) as caught:
        stream_plans(a_catalog(*streams), a_config(**config))
    return str(caught.value)


def activated(mode: str | None, key: object = (("email",),)) -> dict[str, object]:
    """A stream of data activation."""
    return a_stream(destination_object_name="contact", destination_sync_mode=mode, primary_key=key)


# Without data activation: the configuration decides.


@pytest.mark.parametrize("mode", ["append", "append_dedup", None])
@pytest.mark.parametrize("name", [None, ""])
def test_the_configuration_decides_where_no_object_is_chosen(
    mode: str | None, name: str | None
) -> None:
    stream = a_stream(
        destination_sync_mode=mode, destination_object_name=name, primary_key=[["external_id"]]
    )
    assert plan(stream).options == SyncOptions(EMAIL)
    assert plan(
        stream,
        identifier_mode="maileon_id",
        sync_mode="ignore",
        update_only=True,
        permission="single_opt_in",
        override_permission=True,
        reimport_unsubscribed_contacts=True,
        ignore_invalid_contacts=False,
    ).options == SyncOptions(
        MAILEON_ID,
        sync_mode=IGNORE,
        update_only=True,
        override_permission=True,
        reimport_unsubscribed_contacts=True,
        ignore_invalid_contacts=False,
    )


@pytest.mark.parametrize(
    ("mode", "hint"),
    [("overwrite_dedup", ""), ("new", ""), ("append-dedup", ' (did you mean "append_dedup"?)')],
)
def test_other_modes_are_refused_there(mode: str, hint: str) -> None:
    assert problem(a_stream(destination_sync_mode=mode), **DELETES) == (
        f'{FOR_STREAM}the destination sync mode "{mode}" is not supported without the object '
        f'"contact"{hint}. Choose one of append, append_dedup in the connection.'
    )


AUDIENCE = {"streams": [{"name": "contacts", "audience_field": "IN_SPRING"}]}


def test_overwrite_is_refused_without_an_audience_since_it_would_delete_contacts() -> None:
    for config in (DELETES, {"streams": [{"name": "contacts"}]}):
        told = problem(a_stream(destination_sync_mode="overwrite", generation_id=1), **config)
        assert told == (
            f"{FOR_STREAM}the destination sync mode overwrite would delete every contact that is "
            "not in the stream, so it is refused. To have people drop out of an audience instead, "
            'name an "Audience Field" (audience_field) in the stream\'s entry of "Column Mapping" '
            "(streams); otherwise choose one of append, append_dedup in the connection."
        )


@pytest.mark.parametrize(
    ("mode", "overwrites"), [("overwrite", True), ("append", False), ("append_dedup", False)]
)
def test_an_audience_is_kept_in_every_mode_and_only_overwrite_has_people_drop_out(
    mode: str, *, overwrites: bool
) -> None:
    found = plan(a_stream(destination_sync_mode=mode, generation_id=4), **AUDIENCE)
    assert (found.audience_field, found.generation_id) == ("IN_SPRING", 4)
    assert found.overwrites is overwrites
    assert plan(a_stream(), streams=[{"name": "others", "audience_field": "A"}]).audience_field is (
        None
    )


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_an_audience_needs_a_generation(mode: str) -> None:
    told = problem(a_stream(destination_sync_mode=mode), **AUDIENCE)
    assert told.startswith(f'{FOR_STREAM}its audience field "IN_SPRING" needs the generation_id')


def test_people_drop_out_only_where_those_who_are_in_get_a_new_number() -> None:
    told = problem(
        a_stream(destination_sync_mode="overwrite", generation_id=1), sync_mode="ignore", **AUDIENCE
    )
    assert told.startswith(f'{FOR_STREAM}its audience needs "')
    assert "(sync_mode) to be update" in told
    assert plan(a_stream(generation_id=1), sync_mode="ignore", **AUDIENCE).audience_field


@pytest.mark.parametrize(
    ("modes", "is_refused"), [(("overwrite", "append"), True), (("append", "append"), False)]
)
def test_streams_do_not_take_each_others_members_out(
    modes: tuple[str, str], *, is_refused: bool
) -> None:
    streams = [
        a_stream(name, destination_sync_mode=mode, generation_id=1)
        for name, mode in zip(("old", "new"), modes, strict=True)
    ]
    config = {"streams": [{"name": name, "audience_field": "VIP"} for name in ("old", "new")]}
    if is_refused:
        assert problem(*streams, **config).startswith(
            'Stream "old": its audience field "VIP" is that of another stream, too, whose members'
        )
    else:
        assert len(stream_plans(a_catalog(*streams), a_config(**config))) == 2


def test_data_activation_has_no_overwrite_even_with_an_audience() -> None:
    told = problem({**activated("overwrite"), "generation_id": 1}, **AUDIENCE)
    assert told == (
        f'{FOR_STREAM}the destination sync mode "overwrite" is not supported with the object '
        '"contact". Choose one of append_dedup, update, append, soft_delete in the connection.'
    )


@pytest.mark.parametrize("mode", ["update", "soft_delete"])
def test_the_modes_of_data_activation_need_its_object(mode: str) -> None:
    told = problem(a_stream(destination_sync_mode=mode), **DELETES)
    assert told == (
        f'{FOR_STREAM}the destination sync mode "{mode}" is not supported without the object '
        '"contact". Choose one of append, append_dedup in the connection.'
    )


def test_a_refresh_or_a_clear_changes_nothing() -> None:
    plain = a_stream(destination_sync_mode="append_dedup")
    clear = {**plain, "generation_id": 3, "minimum_generation_id": 3}
    assert plan(clear).options == plan(plain).options
    assert not plan(clear, **DELETES).every_record_is_deleted


# Data activation: the operation and the matching key decide.


@pytest.mark.parametrize(
    ("mode", "sync_mode", "update_only", "deletes"),
    [
        ("append_dedup", UPDATE, False, False),
        ("update", UPDATE, True, False),
        ("append", IGNORE, False, False),
        ("soft_delete", UPDATE, False, True),
    ],
)
def test_an_operation_decides_the_options_whatever_is_configured(
    mode: str, sync_mode: SynchronizationMode, update_only: bool, deletes: bool
) -> None:
    for config in ({}, {"sync_mode": "ignore"}, {"update_only": True}):
        found = plan(activated(mode), **DELETES, **config)
        assert found.options == SyncOptions(EMAIL, sync_mode=sync_mode, update_only=update_only)
        assert found.every_record_is_deleted is deletes


@pytest.mark.parametrize("mode", ["append_dedup", "update", "append", "soft_delete"])
@pytest.mark.parametrize("key", IdentifierMode)
def test_the_matching_key_decides_the_identifier(mode: str, key: IdentifierMode) -> None:
    found = plan(activated(mode, [[key.value]]), **DELETES, identifier_mode="external_id")
    assert found.options.identifier_mode is key


@pytest.mark.parametrize("key", [None, []])
def test_new_contacts_need_no_matching_key(key: object) -> None:
    found = plan(activated("append", key), identifier_mode="external_id")
    assert found.options.identifier_mode is EXTERNAL_ID


@pytest.mark.parametrize("mode", ["append_dedup", "update", "append", "soft_delete"])
@pytest.mark.parametrize(
    "key", [None, [], [["id"]], [["email", "external_id"]], [["email"], ["external_id"]], [[]]]
)
def test_another_matching_key_is_refused(mode: str, key: list[object] | None) -> None:
    if mode == "append" and not key:
        return
    told = problem(activated(mode, key), **DELETES)
    assert told.startswith(
        f"{FOR_STREAM}the matching key must be one of email, external_id, maileon_id."
    )


@pytest.mark.parametrize("mode", ["overwrite", "overwrite_dedup", "new", None, ""])
def test_another_operation_is_refused(mode: str | None) -> None:
    told = problem(activated(mode))
    assert told.endswith(
        "Choose one of append_dedup, update, append, soft_delete in the connection."
    )


@pytest.mark.parametrize(("deleted", "refused"), [("ignore", True), ("unsubscribe", False)])
def test_a_soft_delete_needs_to_be_told_what_becomes_of_people(deleted: str, refused: bool) -> None:
    if refused:
        assert NOT_ASKED in problem(activated("soft_delete"), deleted_records=deleted)
    else:
        assert plan(activated("soft_delete"), deleted_records=deleted).every_record_is_deleted


def test_only_a_matching_key_that_was_chosen_is_needed_itself() -> None:
    chosen = plan(activated("append", [["maileon_id"]]))
    assert chosen.identifiers == {"maileon_id"}
    unchosen = plan(activated("append", []), identifier_mode="maileon_id")
    assert unchosen.identifiers == {"maileon_id", "email"}
    assert plan(a_stream(), identifier_mode="maileon_id").identifiers == {"maileon_id", "email"}


def test_data_activation_keeps_the_explicit_mapping_whatever_the_catalog_has() -> None:
    entries = [
        {"column": "given_name", "target": "standard:FIRSTNAME"},
        {"column": "consent", "target": "permission"},
    ]
    streams = [{"name": "contacts", "mapping": entries}]
    delivered: dict[str, object] = {"properties": {"standard:FIRSTNAME": {}, "email": {}}}
    known = activated("append_dedup") | {"stream": {"name": "contacts", "json_schema": delivered}}
    for stream in (known, activated("append_dedup")):
        assert [*plan(stream, streams=streams).mapping] == ["given_name", "consent"]


@pytest.mark.parametrize("name", ["contacts", "Contact", " contact", "user"])
def test_there_is_no_other_object(name: str) -> None:
    told = problem(a_stream(destination_object_name=name))
    assert told == (
        f'{FOR_STREAM}Maileon has no object "{name}" to write to. Choose the object "contact".'
    )


# What a plan takes from the catalog and the configuration.


def test_a_plan_has_the_columns_of_the_schema_the_permission_and_the_sync_id() -> None:
    schema = {"type": "object", "properties": {"email": {"type": "string"}}}
    found = plan(a_stream(json_schema=schema, sync_id=7), permission="other")
    assert found.properties == schema["properties"]
    assert (found.permission, found.permission_name) == (Permission.OTHER, "other")
    assert found.sync_id == 7
    assert plan(a_stream()).permission is None
    assert plan(a_stream()).permission_name == "not_set"


def test_streams_of_one_name_in_several_namespaces_are_several() -> None:
    streams = [a_stream(namespace=namespace) for namespace in (None, "a", "b")]
    assert len(stream_plans(a_catalog(*streams), a_config())) == 3


def test_a_stream_that_stands_twice_is_a_problem_even_if_it_has_others() -> None:
    assert problem(a_stream(), a_stream(namespace="")) == (
        'Stream "contacts" appears twice in the catalog.'
    )
    wrong = a_stream(destination_sync_mode="overwrite")
    assert problem(wrong, wrong).count("appears twice") == 1


def test_a_mapping_is_for_its_namespace_before_it_is_for_all() -> None:
    def mapping(column: str) -> list[dict[str, str]]:
        return [{"column": column, "target": "email"}]

    streams = [
        {"name": "contacts", "mapping": mapping("of all")},
        {"name": "contacts", "namespace": "a", "mapping": mapping("of a")},
        {"name": "others", "mapping": mapping("of others")},
        {"name": "contacts", "namespace": "c", "mapping": mapping("of c")},
    ]
    config = a_config(streams=streams)
    catalog = a_catalog(*(a_stream(namespace=namespace) for namespace in (None, "a", "b")))
    plans = stream_plans(catalog, config)
    assert [list(found.mapping) for found in plans.values()] == [["of all"], ["of a"], ["of all"]]
    assert unused_entries(plans, config) == ["others", "c.contacts"]


def test_all_problems_of_all_streams_come_at_once() -> None:
    told = problem(
        a_stream("a", destination_sync_mode="overwrite"),
        a_stream("b", destination_object_name="user"),
        a_stream("c", destination_object_name="contact", destination_sync_mode="soft_delete"),
    )
    assert told.count("Stream ") == 4
    assert NOT_ASKED in told
    assert "matching key" in told


def test_a_catalog_without_streams_has_no_plans() -> None:
    assert stream_plans(a_catalog(), a_config()) == {}


def test_two_plans_are_never_equal_since_each_is_a_stream_of_its_own() -> None:
    assert a_plan() != a_plan()


@pytest.mark.parametrize(
    ("raw", "position"),
    [
        (None, "the whole file"),
        ([], "the whole file"),
        ("secret", "the whole file"),
        ({}, "streams"),
        ({"streams": None}, "streams"),
        ({"streams": {}}, "streams"),
        ({"streams": ["secret"]}, "streams.0"),
        ({"streams": [{}]}, "streams.0.stream"),
        ({"streams": [{"stream": {}}]}, "streams.0.stream.name"),
        ({"streams": [{"stream": {"name": 5}}]}, "streams.0.stream.name"),
        ({"streams": [a_stream(json_schema=["secret"])]}, "streams.0.stream.json_schema"),
        ({"streams": [a_stream(namespace=["secret"])]}, "streams.0.stream.namespace"),
        ({"streams": [a_stream(primary_key=["secret"])]}, "streams.0.primary_key.0"),
        ({"streams": [a_stream(destination_sync_mode=5)]}, "streams.0.destination_sync_mode"),
        ({"streams": [a_stream(sync_id="secret")]}, "streams.0.sync_id"),
    ],
)
def test_what_is_no_catalog_is_told_with_the_place_and_without_its_content(
    raw: object, position: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_catalog(raw)
    assert f"is not a configured Airbyte catalog ({position}: " in str(caught.value)
    assert "secret" not in str(caught.value)


@given(values)
def test_any_json_is_a_catalog_or_a_config_error(value: object) -> None:
    for raw in (value, {"streams": value}, {"streams": [{"stream": value}]}):
        try:
            assert parse_catalog(raw) == []
        except ConfigError:
            continue


@pytest.mark.parametrize("schema", [{}, None, {"properties": None}, {"properties": []}])
def test_a_schema_may_have_no_columns(schema: object) -> None:
    (stream,) = parse_catalog(a_catalog(a_stream(json_schema=schema)))
    assert stream.properties == {}


@pytest.mark.parametrize(
    ("namespace", "key", "title"),
    [
        (None, (None, "contacts"), "contacts"),
        ("", (None, "contacts"), "contacts"),
        ("public", ("public", "contacts"), "public.contacts"),
    ],
)
def test_a_stream_is_known_by_namespace_and_name(
    namespace: str | None, key: tuple[str | None, str], title: str
) -> None:
    (stream,) = parse_catalog(a_catalog(a_stream(namespace=namespace)))
    assert (stream.key, stream_title(stream.key)) == (key, title)
