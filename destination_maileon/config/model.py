"""The configuration: one model, from which the spec is derived.

This module alone decides which keys there are; each theme's keys, defaults and texts stand in a
module of their own. A configuration is read as a whole, and all its problems are told at once.
"""

from __future__ import annotations

from pydantic import ConfigDict, ValidationError

from destination_maileon.config.contacts import ContactKeys, PermissionChoice, SyncMode
from destination_maileon.config.contradictions import contradictions
from destination_maileon.config.mapping import (
    ColumnMapping,
    MappingKeys,
    NullValues,
    StreamConfig,
    UnmappedColumns,
)
from destination_maileon.config.safety import SafetyKeys
from destination_maileon.config.schema import flat_schema
from destination_maileon.config.storage import NoStorage, S3Storage
from destination_maileon.config.tuning import TuningKeys
from destination_maileon.config.validation import problems_of
from destination_maileon.errors import ConfigError

__all__ = [
    "ColumnMapping",
    "Config",
    "NoStorage",
    "NullValues",
    "PermissionChoice",
    "S3Storage",
    "StreamConfig",
    "SyncMode",
    "UnmappedColumns",
    "load_config",
]


# Pydantic takes the fields of the last base first: the form's order, read from the bottom.
class Config(TuningKeys, SafetyKeys, MappingKeys, ContactKeys):
    """A configuration that is complete and without contradictions."""

    model_config = ConfigDict(title="Destination Maileon")


def load_config(raw: object) -> Config:
    """The configuration, read from its JSON.

    Raises:
        ConfigError: with all problems, each with its key and what is allowed, and no value.

    """
    problems: list[str] = []
    config = None
    try:
        config = Config.model_validate(raw)
    except ValidationError as invalid:
        problems += problems_of(invalid, schema=flat_schema(Config), raw=raw)
    problems += contradictions(raw)
    if problems or config is None:
        raise ConfigError(" ".join(problems))
    return config
