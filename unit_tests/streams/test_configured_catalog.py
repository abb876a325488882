"""What passes for a configured catalog, and how it is told what does not."""

from __future__ import annotations

import pytest
from hypothesis import given

from destination_maileon.errors import ConfigError
from destination_maileon.streams.configured_catalog import parsed
from destination_maileon.streams.stream_plan import stream_title
from unit_tests.protocol.test_exact_json import values
from unit_tests.support.builders import a_catalog, a_stream


@pytest.mark.parametrize(
    ("raw", "place"),
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
    raw: object, place: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(raw)
    assert f"is not a configured Airbyte catalog ({place}: " in str(caught.value)
    assert "secret" not in str(caught.value)


@given(values)
def test_any_json_is_a_catalog_or_a_config_error(value: object) -> None:
    for raw in (value, {"streams": value}, {"streams": [{"stream": value}]}):
        try:
            assert parsed(raw).streams == []
        except ConfigError:
            continue


def test_a_catalog_that_is_no_object_is_told_in_words() -> None:
    with pytest.raises(ConfigError, match=r"the whole file: must be an object\)"):
        parsed([])


@pytest.mark.parametrize("schema", [{}, None, {"properties": None}, {"properties": []}])
def test_a_schema_may_have_no_columns(schema: object) -> None:
    (stream,) = parsed(a_catalog(a_stream(json_schema=schema))).streams
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
    (stream,) = parsed(a_catalog(a_stream(namespace=namespace))).streams
    assert (stream.key, stream_title(stream.key)) == (key, title)
