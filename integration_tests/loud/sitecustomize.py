"""Found by every Python that a loud test run starts: what any library logs goes to stderr."""

from __future__ import annotations

import logging

logging.basicConfig(level=logging.NOTSET)
