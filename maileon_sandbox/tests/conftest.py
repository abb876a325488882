"""A running sandbox and a client for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from maileon_sandbox import Sandbox
from maileon_sandbox.tests.client import Client


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key="a-key-of-the-tests") as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with Client(sandbox.base_url, sandbox.api_key) as connected:
        yield connected
