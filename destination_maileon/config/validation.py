"""What is wrong with a configuration -> sentences that a person can act on.

This module alone words them. Invariant: a sentence names keys, what is allowed, and at most the
names of a stream and its columns; never a value, since a secret may be pasted anywhere.
"""

from __future__ import annotations

from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from destination_maileon.config.types import EXPLAINED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from destination_maileon.config.schema import Schema

    Steps: TypeAlias = Sequence[int | str]

_MAX_SHOWN = 60
_UNKNOWN_KEY = frozenset({"extra_forbidden", "invalid_key"})


def problems_of(invalid: ValidationError, *, schema: Schema, raw: object) -> Iterator[str]:
    """One sentence per problem that the model of this schema found in the raw configuration."""
    for error in invalid.errors(include_url=False, include_input=False):
        *parents, last = error["loc"] or ("",)
        if error["type"] in _UNKNOWN_KEY:
            path, node = _walked(schema, parents)
            yield f"{path}{_names(raw, parents)}{': ' * bool(path)}{_unknown(str(last), node)}."
        else:
            path, node = _walked(schema, error["loc"])
            place = f"{path}{_names(raw, error['loc'])}" or "The configuration"
            yield f"{place} {_allowed(error, node)}."


def shown(name: object) -> str:
    """A name from the configuration, quoted and of bearable length."""
    text = str(name).encode("utf-8", "replace").decode()
    return f'"{text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."}"'


def _walked(schema: Schema, steps: Steps) -> tuple[str, Schema]:
    """The path as a person writes it, and the schema at its end."""
    path, node = "", schema
    for step in steps:
        options = {o["properties"]["storage_type"]["const"]: o for o in node.get("oneOf", ())}
        if isinstance(step, int):
            path, node = f"{path}[{step}]", node["items"]
        elif step in options:
            node = options[step]
        else:
            path, node = f"{path}{path and '.'}{step}", node["properties"][step]
    return path, node


def _names(raw: object, steps: Steps) -> str:
    """The stream and the column, by name, in which a person finds the place."""
    names = []
    for step in steps if steps and steps[0] == "streams" else ():
        raw = _below(raw, step)
        for word, name_key in (("stream", "name"), ("column", "column")):
            name = raw.get(name_key) if isinstance(raw, dict) else None
            if isinstance(name, str) and name:
                names.append(f"{word} {shown(name)}")
    return f" ({', '.join(names)})" if names else ""


def _below(raw: object, step: int | str) -> object:
    if isinstance(step, int):
        return raw[step] if isinstance(raw, list | tuple) else None
    return raw.get(step) if isinstance(raw, dict) else None


def _unknown(name: str, node: Schema) -> str:
    alike = get_close_matches(name[:_MAX_SHOWN], node.get("properties", ()), n=1)
    hint = f' (did you mean "{alike[0]}"?)' if alike else ""
    return f"unknown key {shown(name)}{hint}"


def _allowed(error: ErrorDetails, node: Schema) -> str:
    if error["type"] == "missing":
        return "is required"
    if error["type"] == EXPLAINED:
        return error["msg"]
    return f"must be {_wanted(node)}"


def _wanted(node: Schema) -> str:
    """What the schema allows, in words."""
    for mark, in_words in _WORDS.items():
        if mark in node:
            return in_words(node)
    # Of a type that may also be null, the null comes last.
    kind = node["type"] if isinstance(node["type"], str) else node["type"][0]
    return _TYPES[kind](node)


def _kinds(node: Schema) -> str:
    kinds = [option["properties"]["storage_type"]["const"] for option in node["oneOf"]]
    return f'an object with "storage_type" set to one of {", ".join(kinds)}'


def _range(node: Schema) -> str:
    if "exclusiveMinimum" in node:
        return f" above {node['exclusiveMinimum']}"
    if "maximum" in node:
        return f" from {node['minimum']} to {node['maximum']}"
    return f" of at least {node['minimum']}"


_WORDS: Mapping[str, Callable[[Schema], str]] = MappingProxyType(
    {
        "enum": lambda node: f"one of {', '.join(node['enum'])}",
        "oneOf": _kinds,
        "pattern_descriptor": lambda node: f"text of the form {node['pattern_descriptor']}",
        "minLength": lambda _: "text that is not empty",
    }
)
_TYPES: Mapping[str, Callable[[Schema], str]] = MappingProxyType(
    {
        "boolean": lambda _: "true or false",
        "integer": lambda node: f"a whole number{_range(node)}",
        "number": lambda node: f"a number{_range(node)}",
        "array": lambda _: "a list",
        "object": lambda node: f"an object with the keys {', '.join(node['properties'])}",
        "string": lambda _: "text",
    }
)
