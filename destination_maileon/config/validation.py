"""A configuration as JSON -> the configuration, or what is wrong with it in sentences for a person.

This module alone words them. Invariant: no sentence holds the value of a key that is marked as
secret, nor one that is no plain text or number.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from destination_maileon.config.model import Config, S3Storage
from destination_maileon.config.spec import Schema, flat_schema
from destination_maileon.config.suggestions import did_you_mean, shown
from destination_maileon.config.types import ADDRESS_FORM, EXPLAINED
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.auth import secret_forms

Steps: TypeAlias = Sequence[int | str]

_UNKNOWN_KEY = frozenset({"extra_forbidden", "invalid_key"})


def load_config(raw: object) -> Config:
    """The configuration, read from its JSON.

    Raises:
        ConfigError: with all problems, each with its key, what is allowed and what was written.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as invalid:
        problems = " ".join(_problems(invalid, schema=flat_schema(Config), raw=raw))
    raise ConfigError(problems)


def secrets_of(raw: object) -> set[str]:
    """What must never be shown, also of a configuration that is wrong."""
    return {form for text in _secrets(raw) for form in secret_forms(text)}


def _secrets(raw: object) -> Iterator[str]:
    for key, value in raw.items() if isinstance(raw, Mapping) else ():
        if key in _SECRET_KEYS and isinstance(value, str):
            yield value
        yield from _secrets(value)


_SECRET_KEYS = {
    key
    for model in (Config, S3Storage)
    for key, field in model.model_fields.items()
    if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("airbyte_secret")
}


def _problems(invalid: ValidationError, *, schema: Schema, raw: object) -> Iterator[str]:
    """One sentence per problem that the model of this schema found in the raw configuration."""
    for error in invalid.errors(include_url=False, include_input=False):
        *parents, last = error["loc"] or ("",)
        if error["type"] in _UNKNOWN_KEY:
            place, node, _ = _walked(schema, parents, raw)
            hint = did_you_mean(str(last), node.get("properties", ()))
            yield f"{place}{': ' * bool(place)}unknown key {shown(last)}{hint}."
        else:
            place, node, value = _walked(schema, error["loc"], raw)
            yield f"{place or 'The configuration'} {_allowed(error, node, value)}."


def _walked(schema: Schema, steps: Steps, raw: object) -> tuple[str, Schema, object]:
    """The place as a person finds it, the schema there, and what the configuration has there.

    A place is the title in the form, the path of keys, and the names of a stream and its column.
    """
    path, node = "", schema
    names: list[str] = []
    for step in steps:
        options = {o["properties"]["storage_type"]["const"]: o for o in node.get("oneOf", ())}
        if isinstance(step, str) and step in options:
            node = {**options[step], "title": node["title"]}
            continue
        if isinstance(step, int):
            path, node = f"{path}[{step}]", node["items"]
        else:
            path, node = f"{path}{path and '.'}{step}", node["properties"][step]
        raw = _below(raw, step)
        names += _names(raw) if path.startswith("streams") else []
    place = f'"{node["title"]}" ({", ".join([path, *names])})' if path else ""
    return place, node, raw


def _names(raw: object) -> Iterator[str]:
    """The stream or the column by its name, in which a person finds the place."""
    for word, name_key in (("stream", "name"), ("column", "column")):
        name = raw.get(name_key) if isinstance(raw, dict) else None
        if isinstance(name, str) and name:
            yield f"{word} {shown(name)}"


def _below(raw: object, step: int | str) -> object:
    if isinstance(step, int):
        return raw[step] if isinstance(raw, list | tuple) else None
    return raw.get(step) if isinstance(raw, dict) else None


def _allowed(error: ErrorDetails, node: Schema, value: object) -> str:
    """What is allowed, what was written, and the right one that is nearest to it."""
    if error["type"] == "missing":
        return "is required"
    if "oneOf" in node and isinstance(value, Mapping):
        value = value.get("storage_type")
    if not isinstance(value, str | bool | int | float) or not _is_showable(value, node):
        return error["msg"] if error["type"] == EXPLAINED else f"must be {_wanted(node)}"
    written = f"not {shown(value) if isinstance(value, str) else json.dumps(value)[:60]}"
    if error["type"] == EXPLAINED:
        nearest = error["ctx"]["nearest"]
        hint = f" (did you mean {shown(nearest)}?)" if nearest else ""
        return f"{error['msg']}, {written}{hint}"
    choices = node.get("enum", _kinds(node))
    hint = did_you_mean(value, choices) if isinstance(value, str) and value not in choices else ""
    return f"must be {_wanted(node)}, {written}{hint}"


def _is_showable(value: object, node: Schema) -> bool:
    """Secrets are not, nor what may hold a password: the user's part of an address."""
    return not node.get("airbyte_secret") and not (
        node.get("pattern_descriptor") == ADDRESS_FORM and "@" in str(value)
    )


def _wanted(node: Schema) -> str:
    """What the schema allows, in words."""
    # Of a type that may also be null, the null comes last.
    kind = node["type"] if isinstance(node["type"], str) else node["type"][0]
    return next(words(node) for mark, words in _WORDS.items() if mark in node or mark == kind)


def _kinds(node: Schema) -> list[str]:
    return [option["properties"]["storage_type"]["const"] for option in node.get("oneOf", ())]


def _range(node: Schema) -> str:
    if "exclusiveMinimum" in node:
        return f"above {node['exclusiveMinimum']}"
    if "maximum" in node:
        return f"from {node['minimum']} to {node['maximum']}"
    return f"of at least {node['minimum']}"


_WORDS: Mapping[str, Callable[[Schema], str]] = {
    "enum": lambda node: f"one of {', '.join(node['enum'])}",
    "oneOf": lambda node: f'an object with "storage_type" set to one of {", ".join(_kinds(node))}',
    "pattern_descriptor": lambda node: f"text of the form {node['pattern_descriptor']}",
    "minLength": lambda _: "text that is not empty",
    "boolean": lambda _: "true or false",
    "integer": lambda node: f"a whole number {_range(node)}",
    "number": lambda node: f"a number {_range(node)}",
    "array": lambda _: "a list",
    "object": lambda node: f"an object with the keys {', '.join(node['properties'])}",
    "string": lambda _: "text",
}
"""By a keyword of the schema or by its type; the first that fits counts."""
