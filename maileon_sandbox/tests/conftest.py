"""A running sandbox and a client for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import Client, contact


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key="a-key-of-the-tests") as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with Client(sandbox.base_url, sandbox.api_key) as connected:
        yield connected


@pytest.fixture
def busy(sandbox: Sandbox, client: Client) -> Sandbox:
    """Three contacts, of whom one unsubscribed, two refused ones, and a call that failed."""
    sandbox.account.add_custom_field("COLOR")
    sandbox.account.add_custom_field("size", "integer")
    sandbox.account.add_preference("News", "Weekly", description="every Monday")
    sandbox.account.add_contact("gone@example.com", unsubscribed=True)
    sandbox.account.add_contact("max@example.com", external_id="x-1", permission=4)
    sandbox.account.add_contact(
        "erika@example.com",
        permission=5,
        custom_fields={"COLOR": "BLUE & green"},
        preferences={("News", "Weekly"): ("true", "shop")},
    )
    client.synchronize(
        contact(email="max@example.com", standard={"FIRSTNAME": "Max"}),
        contact(email="no-address"),
        contact(email="size@example.com", external_id="x-2", custom={"size": "large"}),
        permission="4",
    )
    client.post(contact(email="max@example.com"), permission="9")
    return sandbox
