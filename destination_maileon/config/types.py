"""Which single values a configuration may hold: numbers, texts, keys, paths and addresses.

This module alone decides what counts as one of them, as JSON Schema does: `"true"` is no boolean,
`true` no number, and `1.0` a whole number. Their meaning is said where an option is declared.
"""

import ast
import inspect
import re
from contextlib import suppress
from itertools import pairwise
from string import whitespace
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError, Url

EXPLAINED: Final = "explained"
"""Type of the errors whose message is ours: it says what is allowed."""


def refused(what_is_allowed: str, hint: str = "") -> PydanticCustomError:
    """The error for a value that its schema alone cannot refuse; the hint names the nearest one."""
    return PydanticCustomError(EXPLAINED, "{allowed}", {"allowed": what_is_allowed, "hint": hint})


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Makes the text below an option its description in the form, where lines end nowhere."""
    # pydantic's `use_attribute_docstrings` does the same, but reads the source at each start.
    (definition,) = ast.parse(inspect.getsource(model)).body
    for statements in pairwise(ast.iter_child_nodes(definition)):
        match statements:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(str(words))):
                schema["properties"][name]["description"] = " ".join(words.split())


class ConfigModel(
    BaseModel, frozen=True, extra="forbid", validate_default=True, json_schema_extra=_describe
):
    """An object of the configuration: immutable, and without any key that is not declared."""

    @model_validator(mode="before")
    @classmethod
    def _as_json_means_it(cls, given: object) -> object:
        """A whole number may be written as 1.0, and Airbyte's form clears a field with null."""
        if not isinstance(given, dict):
            return given
        clearable = {key for key, one in cls.model_fields.items() if one.default is not None}
        return {
            key: int(value) if isinstance(value, float) and value.is_integer() else value
            for key, value in given.items()
            if value is not None or key not in clearable
        }


def option(
    title: str, *, default: object = ..., ge: int | None = None, le: int | None = None, **form: Any
) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """An option with its title and limits; `form` are keywords of JSON Schema, or Airbyte's."""
    return Field(default, title=title, ge=ge, le=le, json_schema_extra=form)


def pattern(expression: str, in_words: str) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """The pattern by which the form judges a text before the connector does."""
    return Field(json_schema_extra={"pattern": expression, "pattern_descriptor": in_words})


def _with_a_key(secret: SecretStr) -> SecretStr:
    # What people paste around a key is removed by the client, and must not be all there is.
    pasted = r"\s*(authorization\s*:\s*)?(basic)?\s*"
    if re.fullmatch(pasted, secret.get_secret_value(), re.IGNORECASE):
        raise refused("must be the API key from your Maileon account, not empty")
    return secret


Value = TypeVar("Value")
OrBlank: TypeAlias = Annotated[
    Value | None,
    BeforeValidator(lambda given: (given.strip() or None) if isinstance(given, str) else given),
]
"""A text that may be left out; Airbyte's form sends an empty text, too, for a cleared field."""
Flag: TypeAlias = Annotated[bool, Field(strict=True)]
Whole: TypeAlias = Annotated[int, Field(strict=True)]
Count: TypeAlias = Annotated[Whole, Field(ge=0)]
Percent: TypeAlias = Annotated[float, Field(strict=True, ge=1, le=100)]
Seconds: TypeAlias = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
TrimmedText: TypeAlias = Annotated[Text, AfterValidator(str.strip), Field(min_length=1)]
BucketPath: TypeAlias = Annotated[
    Text, AfterValidator(lambda path: path.strip(f"/{whitespace}")), Field(min_length=1)
]
ApiKey: TypeAlias = Annotated[SecretStr, Field(min_length=1), AfterValidator(_with_a_key)]

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s/?#@\\:\[\]]+)"
_LOOPBACK = r"(localhost|127(\.(25[0-5]|(2[0-4]|1?[0-9])?[0-9])){3}|\[(::|(0+:){7}0*)1\])"
_SERVER = rf"(https://{_HOST}|http://{_LOOPBACK})"  # ignore-https-check: this machine
_ADDRESS = rf"{_SERVER}(:[1-9][0-9]{{0,4}})?(/[^\s?#\\]*)?"
ADDRESS_FORM = (
    "https://HOST/PATH without user name, query and fragment; "
    "http:// only for localhost, 127.0.0.1 and [::1]"  # ignore-https-check: this machine
)


def _as_address(text: str) -> str:
    # The key travels with every call, so nothing but TLS or this machine is good enough for it.
    address = text.strip()
    with suppress(ValueError):
        Url(address)
        if re.fullmatch(_ADDRESS, address) and address.isprintable():
            return address.rstrip("/")
    raise refused(f"must have the form {ADDRESS_FORM}")


_Address: TypeAlias = Annotated[str, AfterValidator(_as_address)]
Address: TypeAlias = Annotated[_Address, pattern(rf"^\s*{_ADDRESS}\s*$", ADDRESS_FORM)]
OptionalAddress: TypeAlias = Annotated[
    OrBlank[_Address], pattern(rf"^\s*({_ADDRESS})?\s*$", ADDRESS_FORM)
]
