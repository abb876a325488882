"""The configured catalog as Airbyte writes it -> what of it is read here.

This module alone decides what passes for a configured catalog. What is missing or unknown in it is
no error where Airbyte's older platforms leave it out, or newer ones add to it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from destination_maileon.errors import ConfigError
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.protocol.messages import StreamKey


def _none_as_empty(value: object) -> object:
    return {} if value is None else value


class _Stream(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str
    namespace: str | None = None
    json_schema: Annotated[dict[str, object], BeforeValidator(_none_as_empty)] = {}


class ConfiguredStream(BaseModel):
    """A stream of the connection, and what the connection says of it."""

    model_config = ConfigDict(extra="ignore")
    stream: _Stream
    destination_sync_mode: str | None = None
    primary_key: list[list[str]] | None = None
    destination_object_name: str | None = None
    sync_id: int | None = None

    @property
    def key(self) -> StreamKey:
        """Namespace and name, as records carry them."""
        return self.stream.namespace or None, self.stream.name

    @property
    def properties(self) -> dict[str, object]:
        """Of its JSON schema."""
        properties = self.stream.json_schema.get("properties")
        return properties if isinstance(properties, dict) else {}

    @property
    def matching_key(self) -> IdentifierMode | None:
        """The identifier that the connection chose; None if it chose none that is one."""
        modes = {mode.value: mode for mode in IdentifierMode}
        match self.primary_key:
            case [[column]] if column in modes:
                return modes[column]
        return None


class ConfiguredCatalog(BaseModel):
    """The streams of the connection."""

    model_config = ConfigDict(extra="ignore")
    streams: list[ConfiguredStream]


def parsed(raw_catalog: object) -> ConfiguredCatalog:
    """The catalog, if it is one.

    Raises:
        ConfigError: with the first place that is not as it should be.
    """
    try:
        return ConfiguredCatalog.model_validate(raw_catalog)
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole file"
        said = _in_words(first["type"], first["msg"])
        raise ConfigError(
            f"The catalog is not a configured Airbyte catalog ({place}: {said}). "
            "Refresh the connection's schema in Airbyte and sync again."
        ) from None


def _in_words(kind: str, said: str) -> str:
    """A problem that pydantic tells in words that are none for a person."""
    return "must be an object" if kind in {"model_type", "dict_type"} else said
