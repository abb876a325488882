"""The `preferences` column: a list of `{"category", "name", "value", "source"?}` -> preferences."""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal

import msgspec

from destination_maileon.config.suggestions import did_you_mean
from destination_maileon.maileon.contact_xml import preference_head, preference_rest
from destination_maileon.mapping.converters import Clean, as_text
from destination_maileon.mapping.mapped_record import Reason, Refusal
from destination_maileon.mapping.removal_columns import NULL_WORDS, YES_OR_NO_FORMS, says_yes
from destination_maileon.protocol import exact_json
from destination_maileon.streams.account import Preferences, preference_paths


def preference_value(value: object, title: str) -> str | None:
    """`true` or `false`, by the forms of `unsubscribe`; None for a null or a blank.

    Raises Refusal if it says neither yes nor no. An empty `title` must not be shown.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in NULL_WORDS):
        return None
    # Nearly all are booleans: a call less for each.
    said = value if isinstance(value, bool) else says_yes(value)
    if said is None:
        raise Refusal(Reason.BAD_PREFERENCE, YES_OR_NO_FORMS, title or None)
    return "true" if said else "false"


def listed(value: object, clean: Clean, known: Preferences | None) -> Iterator[tuple[str, str]]:
    """Yields what stands before the value, and the rest, of each preference that has a value.

    Raises Refusal if the list cannot be read, or names a preference that is not `known`. It never
    contains an unknown name: that is a word of the record.
    """
    for entry in _entries(value):
        category, name = _name(entry.get("category"), clean), _name(entry.get("name"), clean)
        path = f"{category}/{name}"
        is_known = known is not None and (category, name) in known
        text = preference_value(clean(entry.get("value")), path if is_known else "")
        if text is None:
            continue
        if known is not None and not is_known:
            hint = did_you_mean(path, preference_paths(known))
            advice = f"Use the category and name of one in Maileon{hint}, or create it there."
            raise Refusal(Reason.UNKNOWN_PREFERENCE, advice)
        source = None
        if "source" in entry:
            given = clean(entry["source"])
            source = "" if given is None else as_text(given)
        yield preference_head(category, name), preference_rest(text, source)


def _name(given: object, clean: Clean) -> str:
    is_name = given is not None and not isinstance(given, bool | dict | list)
    name = as_text(clean(given) or "") if is_name else ""
    if not name.strip():
        raise Refusal(Reason.BAD_PREFERENCES, _PREFERENCES_FORM)
    return name


def _entries(value: object) -> list[dict[str, object]]:
    """The list itself, or the list in a JSON string: warehouses store JSON as text."""
    if isinstance(value, str):
        text = value if value.strip() else "null"
        # The first of these is fast, and has limits.
        for decode in (_decode, exact_json.loads):
            with suppress(ValueError, RecursionError, ArithmeticError, msgspec.MsgspecError):
                value = decode(text.encode())
                break
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return value
    raise Refusal(Reason.BAD_PREFERENCES, _PREFERENCES_FORM)


_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_PREFERENCES_FORM = 'Write it as a list of {"category", "name", "value", "source" (optional)}.'
