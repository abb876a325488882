"""What takes long and never changes, made once for all tests of the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from destination_maileon.config import validation
from destination_maileon.config.spec import flat_schema


@pytest.fixture(autouse=True, scope="session")
def _the_schema_is_made_once() -> Iterator[None]:
    """Not for each configuration that is refused; the program refuses one and ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "flat_schema", cache(flat_schema))
        yield
