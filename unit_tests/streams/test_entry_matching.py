"""Which stream an entry of the configuration is for, and when it most likely misses one."""

from __future__ import annotations

import pytest

from destination_maileon.errors import ConfigError
from destination_maileon.streams.catalog import stream_plans, unused_entries
from unit_tests.support.builders import a_catalog, a_config, a_stream

MAPPING = [{"column": "left_at", "target": "unsubscribe"}]


def entry(name: str, namespace: str | None = None, **keys: object) -> dict[str, object]:
    return {"name": name, "namespace": namespace, "mapping": MAPPING, **keys}


def problem(entries: list[dict[str, object]], *keys: tuple[str | None, str]) -> str | None:
    """What stops a sync of these streams; None if nothing does."""
    catalog = a_catalog(*(a_stream(name, namespace=namespace) for namespace, name in keys))
    try:
        stream_plans(catalog, a_config(streams=entries))
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        # The namespace is nulled, replaced, or written in other case.
        (("public", "customers"), (None, "customers")),
        (("public", "customers"), ("airbyte", "customers")),
        (("Public", "customers"), ("public", "customers")),
        (("publik", "customers"), ("public", "customers")),
        # A prefix is put before the name.
        ((None, "customers"), (None, "shop_customers")),
        ((None, "customers"), (None, "shopcustomers")),
        (("public", "customers"), (None, "shop_customers")),
        (("public", "Customers"), ("public", "SHOP_CUSTOMERS")),
        # The name is written as the log shows a stream.
        ((None, "public.customers"), ("public", "customers")),
        ((None, "public.customers"), (None, "customers")),
        # Other case, or other signs between the words.
        ((None, "Users"), (None, "users")),
        ((None, "users"), ("public", "USERS")),
        ((None, "news_readers"), (None, "newsReaders")),
        ((None, "news-readers"), (None, "news readers")),
        # A slip of one or two letters.
        ((None, "user"), (None, "users")),
        ((None, "usres"), (None, "users")),
        ((None, "custmers"), (None, "customers")),
        ((None, "cstmers"), (None, "customers")),
        (("public", "custonars"), ("sales", "customers")),
    ],
)
def test_an_entry_that_nearly_fits_stops_the_sync_and_shows_the_stream_as_it_arrives(
    written: tuple[str | None, str], arrives: tuple[str | None, str]
) -> None:
    def words(key: tuple[str | None, str]) -> str:
        namespace, name = key
        return f'the name "{name}" and ' + (
            f'the namespace "{namespace}"' if namespace else "no namespace"
        )

    assert problem([entry(written[1], written[0])], arrives, (None, "elsewhere")) == (
        f'"Column Mapping" (streams) has an entry for the stream with {words(written)}, which is '
        f"not in this sync. Did you mean the one that arrives with {words(arrives)}? Write it so "
        "in the entry; if it is another stream, give it an entry of its own."
    )


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ((None, "customers"), (None, "orders")),
        ((None, "leads"), (None, "deals")),
        ((None, "orders_2023"), (None, "orders_2024")),
        ((None, "s"), (None, "shops")),
        (("public", "customers"), ("public", "customer_orders")),
    ],
)
def test_an_entry_that_resembles_no_stream_is_another_connections(
    written: tuple[str | None, str], arrives: tuple[str | None, str]
) -> None:
    entries = [entry(written[1], written[0])]
    assert problem(entries, arrives) is None
    catalog, config = (
        a_catalog(a_stream(arrives[1], namespace=arrives[0])),
        a_config(streams=entries),
    )
    title = ".".join(filter(None, written))
    assert unused_entries(stream_plans(catalog, config), config) == [title]


def test_a_stream_with_an_entry_of_its_own_is_nobody_elses() -> None:
    entries = [entry("customers", "public"), entry("customers", "sales"), entry("shop_customers")]
    assert problem(entries, ("sales", "customers"), (None, "shop_customers")) is None
    # Even one that says nothing: so a person says that it is another stream.
    assert problem([entry("user"), entry("users", mapping=[])], (None, "users")) is None


def test_an_entry_that_says_nothing_misses_nothing() -> None:
    assert problem([entry("user", mapping=[])], (None, "users")) is None
    told = problem([entry("user", mapping=[], audience_field="A")], (None, "users"))
    assert 'arrives with the name "users"' in (told or "")


def test_an_entry_that_fits_is_used_whatever_else_resembles_it() -> None:
    keys = ((None, "users"), (None, "shop_users"), ("public", "users"))
    assert problem([entry("users")], *keys) is None


def test_all_entries_that_miss_are_told_at_once_each_with_its_nearest_stream() -> None:
    entries = [entry("user"), entry("customers", "public")]
    told = problem(entries, (None, "users"), (None, "customers")) or ""
    assert told.count("Did you mean the one that arrives with") == 2
