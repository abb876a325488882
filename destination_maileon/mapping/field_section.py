"""The texts of a record's fields -> a section of its element.

This module alone decides how fields and what stands around them are put together. All that can be
is done with all texts of a section at once: a piece of Python for each value costs more than what
is done to it.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from destination_maileon.maileon.contact_xml import escape_markup, field_head
from destination_maileon.mapping.converters import Converter
from destination_maileon.mapping.rules import Column


class FieldSection:
    """The standard or the custom fields of a stream: all that stands around their values.

    `values` is where they are among a record's. `heads` stand before them, `nulls` in the place of
    a head where a null clears. `constant` is a field that every record has, after the others.
    `converted` are the places of those that are no text as they come.
    """

    def __init__(
        self, tag: str, columns: list[Column], *, values: slice, constant: str = ""
    ) -> None:
        names = [f"{_END_OF_FIELD}{field_head(column.target.name)}" for column in columns]
        self.opening, self.closing = f"<{tag}>", f"{_END_OF_FIELD}{constant}</{tag}>"
        self.alone = f"<{tag}>{constant}</{tag}>" if constant else ""
        self.values = values
        self.heads = [f"{name}<value>" for name in names]
        # The first head begins with no end.
        self.template = [piece for head in self.heads for piece in (head, "")]
        if self.template:
            self.template[0] = self.opening + self.heads[0][len(_END_OF_FIELD) :]
        self.nulls = [
            f'{name}<value nil="true">' if column.clear else ""
            for name, column in zip(names, columns, strict=True)
        ]
        self.clears = any(self.nulls)
        self.converters: list[Converter] = []
        self.converted: list[tuple[int, Converter]] = []

    def assembled(self, texts: list[Any], *, escapes: bool) -> str:
        """The section with these texts; None is a null, UNSET absent.

        Raises:
            TypeError: if one of them is no text.
        """
        if not texts:
            return self.alone
        if None in texts or (self.clears and UNSET in texts):
            return self._with_nulls(texts, escapes=escapes)
        pieces = self.template.copy()
        pieces[1::2] = _escaped(texts) if escapes else texts
        return "".join((*pieces, self.closing))

    def _with_nulls(self, texts: list[Any], *, escapes: bool) -> str:
        given = zip(self.heads, texts, self.nulls, strict=True)
        written = [
            (null, "") if text is None else (head, text)
            for head, text, null in given
            if text is not UNSET and (null or text is not None)
        ]
        if not written:
            return self.alone
        if escapes:
            escaped = _escaped([text for _, text in written])
            written = [(head, text) for (head, _), text in zip(written, escaped, strict=True)]
        pieces = [piece for pair in written for piece in pair]
        pieces[0] = self.opening + pieces[0][len(_END_OF_FIELD) :]
        return "".join((*pieces, self.closing))


_END_OF_FIELD = "</value></field>"
"""Each head begins with that of the field before: a piece less for each value."""


def _escaped(texts: list[str]) -> list[str]:
    """Texts that XML allows, as element contents. To escape each alone takes five times as long."""
    return escape_markup("\0".join(texts)).split("\0")
