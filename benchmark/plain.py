"""The plain connector that one would write: the CDK's reader, an lxml tree, one call at a time.

It writes kinds whose columns are all the address or text in standard fields.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any

import orjson
import requests

# The CDK exports the protocol's classes with a star, which mypy does not count as an export.
from airbyte_cdk.models import (  # type: ignore[attr-defined]
    AirbyteMessage,
    AirbyteMessageSerializer,
    Type,
)
from lxml import etree

from benchmark.description import Kind
from benchmark.floor import BATCH


def run(kind: Kind, base_url: str, source: IO[bytes]) -> int:
    """Writes what the source says to the sink; 0."""
    fields = {
        column.name: column.target.removeprefix("standard:")
        for column in kind.columns
        if column.target and column.target != "email"
    }
    session = requests.Session()
    url = f"{base_url}/contacts?sync_mode=1"
    root, states = etree.Element("contacts"), list[AirbyteMessage]()
    for line in io.TextIOWrapper(source, encoding="utf-8"):
        message = AirbyteMessageSerializer.load(orjson.loads(line))
        if message.type is Type.STATE:
            states.append(message)
        if message.record is None:
            continue
        _add(root, message.record.data, fields)
        if len(root) == BATCH:
            session.post(url, data=etree.tostring(root))
            root = etree.Element("contacts")
            for state in states:
                print(orjson.dumps(AirbyteMessageSerializer.dump(state)).decode())
            states.clear()
    if len(root):
        session.post(url, data=etree.tostring(root))
    return 0


def _add(root: etree._Element, data: dict[str, Any], names: Mapping[str, str]) -> None:
    contact = etree.SubElement(root, "contact")
    etree.SubElement(contact, "email").text = data["email"]
    fields = etree.SubElement(contact, "standard_fields")
    for column, name in names.items():
        if column in data:
            field = etree.SubElement(fields, "field")
            etree.SubElement(field, "name").text = name
            etree.SubElement(field, "value").text = data[column]
