"""The connector's class, as Airbyte's CDK calls it."""

import logging

from destination_maileon.config.spec import specification


def test_the_cdk_prints_the_specification_as_it_is() -> None:
    from airbyte_cdk.models import (  # type: ignore[attr-defined] # noqa: PLC0415 - takes seconds
        AirbyteMessage,
        AirbyteMessageSerializer,
        Type,
    )

    from destination_maileon import DestinationMaileon  # noqa: PLC0415 - the same

    spec = DestinationMaileon().spec(logging.getLogger())
    printed = AirbyteMessageSerializer.dump(AirbyteMessage(type=Type.SPEC, spec=spec))["spec"]

    assert {name: printed[name] for name in specification()} == specification()
