"""The samples of Maileon's page "Synchronize Contacts", as they stand there: `documented`."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import canonicalize

FOLDER = Path(__file__).with_name("documented")


def sample(name: str) -> bytes:
    return FOLDER.joinpath(f"{name}.xml").read_bytes()


def canonical(xml: bytes) -> str:
    """The form in which two documents are equal if they say the same; layout left aside."""
    return canonicalize(xml.decode(), strip_text=True)
