"""What exists in the account: its custom fields and preferences.

This module alone decides when the account is asked: custom fields at once, preferences only if
somebody wants to know one, both once, and custom fields again when one seems to have vanished.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from destination_maileon.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.maileon.contact import FieldType

    Answer = TypeVar("Answer")


class FieldsApi(Protocol):
    """The part of the API client that tells what an account has."""

    def custom_fields(self) -> dict[str, FieldType]:
        """Name -> type."""

    def preference_categories(self) -> list[str]:
        """Their names."""

    def preferences_of(self, category: str) -> list[str]:
        """The names of those in a category."""

    def create_custom_field(self, name: str, field_type: FieldType) -> None:
        """No error if it exists."""


class Patiently(Protocol):
    """Calls something until it succeeds, as long as the configuration allows."""

    def __call__(self, ask: Callable[[], Answer]) -> Answer:
        """The answer."""


class FieldLog(Protocol):
    """Is told of every custom field that is created."""

    def __call__(self, name: str, field_type: FieldType, /) -> None:
        """Says so."""


def say_nothing(_name: str, _type: FieldType, /) -> None:
    """The log of who only looks."""


class Account:
    """The account's fields, as last read. `is_read_only` (a dry run) only pretends to create."""

    def __init__(
        self,
        api: FieldsApi,
        patiently: Patiently,
        *,
        is_read_only: bool = False,
        log: FieldLog = say_nothing,
    ) -> None:
        self._log = log
        self._api = api
        self._patiently = patiently
        self._is_read_only = is_read_only
        self._custom_fields: dict[str, FieldType] | None = None
        self._preferences: frozenset[tuple[str, str]] | None = None

    @property
    def custom_fields(self) -> dict[str, FieldType]:
        """Name -> type of each custom field."""
        if self._custom_fields is None:
            self._custom_fields = dict(self._patiently(self._api.custom_fields))
        return self._custom_fields

    @property
    def preferences(self) -> frozenset[tuple[str, str]]:
        """Category and name of each preference."""
        if self._preferences is None:
            # Each question has a patience of its own: all of them together would begin anew with
            # every failure, and in a large account hardly ever come to their end.
            self._preferences = frozenset(
                (category, name)
                for category in self._patiently(self._api.preference_categories)
                for name in self._patiently(partial(self._api.preferences_of, category))
            )
        return self._preferences

    @property
    def known_custom_fields(self) -> dict[str, FieldType]:
        """The custom fields if they were asked for, else none: for those who can do without."""
        return self._custom_fields or {}

    @property
    def known_preferences(self) -> frozenset[tuple[str, str]]:
        """The preferences if they were asked for, else none: for those who can do without."""
        return self._preferences or frozenset()

    def create_custom_field(self, name: str, field_type: FieldType) -> None:
        """Creates the field, or finds that it is there."""
        if not self._is_read_only:
            self._patiently(lambda: self._api.create_custom_field(name, field_type))
        self.custom_fields[name] = field_type
        self._log(name, field_type)

    def read_custom_fields_again(self) -> None:
        """Asks for the fields once more: somebody may have deleted one during the sync.

        If there is no answer, they are what they were.
        """
        with suppress(SyncError):
            self._custom_fields = dict(self._patiently(self._api.custom_fields))
