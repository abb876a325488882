"""bytes -> element tree, of answers that nobody vouches for.

This module alone decides what XML is accepted from outside: no DOCTYPE (hence no entities), nothing
from the network, no depth or text beyond libxml2's limits, no more elements than an answer of the
API may have. Comments and processing instructions vanish; a namespace is no difference to whoever
searches with `{*}name`.
"""

from __future__ import annotations

from lxml import etree

_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"  # ignore-https-check: a name, no address
_NIL = ("nil", f"{{{_INSTANCE}}}nil")
MAX_ELEMENTS = 600_000
"""A report on 10,000 contacts with every error each has fewer. An empty element takes 4 bytes of an
answer, and about thirty times as many in memory; an attribute 7, and twice as much memory."""

_PIECE_BYTES = 2**16


class UnreadableXml(ValueError):
    """The bytes are no XML that is accepted. The message holds nothing of them."""


def read_xml(
    body: bytes, *, most_elements: int | None = None, most_signs: int | None = None
) -> etree._Element:
    """The root element, if there are no more elements and equals signs; raises UnreadableXml."""
    limits = (
        MAX_ELEMENTS if most_elements is None else most_elements,
        MAX_ELEMENTS if most_signs is None else most_signs,
    )
    root = _parsed(body, *limits)
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableXml("no XML without a document type")
    return root


def local_name(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return etree.QName(element).localname


def child_text(parent: etree._Element, name: str) -> str | None:
    """The text of the first child of that name; None if it is missing, empty or nil.

    Maileon says `nil="true"` of an element without a value (Maileon docs, XML).
    """
    child = parent.find(f"{{*}}{name}")
    if child is None or any(child.get(nil) in {"true", "1"} for nil in _NIL):
        return None
    return child.text or None


def _parsed(body: bytes, most_elements: int, most_signs: int) -> etree._Element | None:
    # A parser of its own for each document: they are not shared between threads without waiting.
    parser = etree.XMLPullParser(
        events=("start",),
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return _fed(parser, body, most_elements=most_elements, most_signs=most_signs)
    except (etree.LxmlError, ValueError):
        pass
    return None


def _fed(
    parser: etree.XMLPullParser, body: bytes, *, most_elements: int, most_signs: int
) -> etree._Element | None:
    """What the parser makes of the body, piece by piece, as long as there is an end in sight."""
    elements = signs = 0
    for start in range(0, len(body), _PIECE_BYTES):
        piece = body[start : start + _PIECE_BYTES]
        # Every attribute has one, and is counted before there is an element to ask.
        signs += piece.count(b"=")
        if signs > most_signs:
            return None
        parser.feed(piece)
        elements += sum(1 for _ in parser.read_events())
        if elements > most_elements:
            return None
    root: etree._Element = parser.close()
    return root
