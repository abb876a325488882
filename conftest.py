"""Hypothesis profiles for every test folder.

`ci` (the default) draws the same examples on every run, so that a red run is red again.
`many` looks further, with fresh examples: `HYPOTHESIS_PROFILE=many make test`.
"""

from __future__ import annotations

import os
from contextlib import suppress

with suppress(ModuleNotFoundError):
    # Airbyte's standard tests run in this folder, too, and bring no hypothesis.
    from hypothesis import HealthCheck, settings

    settings.register_profile("ci", derandomize=True, deadline=None, database=None)
    settings.register_profile(
        "many",
        max_examples=2_000,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
