"""The report of a synchronize call, as XML.

It has the form of the sample in Maileon docs, Synchronize Contacts, without a Maileon id.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree
from lxml.etree import _Element

from maileon_sandbox.contacts.sent_contacts import SentContact
from maileon_sandbox.vocabulary import ErrorCode


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one contact is invalid. `field` is a name or, for codes 3 to 5, the offending value."""

    code: ErrorCode
    field: str


@dataclass(slots=True)
class Report:
    """The results of a call. Counts need not add up: `update_only` leaves contacts out."""

    contacts: int = 0
    existing: int = 0
    new: int = 0
    unsubscribed: int = 0
    rejected: list[tuple[SentContact, Rejection]] = field(default_factory=list)

    @property
    def invalid(self) -> int:
        return len(self.rejected)

    @property
    def success(self) -> bool:
        """False if any contact is invalid, as in the sample."""
        return not self.rejected

    def counts(self) -> dict[str, int]:
        return {
            "contacts": self.contacts,
            "existing": self.existing,
            "new": self.new,
            "invalid": self.invalid,
            "unsubscribed": self.unsubscribed,
        }

    def to_xml(self) -> bytes:
        root = etree.Element("report")
        _child(root, "success", text="true" if self.success else "false")
        for name, value in self.counts().items():
            tag = "count_contacts" if name == "contacts" else f"count_{name}_contacts"
            _child(root, tag, text=str(value))
        if self.rejected:
            invalid = etree.SubElement(root, "invalid_contacts")
            for sent, rejection in self.rejected:
                invalid.append(_invalid_contact(sent, rejection))
        etree.indent(root, space="    ")
        return etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def _invalid_contact(sent: SentContact, rejection: Rejection) -> _Element:
    contact = etree.Element("contact")
    _child(contact, "email", text=sent.email)
    _child(contact, "external_id", text=sent.external_id)
    error = etree.SubElement(contact, "error", code=str(int(rejection.code)))
    _child(error, "error_field", text=rejection.field)
    return contact


def _child(parent: _Element, tag: str, *, text: str | None) -> None:
    child = etree.SubElement(parent, tag)
    if text is None:
        child.set("nil", "true")
    else:
        child.text = text
