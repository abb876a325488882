"""A text -> the same without what differs between ways to write one letter, and the way back.

This module alone decides which spellings are alike: upper and lower case (and `ß` and `SS`),
letters with and without accents, whole or in pieces (`é` as one character or as two), and the
wide, narrow and joined forms of one letter. Invariant: what is hidden in the folded text is hidden
in the text, with all of the characters that it was folded from.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from destination_maileon.rejections.naming import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DOTLESS_I = "\u0131"


class Folded:
    """A text, and how it reads folded."""

    __slots__ = ("_origins", "folded", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._origins: Sequence[int]
        if text.isascii():
            self.folded, self._origins = text.lower(), range(len(text))
            return
        letters = [_folded(letter) for letter in text]
        self.folded = "".join(letters)
        self._origins = [at for at, letter in enumerate(letters) for _ in letter]

    def without(self, spans: Iterable[tuple[int, int]]) -> str:
        """The text with these pieces of the folded one hidden; in order, none overlaps another."""
        pieces: list[str] = []
        shown_to = 0
        for start, end in spans:
            pieces += (self.text[shown_to : self._origins[start]], HIDDEN)
            shown_to = self._behind(end)
        return "".join((*pieces, self.text[shown_to:]))

    def _behind(self, end: int) -> int:
        """Where the text goes on behind what was folded into the characters before `end`."""
        behind = self._origins[end - 1] + 1
        # The accents of the last letter are characters of their own here.
        while behind < len(self.text) and not _folded(self.text[behind]):
            behind += 1
        return behind


@lru_cache(maxsize=4096)
def _folded(letter: str) -> str:
    """Nothing for an accent that is a character of its own."""
    # Twice: the pieces of a letter may have a case of their own.
    for _ in range(2):
        letter = unicodedata.normalize("NFKD", letter.casefold())
    bare = "".join(piece for piece in letter if not unicodedata.combining(piece))
    return bare.replace(_DOTLESS_I, "i")
