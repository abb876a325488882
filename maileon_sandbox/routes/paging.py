"""Pages of contacts (Maileon docs, Get Contacts).

Pages count from 1 and have 100 contacts unless `page_size` says otherwise, 1,000 at most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from maileon_sandbox.account.account import Account
from maileon_sandbox.account.stored_contact import StoredContact
from maileon_sandbox.vocabulary import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}")

Query = MultiDict[str, str]


class BadPageError(Exception):
    """A parameter that the API does not accept; the call is answered with 400."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPage:
    """One page of `items` contacts."""

    contacts: Sequence[StoredContact]
    index: int
    size: int
    items: int

    @property
    def pages(self) -> int:
        return -(-self.items // self.size)

    def links(self, address: str, query: Query) -> str:
        """The header Link, in the form of RFC 8288, which is inferred: the page has "..."."""
        targets = {"first": 1, "prev": self.index - 1, "next": self.index + 1, "last": self.pages}
        return ", ".join(
            f'<{address}?{_query_at(query, index, self.size)}>; rel="{name}"'
            for name, index in targets.items()
            if 1 <= index <= self.pages
        )


def _query_at(query: Query, index: int, size: int) -> str:
    others = [
        pair for pair in query.items(multi=True) if pair[0] not in {"page_index", "page_size"}
    ]
    return urlencode([*others, ("page_index", index), ("page_size", size)])


def contacts_updated(account: Account, query: Query) -> list[StoredContact]:
    """All contacts, or those written after `updated_after`, in order of creation.

    The time zone of `updated_after` is not documented; it is UTC here.

    Raises:
        BadPageError: if it is not of the form Y-m-d H:i:s.
    """
    contacts = account.contacts()
    if (text := query.get("updated_after")) is None:
        return contacts
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise BadPageError("updated_after must look like 2026-01-31 12:00:00") from None
    return [contact for contact in contacts if contact.updated_at > moment]


def page_of(contacts: list[StoredContact], query: Query) -> ContactPage:
    """The page asked for. Raises BadPageError for an impossible page."""
    index = _number(query, "page_index", 1)
    size = _number(query, "page_size", DEFAULT_PAGE_SIZE)
    if size > MAX_PAGE_SIZE:
        raise BadPageError(f"page_size must not exceed {MAX_PAGE_SIZE} but was {size}")
    shown = contacts[(index - 1) * size : index * size]
    return ContactPage(contacts=shown, index=index, size=size, items=len(contacts))


def _number(query: Query, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not _NUMBER.fullmatch(text):
        raise BadPageError(f"{name} must be a number of at least 1")
    return int(text)
