"""A text -> the text less every secret.

This module alone decides how a secret is hidden, wherever a text comes from: our own sentences, and
what a server says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SHORTEST_SECRET = 4
"""Shorter ones are no secrets, and hiding them would make every text unreadable."""


class SecretRedactor:
    """Puts asterisks where a secret stands, in any text and whatever its case."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: a secret may begin with another one.
        known = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
        pattern = "|".join(map(re.escape, known))
        self._secrets = re.compile(pattern, re.IGNORECASE) if known else None

    def __call__(self, text: str) -> str:
        return self._secrets.sub("****", text) if self._secrets else text
