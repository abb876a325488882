"""bytes -> element tree, of answers that nobody vouches for.

This module alone decides what XML is accepted from outside: no DOCTYPE (hence no entities), nothing
from the network, no depth or text beyond libxml2's limits. Comments and processing instructions
vanish; a namespace is no difference to whoever searches with `{*}name`.
"""

from __future__ import annotations

from lxml import etree

_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"  # ignore-https-check: a name, no address
_NIL = ("nil", f"{{{_INSTANCE}}}nil")


class UnreadableXml(ValueError):
    """The bytes are no XML that is accepted. The message holds nothing of them."""


def read_xml(body: bytes) -> etree._Element:
    """The root element; raises UnreadableXml."""
    root = _parsed(body)
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


def _parsed(body: bytes) -> etree._Element | None:
    # A parser of its own for each document: they are not shared between threads without waiting.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(body, parser)
    except (etree.LxmlError, ValueError):
        pass
    return None
