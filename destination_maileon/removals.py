"""Record -> whether it says that its contact is gone, and what becomes of the contact then.

This module alone decides which values of which columns say so. A record that Airbyte marks as
deleted is never written as a contact, wherever the mapping sends the column that marks it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from destination_maileon.targets import DELETED_AT_COLUMN
from destination_maileon.values import is_set

REMOVAL_FORMS = "Use true, false or a time, or leave it empty."


class Removal(StrEnum):
    """What becomes of a contact whose record says that it is gone."""

    IGNORE = "ignore"
    UNSUBSCRIBE = "unsubscribe"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class RemovalColumns:
    """The columns of a stream that say that a contact is gone; `when_deleted` is configured."""

    deleted: Collection[str]
    unsubscribe: Collection[str]
    when_deleted: Removal
    every_record_is_deleted: bool = False

    def removal(self, data: Mapping[str, object]) -> Removal | None:
        """What the record asks for; None if its contact stays. A deletion comes first."""
        gone = self.every_record_is_deleted or self._says_deleted(data)
        if gone and self.when_deleted is not Removal.IGNORE:
            return self.when_deleted
        if any(is_set(data.get(column)) for column in self.unsubscribe):
            return Removal.UNSUBSCRIBE
        return self.when_deleted if gone else None

    def unclear_column(self, data: Mapping[str, object]) -> str | None:
        """The first column that says neither yes nor no: nobody is removed or written by guess."""
        for columns in (self.deleted, self.unsubscribe):
            for column in columns:
                if is_set(data.get(column)) is None:
                    return column
        return None

    def _says_deleted(self, data: Mapping[str, object]) -> bool:
        if DELETED_AT_COLUMN not in self.unsubscribe:
            # Its mere presence says so (Airbyte, CDC), unless it is empty or plainly says no.
            deleted_at = data.get(DELETED_AT_COLUMN)
            if deleted_at is not None and is_set(deleted_at) is not False:
                return True
        return any(is_set(data.get(column)) for column in self.deleted)
