"""The keys that hardly anybody needs: the API's address, sizes of calls, and times.

This module alone decides their names, ranges and defaults. Airbyte's form hides them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Strict

from destination_maileon.config.types import (
    ADDRESS_FORM,
    ADDRESS_PATTERN,
    WHOLE,
    Address,
    ConfigModel,
    Seconds,
    key,
)


class TuningKeys(ConfigModel):
    """Address, sizes and times."""

    base_url: Annotated[
        Address,
        key(
            "advanced",
            title="Base URL",
            description="The address of Maileon's API. Change it only if Maileon's support told "
            "you to, or for a test system.",
            examples=["https://api.maileon.com/1.0"],
            pattern=ADDRESS_PATTERN,
            pattern_descriptor=ADDRESS_FORM,
            airbyte_hidden=True,
        ),
    ] = "https://api.maileon.com/1.0"
    batch_size: Annotated[
        int,
        Strict(),
        key(
            "advanced",
            title="Batch Size",
            description="How many contacts one call holds at most.",
            ge=1,
            le=10_000,
            airbyte_hidden=True,
        ),
        WHOLE,
    ] = 1_000
    max_batch_bytes: Annotated[
        int,
        Strict(),
        key(
            "advanced",
            title="Maximum Batch Bytes",
            description="How many bytes one call holds at most.",
            ge=1_000,
            le=9_000_000,
            airbyte_hidden=True,
        ),
        WHOLE,
    ] = 8_000_000
    concurrent_requests: Annotated[
        int,
        Strict(),
        key(
            "advanced",
            title="Concurrent Requests",
            description="How many calls are made at the same time at most.",
            ge=1,
            le=16,
            airbyte_hidden=True,
        ),
        WHOLE,
    ] = 4
    flush_interval_seconds: Annotated[
        Seconds,
        key(
            "advanced",
            title="Flush Interval in Seconds",
            description="How long a record waits at most for its batch to fill.",
            airbyte_hidden=True,
        ),
    ] = 60
    request_timeout_seconds: Annotated[
        Seconds,
        key(
            "advanced",
            title="Request Timeout in Seconds",
            description="How long one call may take, from connecting to the end of the answer.",
            airbyte_hidden=True,
        ),
    ] = 120
    max_retry_seconds: Annotated[
        Seconds,
        key(
            "advanced",
            title="Maximum Retry Time in Seconds",
            description="How long a call that fails is tried again before the sync fails.",
            airbyte_hidden=True,
        ),
    ] = 900
