"""Sandboxes and connections; a test that leaves a violation behind fails at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration_tests.connection import Connection
from integration_tests.storage import Storage, stored
from maileon_sandbox import Sandbox


@contextmanager
def connected(folder: Path, sandbox: Sandbox) -> Iterator[Connection]:
    """A connection to a sandbox that must end without a violation."""
    with sandbox:
        yield Connection(folder, sandbox)
        assert sandbox.violations == []


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to an empty account, for one test alone."""
    with connected(tmp_path, Sandbox()) as made:
        yield made


@pytest.fixture(scope="module")
def shared_connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection for all tests of a module, for a run that is made once and looked at often."""
    with connected(tmp_path_factory.mktemp("shared"), Sandbox()) as made:
        yield made


@pytest.fixture(scope="module")
def bucket_server() -> Iterator[Storage]:
    """A server that speaks S3, for all tests of a module."""
    with stored() as storage:
        yield storage


@pytest.fixture
def storage(bucket_server: Storage) -> Storage:
    """The bucket, empty."""
    bucket_server.clear()
    return bucket_server
