"""A configuration as JSON -> the configuration, or what is wrong with it in sentences for a person.

This module alone words them. Invariant: no sentence holds the value of a key that is marked as
secret, nor one that is no plain text or number.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from destination_maileon.config.spec import Config, S3Storage, Schema, connection_specification
from destination_maileon.config.suggestions import MAX_SHOWN_CHARACTERS, did_you_mean, shown
from destination_maileon.config.types import ADDRESS_FORM, EXPLAINED
from destination_maileon.errors import ConfigError
from destination_maileon.maileon.auth import secret_forms


def load_config(raw: object) -> Config:
    """The configuration, read from its JSON. A ConfigError tells all that is wrong with it."""
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


_FIELDS = {**Config.model_fields, **S3Storage.model_fields}
_SECRET_KEYS = {
    key for key, one in _FIELDS.items() if SecretStr in {one.annotation, *get_args(one.annotation)}
}


def _problems(invalid: ValidationError, raw: object) -> Iterator[str]:
    for error in invalid.errors(include_url=False):
        if error["type"] in {"extra_forbidden", "invalid_key"}:
            *parents, key = error["loc"]
            place, node = _walked(parents, raw)
            hint = did_you_mean(str(key), node["properties"])
            yield f"{place}{': ' * bool(place)}unknown key {shown(key)}{hint}."
        else:
            place, node = _walked(error["loc"], raw)
            yield f"{place or 'The configuration'} {_allowed(error, node)}."


_NAME_IN = {"Stream": "name", "Column": "column"}
"""By the title of an entry, the key in it that has the name in which a person finds it."""


def _walked(steps: Sequence[int | str], raw: Any) -> tuple[str, Schema]:  # noqa: ANN401 - a JSON value
    """Title, path of keys, and names of stream and column of a place; and the schema there."""
    path, node = "", connection_specification()
    names = []
    for step in steps:
        if isinstance(step, int):
            path, node, raw = f"{path}[{step}]", node["items"], raw[step]
            name = raw.get(_NAME_IN[node["title"]]) if isinstance(raw, dict) else None
            if isinstance(name, str) and name:
                names.append(f", {node['title'].lower()} {shown(name)}")
        elif "oneOf" in node:
            node = {**_choices(node)[step], "title": node["title"]}
        else:
            path, node, raw = f"{path}{path and '.'}{step}", node["properties"][step], raw.get(step)
    return f'"{node["title"]}" ({path}{"".join(names)})' if path else "", node


def _allowed(error: ErrorDetails, node: Schema) -> str:
    """What is allowed, what was written, and the right one that is nearest to it."""
    if error["type"] == "missing":
        return "is required"
    value = error["input"]
    if "oneOf" in node and isinstance(value, Mapping):
        value = value.get("storage_type")
    is_ours = error["type"] == EXPLAINED
    allowed = error["msg"] if is_ours else f"must be {_wanted(node)}"
    # The user's part of an address may hold a password.
    is_address = node.get("pattern_descriptor") == ADDRESS_FORM
    if node.get("airbyte_secret") or (is_address and "@" in str(value)):
        return allowed
    if isinstance(value, str):
        hint = error["ctx"]["hint"] if is_ours else did_you_mean(value, _choices(node))
        return f"{allowed}, not {shown(value)}{hint}"
    is_plain = isinstance(value, int | float)
    return f"{allowed}, not {json.dumps(value)[:MAX_SHOWN_CHARACTERS]}" if is_plain else allowed


def _choices(node: Schema) -> dict[str, Schema]:
    """The values that the schema lists, each with the object that it tells apart, if any."""
    objects = {one["properties"]["storage_type"]["const"]: one for one in node.get("oneOf", ())}
    return objects or {value: {} for value in node.get("enum", ())}


def _wanted(node: Schema) -> str:
    """What the schema allows, in words."""
    bounds = f"of at least {node.get('minimum')}"
    if "exclusiveMinimum" in node:
        bounds = f"above {node['exclusiveMinimum']}"
    elif "maximum" in node:
        bounds = f"from {node['minimum']} to {node['maximum']}"
    choices = ", ".join(_choices(node))
    words = {
        "enum": f"one of {choices}",
        "oneOf": f'an object with "storage_type" set to one of {choices}',
        "pattern_descriptor": f"text of the form {node.get('pattern_descriptor')}",
        "minLength": "text that is not empty",
        "boolean": "true or false",
        "integer": f"a whole number {bounds}",
        "number": f"a number {bounds}",
        "array": "a list",
        "object": f"an object with the keys {', '.join(node.get('properties', ()))}",
        "string": "text",
    }
    # By a keyword of the schema or by its type; of a type that may also be null, that comes last.
    kind = node["type"] if isinstance(node["type"], str) else node["type"][0]
    return next(text for mark, text in words.items() if mark in node or mark == kind)
