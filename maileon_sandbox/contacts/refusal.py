"""A refused contact with the field and the value that caused it.

The report contains less: it names either the field or the value, depending on the code (Maileon
docs, Synchronize Contacts Error Codes).
"""

from __future__ import annotations

from typing import NamedTuple

from maileon_sandbox.contacts.report import Rejection, Report
from maileon_sandbox.contacts.sent_contacts import SentContact, SentField, SentPreference
from maileon_sandbox.vocabulary import ErrorCode

_FIELDS_OF_CODES = {
    ErrorCode.INVALID_EMAIL: "email",
    ErrorCode.DUPLICATE_EMAIL: "email",
    ErrorCode.DUPLICATE_EXTERNAL_ID: "external_id",
    ErrorCode.DUPLICATE_ID: "id",
}


class Refusal(NamedTuple):
    """A refused contact, the reason, and the value that was refused, if one was sent."""

    email: str | None
    external_id: str | None
    id: str | None
    code: ErrorCode
    field: str
    value: str | None

    @property
    def contact(self) -> tuple[str | None, ...]:
        """The contact's identifiers; the same contact may be refused more than once."""
        return (self.email and self.email.lower(), self.external_id, self.id)


def refusals_of(report: Report) -> list[Refusal]:
    return [_refusal(sent, rejection) for sent, rejection in report.rejected]


def _refusal(sent: SentContact, rejection: Rejection) -> Refusal:
    field = _FIELDS_OF_CODES.get(rejection.code)
    value = rejection.field if field else _value_of(rejection.field, sent)
    field = field or rejection.field
    return Refusal(sent.email, sent.external_id, sent.id, rejection.code, field, value)


def _value_of(name: str, sent: SentContact) -> str | None:
    values: list[SentField | SentPreference] = [*sent.standard_fields, *sent.custom_fields]
    values += sent.preferences
    return next((value.value for value in values if value.name == name), None)
