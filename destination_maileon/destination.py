"""The commands as Airbyte's CDK calls them, for its tools that take a connector's class.

The program itself (`run`) does not go through the CDK: its reader drops lines and its messages lose
the keys of a STATE.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from airbyte_cdk.destinations import Destination

# The CDK exports the protocol's classes with a star, which mypy does not count as an export.
from airbyte_cdk.models import (  # type: ignore[attr-defined]
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConnectorSpecification,
    DestinationSyncMode,
    FailureType,
    Status,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_maileon.check import problem_with
from destination_maileon.cli import verdict
from destination_maileon.config.spec import specification
from destination_maileon.config.validation import load_config, secrets_of
from destination_maileon.maileon.auth import SecretRedactor
from destination_maileon.protocol.output import Logger
from destination_maileon.run import main
from destination_maileon.sync import write


class DestinationMaileon(Destination):
    """Airbyte destination for Maileon."""

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        del logger
        content = specification()
        modes = map(DestinationSyncMode, content.pop("supported_destination_sync_modes"))
        return ConnectorSpecification(**content, supported_destination_sync_modes=[*modes])

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        del logger
        if (problem := problem_with(dict(config))) is None:
            return AirbyteConnectionStatus(status=Status.SUCCEEDED)
        message = SecretRedactor(secrets_of(config))(problem)
        return AirbyteConnectionStatus(status=Status.FAILED, message=message)

    def write(
        self,
        config: Mapping[str, Any],
        configured_catalog: ConfiguredAirbyteCatalog,
        input_messages: Iterable[AirbyteMessage],
    ) -> Iterator[AirbyteMessage]:
        """A sync of messages that the CDK has read. Raises AirbyteTracedException, after all."""
        logger = Logger(SecretRedactor(secrets_of(config)))
        catalog = ConfiguredAirbyteCatalogSerializer.dump(configured_catalog)
        lines = [orjson.dumps(AirbyteMessageSerializer.dump(message)) for message in input_messages]
        source = io.BytesIO(b"\n".join(lines))
        try:
            for line in write(load_config(dict(config)), catalog, source=source, logger=logger):
                yield AirbyteMessageSerializer.load(orjson.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever it is, the CDK wants it traced
            kind, message = verdict(error)
            failure = FailureType(kind.value)
            raise AirbyteTracedException(message=message, failure_type=failure) from None

    def run(self, args: list[str]) -> None:
        sys.exit(main(args))
