"""What a person pasted as the API key -> the header that carries it; and any text without the key.

Maileon takes `Basic base64(key)`, without the colon of a user name and password (Maileon docs,
Authentication). Its web pages show `Authorization: Basic` and base64, so people paste that, too.
"""

import base64
import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import quote, quote_plus

_PASTED = re.compile(r"(?:authorization\s*:\s*)?(?:(basic)\s+)?(.*)", re.IGNORECASE | re.DOTALL)
_BASE64 = re.compile("[A-Za-z0-9+/]+={0,2}")
SHORTEST_SECRET = 4
"""Shorter ones are no secrets, and hiding them would make every text unreadable."""


def authorization(api_key: str) -> str:
    """The value of the `Authorization` header. Always one line of ASCII, whatever was pasted."""
    return f"Basic {_token(api_key)}"


def secret_forms(api_key: str) -> frozenset[str]:
    """Every form in which the key could turn up in a text; none is empty."""
    token, pasted = _token(api_key), api_key.strip()
    plain = {api_key, pasted, _PASTED.sub(r"\2", pasted, count=1), token, token.rstrip("=")}
    with suppress(ValueError):
        plain.add(base64.b64decode(token).decode())
    quoted = {quoting(form, safe="") for form in plain for quoting in (quote, quote_plus)}
    return frozenset(form for form in plain | quoted | {quote(form) for form in plain} if form)


def _token(api_key: str) -> str:
    basic, key = _PASTED.findall(api_key.strip())[0]
    # Base64 may come wrapped into lines. What is no base64 cannot be meant as such.
    unwrapped = "".join(key.split())
    if basic and _BASE64.fullmatch(unwrapped):
        return unwrapped
    return base64.b64encode(key.encode(errors="surrogateescape")).decode()


class SecretRedactor:
    """Puts asterisks where a secret stands, in any text and whatever its case."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # A secret may begin with another one: the longest first. Without any nothing matches.
        known = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known)) or "(?!)", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        return self._secrets.sub("****", text)
