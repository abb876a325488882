"""What a configuration's values say against each other: one column twice, half a key pair.

This module alone decides what may not stand together. It reads the raw configuration, so that these
problems are told together with those of the single values, whatever else is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.config.targets import SHARED_TARGETS, Target, parse_target
from destination_maileon.config.validation import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEY_PAIR = ("access_key_id", "secret_access_key")


def contradictions(raw: object) -> Iterator[str]:
    """One sentence per contradiction. What is malformed is passed over here."""
    if not isinstance(raw, dict):
        return
    yield from _half_key_pair(raw.get("object_storage_config"))
    streams = _objects(raw.get("streams"))
    yield from _streams_named_twice(streams)
    for at, stream in streams:
        entries = _objects(stream.get("mapping"))
        for problem in (*_columns_named_twice(entries), *_targets_taken_twice(entries)):
            yield f"streams[{at}].mapping (stream {shown(stream.get('name'))}): {problem}"


def _objects(value: object) -> list[tuple[int, Mapping[str, object]]]:
    items = value if isinstance(value, list | tuple) else ()
    return [(at, item) for at, item in enumerate(items) if isinstance(item, dict)]


def _half_key_pair(storage: object) -> Iterator[str]:
    if not isinstance(storage, dict) or storage.get("storage_type") != "S3":
        return
    given = [name for name in _KEY_PAIR if _is_given(storage.get(name))]
    if len(given) == 1:
        (lacking,) = set(_KEY_PAIR) - set(given)
        yield (
            f"object_storage_config: {given[0]} needs {lacking} beside it. Give both, or neither "
            "to use the rights of the machine."
        )


def _is_given(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _streams_named_twice(streams: list[tuple[int, Mapping[str, object]]]) -> Iterator[str]:
    first: dict[tuple[str, str], int] = {}
    for at, stream in streams:
        name, namespace = stream.get("name"), stream.get("namespace") or ""
        if not isinstance(name, str) or not isinstance(namespace, str):
            continue
        before = first.setdefault((namespace, name), at)
        if before != at:
            yield (
                f"streams[{before}] and streams[{at}] are both for stream {shown(name)}. "
                "Put their columns into one, or tell them apart by namespace."
            )


def _columns_named_twice(entries: list[tuple[int, Mapping[str, object]]]) -> Iterator[str]:
    first: dict[str, int] = {}
    for at, entry in entries:
        column = entry.get("column")
        if isinstance(column, str) and (before := first.setdefault(column, at)) != at:
            yield (
                f"entries {before} and {at} are both for column {shown(column)}. "
                "A column has one target."
            )


def _targets_taken_twice(entries: list[tuple[int, Mapping[str, object]]]) -> Iterator[str]:
    first: dict[Target, str] = {}
    for _, entry in entries:
        column, text = entry.get("column"), entry.get("target")
        target = parse_target(text) if isinstance(text, str) else None
        if not isinstance(column, str) or target is None or target.kind in SHARED_TARGETS:
            continue
        before = first.setdefault(target, column)
        if before != column:
            yield (
                f"columns {shown(before)} and {shown(column)} have the same target. "
                "Map one of them to skip or to another target."
            )
