"""Shows what a loud test run found: who said how much, and how often a value was in it."""

from __future__ import annotations

import os
from pathlib import Path

from integration_tests.loud import sums

print("What libraries would say without the silence (lines, lines with a value, logger):")
for logger, (lines, told) in sorted(sums(Path(os.environ["LOUD_FOLDER"])).items()):
    print(f"{lines:9} {told:7}  {logger}")
