"""The tables in docs/ that are generated: keys, standard fields, error codes, consent.

The keys come from the model, fields and codes from the API client, the rest from a test's cases.

`.venv/bin/python -m scripts.documents` writes them between their marks, where nothing is written by
hand; a test fails while they differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from destination_maileon.config.spec import connection_specification
from destination_maileon.maileon.contact import STANDARD_FIELDS, FieldType
from destination_maileon.maileon.error_codes import ERROR_CODES
from destination_maileon.rejections.rejection import ADVICE_BY_MODE
from integration_tests.consent_cases import ROWS, Person

Schema: TypeAlias = Mapping[str, Any]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIGURATION = DOCS / "configuration.md"
MAPPING = DOCS / "mapping.md"
REJECTIONS = DOCS / "rejections.md"
OPERATIONS = DOCS / "operations.md"
CONSENT = DOCS / "consent.md"

_TAKES: Mapping[FieldType, str] = MappingProxyType(
    {
        FieldType.STRING: "text of at most 255 characters",
        FieldType.DATE: "a date, `yyyy-MM-dd`",
        FieldType.GENDER: "`m`, `f` or `d`",
        FieldType.LOCALE: "a language, or language and country: `de`, `de_DE`",
    }
)
"""What Maileon takes in a standard field (Maileon docs, Standard Contact Fields)."""


def with_tables(text: str, page: Path) -> str:
    """The text of a page with every table between its marks made anew.

    Raises:
        ValueError: if a pair of marks is missing or stands there twice.
    """
    for name, table in TABLES[page].items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{page.name} needs the marks {begin} and {end}, each once.")
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = before + "\n".join([begin, *table(), end]) + after
    return text


def configuration_keys() -> list[str]:
    """Every key, those inside an object or a list with the path to them."""
    return [path for path, _, _ in _rows(connection_specification())]


def _configuration() -> Iterator[str]:
    yield "| option | values | default | meaning |"
    yield "|---|---|---|---|"
    for path, schema, requirement in _rows(connection_specification()):
        default = requirement or _default(schema)
        hidden = " *Not shown in the form.*" if schema.get("airbyte_hidden") else ""
        option = f"**{schema['title']}** (`{path}`)"
        meaning = _cell(f"{schema['description']}{hidden}")
        yield f"| {option} | {_values(schema)} | {default} | {meaning} |"


def _standard_fields() -> Iterator[str]:
    yield "| standard fields | what Maileon takes |"
    yield "|---|---|"
    for kind, takes in _TAKES.items():
        names = ", ".join(name for name, of in STANDARD_FIELDS.items() if of is kind)
        yield f"| {names} | {takes} |"


def _error_codes() -> Iterator[str]:
    yield "| code | meaning | what to do |"
    yield "|---:|---|---|"
    for code, row in sorted(ERROR_CODES.items()):
        meaning = _cell(row.meaning)
        yield f"| {code} | {meaning} | {_cell(row.advice)} |"
        for (mode, about), advice in ADVICE_BY_MODE.items():
            if about == code:
                yield f"| {code}, by `{mode.name.lower()}` | {meaning} | {advice} |"


def _consent() -> Iterator[str]:
    names = {
        "reimports": "reimport_unsubscribed_contacts",
        "updates_only": "update_only",
        "overrides": "override_permission",
    }
    properties = connection_specification()["properties"]
    titles = {name: schema["title"] for name, schema in properties.items()}
    for person in Person:
        rows = [row for row in ROWS if row.person is person]
        yield f"**Who {person}:**"
        yield ""
        used = [n for n in rows[0].options if any(row.options[n] is not None for row in rows)]
        heads = [titles[names[name]] if name in names else "permission" for name in used]
        yield f"| {' | '.join(heads)} | what happens |"
        yield "|---" * (len(used) + 1) + "|"
        for row in rows:
            cells = [_option(name, value=row.options[name]) for name in used]
            yield f"| {' | '.join([*cells, row.outcome])} |"
        yield ""


def _option(name: str, *, value: bool | None) -> str:
    if value is None:
        return "any"
    if name == "has_permission":
        return "named" if value else "`not_set`"
    return "on" if value else "off"


Tables: TypeAlias = Mapping[str, Callable[[], Iterator[str]]]

TABLES: Mapping[Path, Tables] = MappingProxyType(
    {
        CONFIGURATION: {"config": _configuration},
        MAPPING: {"fields": _standard_fields},
        REJECTIONS: {"errors": _error_codes},
        CONSENT: {"consent": _consent},
    }
)


def _rows(schema: Schema, above: str = "") -> Iterator[tuple[str, Schema, str]]:
    """Path, schema and the word "required" or nothing, of every key."""
    if "oneOf" in schema:
        yield from _options(schema["oneOf"], above)
    for name, value in schema.get("properties", {}).items():
        path = f"{above}{name}"
        yield path, value, "required" if name in schema.get("required", ()) else ""
        yield from _rows(
            value.get("items", value), f"{path}[]." if "items" in value else f"{path}."
        )


def _options(options: Sequence[Schema], above: str) -> Iterator[tuple[str, Schema, str]]:
    """The keys of all options; the constant that tells them apart is one key, of all its values."""
    (constant,) = {name for option in options for name in _constants(option)}
    choices = [option["properties"][constant] for option in options]
    together = {
        **choices[0],
        "enum": [choice["const"] for choice in choices],
        "description": " ".join(choice["description"] for choice in choices),
    }
    yield f"{above}{constant}", together, "required"
    for option, choice in zip(options, choices, strict=True):
        for path, value, requirement in _rows(option, above):
            if path != f"{above}{constant}":
                yield path, value, requirement and f"{requirement} with `{choice['const']}`"


def _constants(option: Schema) -> list[str]:
    return [name for name, value in option["properties"].items() if "const" in value]


def _values(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind: str = schema["type"] if isinstance(schema["type"], str) else " or ".join(schema["type"])
    kind = "secret string" if schema.get("airbyte_secret") else {"array": "list"}.get(kind, kind)
    limits = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
    }
    return ", ".join(
        [kind, *(words.format(schema[name]) for name, words in limits.items() if name in schema)]
    )


def _default(schema: Schema) -> str:
    if "default" not in schema:
        return "none"
    default = schema["default"]
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _cell(text: str) -> str:
    return re.sub(r"([|<])", r"\\\1", text)


def main() -> None:
    for page in TABLES:
        page.write_text(with_tables(page.read_text(encoding="utf-8"), page), encoding="utf-8")


if __name__ == "__main__":
    main()
