"""A configuration as JSON -> the configuration, or what is wrong with it in sentences for a person.

This module alone words them. Invariant: no sentence holds the value of a key that is marked as
secret, nor one that is no plain text or number.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from destination_maileon.config.model import Config, S3Storage
from destination_maileon.config.spec import Schema, connection_specification
from destination_maileon.config.suggestions import did_you_mean, shown
from destination_maileon.config.types import ADDRESS_FORM, EXPLAINED
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.auth import secret_forms

_UNKNOWN_KEY = frozenset({"extra_forbidden", "invalid_key"})


def load_config(raw: object) -> Config:
    """The configuration, read from its JSON.

    Raises:
        ConfigError: with all problems, each with its key, what is allowed and what was written.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as invalid:
        problems = " ".join(_problems(invalid, raw))
    raise ConfigError(problems)


def secrets_of(raw: object) -> set[str]:
    """What must never be shown, also of a configuration that is wrong."""
    if not isinstance(raw, Mapping):
        return set()
    secrets = (raw[key] for key in _SECRET_KEYS & raw.keys() if isinstance(raw[key], str))
    return set[str]().union(*map(secret_forms, secrets), *map(secrets_of, raw.values()))


_SECRET_KEYS = {
    key
    for model in (Config, S3Storage)
    for key, field in model.model_fields.items()
    if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("airbyte_secret")
}


def _problems(invalid: ValidationError, raw: object) -> Iterator[str]:
    """One sentence per problem that the model found in the raw configuration."""
    for error in invalid.errors(include_url=False):
        if error["type"] in _UNKNOWN_KEY:
            *parents, key = error["loc"]
            place, node = _walked(parents, raw)
            hint = did_you_mean(str(key), node["properties"])
            yield f"{place}{': ' * bool(place)}unknown key {shown(key)}{hint}."
        else:
            place, node = _walked(error["loc"], raw)
            yield f"{place or 'The configuration'} {_allowed(error, node)}."


def _walked(steps: Sequence[int | str], raw: Any) -> tuple[str, Schema]:  # noqa: ANN401 - a JSON value
    """The place as a person finds it, and the schema there.

    A place is the title in the form, the path of keys, and the names of a stream and its column.
    """
    path, node = "", connection_specification()
    names: list[str] = []
    for step in steps:
        if isinstance(step, int):
            path, node, raw = f"{path}[{step}]", node["items"], raw[step]
            names += _names(raw)
        elif "oneOf" in node:
            node = {**_options(node)[step], "title": node["title"]}
        else:
            path, node = f"{path}{path and '.'}{step}", node["properties"][step]
            raw = raw.get(step)
    place = f'"{node["title"]}" ({", ".join([path, *names])})' if path else ""
    return place, node


def _names(entry: object) -> Iterator[str]:
    """The stream or the column by its name, in which a person finds the place."""
    for word, key in (("stream", "name"), ("column", "column")):
        name = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(name, str) and name:
            yield f"{word} {shown(name)}"


def _allowed(error: ErrorDetails, node: Schema) -> str:
    """What is allowed, what was written, and the right one that is nearest to it."""
    value = error["input"]
    if error["type"] == "missing":
        return "is required"
    if "oneOf" in node and isinstance(value, Mapping):
        value = value.get("storage_type")
    is_ours = error["type"] == EXPLAINED
    allowed = error["msg"] if is_ours else f"must be {_wanted(node)}"
    if not isinstance(value, str | bool | int | float) or not _is_showable(value, node):
        return allowed
    if not isinstance(value, str):
        return f"{allowed}, not {json.dumps(value)[:60]}"
    choices = node.get("enum", _options(node))
    hint = error["ctx"]["hint"] if is_ours else did_you_mean(value, choices)
    return f"{allowed}, not {shown(value)}{hint}"


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


def _options(node: Schema) -> dict[str, Schema]:
    """The objects of which a key holds one, by what tells them apart."""
    return {
        option["properties"]["storage_type"]["const"]: option for option in node.get("oneOf", ())
    }


def _range(node: Schema) -> str:
    if "exclusiveMinimum" in node:
        return f"above {node['exclusiveMinimum']}"
    if "maximum" in node:
        return f"from {node['minimum']} to {node['maximum']}"
    return f"of at least {node['minimum']}"


_WORDS: Mapping[str, Callable[[Schema], str]] = {
    "enum": lambda node: f"one of {', '.join(node['enum'])}",
    "oneOf": lambda node: (
        f'an object with "storage_type" set to one of {", ".join(_options(node))}'
    ),
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
