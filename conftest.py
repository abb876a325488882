"""Hypothesis profiles for every test folder.

`few` (the default) and `more` draw the same examples on every run, so that a red run is red again:
`few` is what `make test` takes, `more` what `make test-all` adds.
`many` looks further, with fresh examples: `HYPOTHESIS_PROFILE=many make test`.
"""

from __future__ import annotations

import os
from contextlib import suppress

with suppress(ModuleNotFoundError):
    # Airbyte's standard tests run in this folder, too, and bring no hypothesis.
    from hypothesis import HealthCheck, settings

    for name, examples in {"few": 30, "more": 100}.items():
        settings.register_profile(
            name, max_examples=examples, derandomize=True, deadline=None, database=None
        )
    settings.register_profile(
        "many",
        max_examples=2_000,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))
