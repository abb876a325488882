"""What was sent -> how large the report on it can be.

This module alone decides. Several reports are read at once, and each takes many times its bytes in
memory: a small call must not be answered with a large one. But a report that is true must never be
refused, since the same call would have the same answer for ever.

Every error of a contact takes about 2,200 bytes, 57 elements and 29 attributes, if it is written as
in Maileon's sample; a custom field can be wrong in each contact, too. A report that quotes does so
from what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from destination_maileon.maileon.http import MAX_ANSWER_BYTES
from destination_maileon.maileon.xml_reading import MAX_ELEMENTS

_BYTES = 2**20
_BYTES_OF_A_CONTACT = 8_000
_BYTES_OF_A_BYTE = 16
_ELEMENTS = 1_000
_ELEMENTS_OF_A_CONTACT = 200
_ELEMENTS_OF_A_FIELD = 10
_TIMES_QUOTED = 20


@dataclass(frozen=True, slots=True)
class ReportSize:
    """The most that a report has. Equals signs stand for attributes, and stand in texts."""

    most_bytes: int = MAX_ANSWER_BYTES
    most_elements: int = MAX_ELEMENTS
    most_signs: int = MAX_ELEMENTS


LARGEST = ReportSize()


def report_size(sent: bytes) -> ReportSize:
    """Of the report on a document of contacts_xml."""
    # A text has no bare "<", so that the tags can be counted.
    contacts = sent.count(b"<contact>")
    fields = sent.count(b"<field>") + sent.count(b"<preference>")
    most_bytes = _BYTES + _BYTES_OF_A_CONTACT * contacts + _BYTES_OF_A_BYTE * len(sent)
    elements = _ELEMENTS + _ELEMENTS_OF_A_CONTACT * contacts + _ELEMENTS_OF_A_FIELD * fields
    most_elements = min(MAX_ELEMENTS, elements)
    return ReportSize(
        min(MAX_ANSWER_BYTES, most_bytes),
        most_elements,
        most_elements + _TIMES_QUOTED * sent.count(b"="),
    )
