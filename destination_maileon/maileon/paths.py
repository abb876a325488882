"""Text as a segment of a URL's path, and which paths lead where they say.

This module alone decides both. A path that a server might read as another one is never requested.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

_UP = frozenset({".", ".."})


def segment(text: str) -> str:
    """The text as one segment. Left bare, "." and ".." would be taken out by HTTP clients."""
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if quoted in _UP else quoted


def is_addressable(path: str) -> bool:
    """Whether no segment is empty or, decoded, has a part that a server may take for "up"."""
    segments = [unquote(segment) for segment in path.removeprefix("/").split("/")]
    parts = [part for segment in segments for part in segment.replace("\\", "/").split("/")]
    return all(segment.strip(". ") for segment in segments) and not _UP & set(parts)
