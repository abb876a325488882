"""Which single values a configuration may hold: numbers, texts, keys, paths and addresses.

This module alone decides what counts as one of them, as JSON Schema does: `"true"` is no boolean,
`true` no number, and `1.0` a whole number. What the values mean is said where a key is declared.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from string import whitespace
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    SecretStr,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, Url

EXPLAINED: Final = "explained"
"""Type of the errors whose message is ours: it says what is allowed."""


def refused(what_is_allowed: str, hint: str = "") -> PydanticCustomError:
    """The error for a value that its schema alone cannot refuse; the hint names the nearest one."""
    return PydanticCustomError(EXPLAINED, "{allowed}", {"allowed": what_is_allowed, "hint": hint})


class ConfigModel(BaseModel):
    """An object of the configuration: immutable, and without any key that is not declared.

    The text below a key is its description in the form, where lines end nowhere.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        allow_inf_nan=False,
    )

    keys_with_null: ClassVar[frozenset[str]] = frozenset()
    """Keys in which null says something else than their absence."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # pydantic's `use_attribute_docstrings` would read the source at each start.
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for key, text in _texts_below_keys(cls):
            properties[key]["description"] = text
        return schema

    @model_validator(mode="before")
    @classmethod
    def _as_json_means_it(cls, given: object) -> object:
        """A whole number may be written as 1.0, and Airbyte's form clears a field with null."""
        if not isinstance(given, dict):
            return given
        clearable = cls.model_fields.keys() - cls.keys_with_null
        return {k: _whole(v) for k, v in given.items() if v is not None or k not in clearable}


def _texts_below_keys(model: type[ConfigModel]) -> Iterator[tuple[str, str]]:
    source = ast.parse(inspect.getsource(model))
    statements = [one for body in source.body for one in ast.iter_child_nodes(body)]
    for key, text in pairwise(statements):
        match key, text:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(str(words))):
                if name in model.model_fields:
                    yield name, words


def config_field(title: str, *, default: object = ..., **form: object) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """A key with its title; `form` are keywords of JSON Schema, or Airbyte's."""
    extra: dict[str, Any] = {**form}
    return Field(default, title=title, json_schema_extra=extra)


def pattern(expression: str, in_words: str) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """Annotates a text with the pattern by which the form judges it before the connector does."""
    return Field(json_schema_extra={"pattern": expression, "pattern_descriptor": in_words})


def named(members: Mapping[str, object]) -> PlainValidator:
    """Annotates what is one of these names, and is read as what the name stands for."""

    def read(name: object) -> object:
        if not isinstance(name, str) or name not in members:
            raise PydanticCustomError("enum", "not one of the names")
        return members[name]

    return PlainValidator(read, json_schema_input_type=Literal[tuple(members)])


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _blank_is_absent(given: object) -> object:
    """Airbyte's form sends an empty text, too, for a field that was cleared."""
    return (given.strip() or None) if isinstance(given, str) else given


Value = TypeVar("Value")
OrBlank: TypeAlias = Annotated[Value | None, BeforeValidator(_blank_is_absent)]
"""A text that may be left out, or be blank, which is the same."""
Count: TypeAlias = Annotated[StrictInt, Field(ge=0)]
Percent: TypeAlias = Annotated[StrictFloat, Field(ge=1, le=100)]
Seconds: TypeAlias = Annotated[StrictFloat, Field(gt=0)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
TrimmedText: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

# Only what people paste around a key; the client removes it, here it must not be all there is.
_NO_KEY = re.compile(r"\s*(authorization\s*:\s*)?(basic)?\s*", re.IGNORECASE)


def _with_a_key(secret: SecretStr) -> SecretStr:
    if _NO_KEY.fullmatch(secret.get_secret_value()):
        raise refused("must be the API key from your Maileon account, not empty")
    return secret


def _without_outer_slashes(path: str) -> str:
    return path.strip(f"/{whitespace}")


ApiKey: TypeAlias = Annotated[SecretStr, Field(min_length=1), AfterValidator(_with_a_key)]
BucketPath: TypeAlias = Annotated[Text, AfterValidator(_without_outer_slashes), Field(min_length=1)]

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s/?#@\\:\[\]]+)"
_LOOPBACK = r"(localhost|127(\.(25[0-5]|(2[0-4]|1?[0-9])?[0-9])){3}|\[(::|(0+:){7}0*)1\])"
_SERVER = rf"(https://{_HOST}|http://{_LOOPBACK})"  # ignore-https-check: this machine
_ADDRESS = rf"{_SERVER}(:[1-9][0-9]{{0,4}})?(/[^\s?#\\]*)?"
ADDRESS_FORM = (
    "https://HOST/PATH without user name, query and fragment; "
    "http:// only for localhost, 127.0.0.1 and [::1]"  # ignore-https-check: this machine
)


def _as_address(text: str) -> str:
    """The address without surrounding space and closing slashes.

    The key travels with every call, so nothing but TLS or this machine is good enough for it.
    """
    address = text.strip()
    try:
        Url(address)
    except ValueError:
        address = ""
    if not re.fullmatch(_ADDRESS, address) or not address.isprintable():
        raise refused(f"must have the form {ADDRESS_FORM}")
    return address.rstrip("/")


_Address: TypeAlias = Annotated[str, AfterValidator(_as_address)]
Address: TypeAlias = Annotated[_Address, pattern(rf"^\s*{_ADDRESS}\s*$", ADDRESS_FORM)]
OptionalAddress: TypeAlias = Annotated[
    OrBlank[_Address], pattern(rf"^\s*({_ADDRESS})?\s*$", ADDRESS_FORM)
]
