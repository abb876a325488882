"""The connector's class, as Airbyte's CDK calls it."""

import logging

from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, Type  # type: ignore[attr-defined]

from destination_maileon import DestinationMaileon
from destination_maileon.config.spec import specification


def test_the_cdk_prints_the_specification_as_it_is() -> None:
    spec = DestinationMaileon().spec(logging.getLogger())
    printed = AirbyteMessageSerializer.dump(AirbyteMessage(type=Type.SPEC, spec=spec))["spec"]

    assert {name: printed[name] for name in specification()} == specification()
