"""A record's identifiers -> who the contact is, and the keys by which it is compared."""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from destination_maileon.config.targets import Kind
from destination_maileon.maileon.contact import Contact, IdentifierMode, is_maileon_id
from destination_maileon.mapping import mapped_record
from destination_maileon.mapping.converters import as_text
from destination_maileon.mapping.mapped_record import Reason, Refusal
from destination_maileon.mapping.summary import Notice

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
"""Characters that nobody sees (Unicode: Default_Ignorable_Code_Point), of the first plane."""
MANY_ADDRESSES = 10
MAX_TRACKED_IDS = 1000
_NO_ID = re.compile(r"\A(-[0-9]+|\+?0+)\Z")
"""A number below 1 says that there is no Maileon id, as for Maileon's own client (Java: `> 0`)."""
_ID, _EMAIL, _EXTERNAL_ID = "<id>", "<email>", "<external_id>"
_KEYS: Mapping[Kind, tuple[str, str, Callable[[str], tuple[str, ...]]]] = {
    Kind.EMAIL: (_EMAIL, "</email>", mapped_record.email_keys),
    Kind.EXTERNAL_ID: (_EXTERNAL_ID, "</external_id>", mapped_record.external_id_keys),
}
"""What stands around an identifier, and its keys; without keys it is blank."""


class Identifiers:
    """Those of one stream, by their columns' places in a row; a Maileon id only if it is sent."""

    def __init__(self, mode: IdentifierMode, places: Mapping[Kind, str], seen: set[Notice]) -> None:
        self._needed = _EXTERNAL_ID if mode is IdentifierMode.EXTERNAL_ID else _EMAIL
        self._names = " or ".join(sorted(mode.columns))
        self._seen = seen
        self._kinds = [(places[kind], *how) for kind, how in _KEYS.items() if kind in places]
        self._id = places.get(Kind.MAILEON_ID)

    def of(self, row: Struct) -> tuple[list[str], tuple[str, ...]]:
        """The first pieces of the contact, and its keys: none if they are not what is needed."""
        pieces = ["<contact>", ""]
        keys: tuple[str, ...] = ()
        given = None if self._id is None else getattr(row, self._id)
        number = "" if given is None else _NO_ID.sub("", _text(given).strip())
        if number:
            pieces += (_ID, number, "</id>", "")
        is_usable = False
        for place, opening, closing, keys_of in self._kinds:
            value = getattr(row, place)
            if value is None:
                continue
            text = value if type(value) is str else _text(value)
            if opening is _EMAIL:
                # No address has space around it (RFC 5321); columns of fixed width have.
                text = text.strip()
            if found := keys_of(text):
                pieces += (opening, text, closing, "")
                keys += found
                is_usable = is_usable or opening is self._needed
                if not text.isascii() and INVISIBLE.search(text):
                    self._seen.add(Notice.INVISIBLE)
        if number:
            keys += (mapped_record.ID_KEY + number.lstrip("0"),)
            is_usable = is_maileon_id(number)
        return pieces, keys if is_usable else ()

    def missing(self, pieces: list[str]) -> Refusal:
        """Of a record by whose identifiers, in these pieces, nobody can be recognised."""
        given = f"a value for {self._names}, by which contacts are recognised"
        if pieces[2:3] == [_ID]:
            given = "a Maileon id that is a whole number from 1 on, or none at all"
        return Refusal(Reason.NO_IDENTIFIER, f"Give the record {given}.", self._names)


def _text(value: object) -> str:
    # Whoever has `true` or `[]` would be one contact.
    return "" if isinstance(value, bool | dict | list) else as_text(value)


class SharedIds:
    """Whether one id comes with many addresses: Maileon takes them for one contact.

    The addresses of a thousand ids at a time are kept: an id that comes with many comes often.
    """

    def __init__(self, mode: IdentifierMode = IdentifierMode.EXTERNAL_ID) -> None:
        self._kind = mapped_record.ID_KEY if mode.sends_id else mapped_record.EXTERNAL_ID_KEY
        self.title = "Maileon id" if mode.sends_id else "external id"
        self._addresses: dict[str, set[str]] = {}

    def look(self, keys: tuple[str, ...]) -> bool:
        """Takes in the keys of a contact; true once, when the first such id is found."""
        for key in keys[1:]:
            if key[0] == self._kind:
                if len(self._addresses) == MAX_TRACKED_IDS:
                    self._addresses.clear()
                addresses = self._addresses.setdefault(key, set())
                addresses.add(keys[0])
                if len(addresses) >= MANY_ADDRESSES:
                    self._kind = ""
                    return True
        return False


def contact_of_pieces(pieces: list[str]) -> Contact:
    """The contact that begins with these pieces, its identifiers alone."""
    given = dict(zip(pieces[2::4], pieces[3::4], strict=False))
    return Contact(email=given.get(_EMAIL), external_id=given.get(_EXTERNAL_ID), id=given.get(_ID))
