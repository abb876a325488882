"""How much of what a bucket's service answers is read: the beginning.

This module alone decides that. boto3 reads all of an answer into memory, however long it is; what
it sends goes through its own session here as before, but for that.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from types_boto3_s3 import S3Client

MAX_ANSWER_BYTES = 2**20
"""An error of S3 has less than a thousand, the answer to an upload none."""


class _Raw(Protocol):
    def read(self, amount: int, /) -> bytes: ...

    def close(self) -> None: ...


class _Beginning:
    """The first bytes of an answer, as all of it."""

    def __init__(self, raw: _Raw) -> None:
        self._raw = raw

    def stream(self) -> Iterator[bytes]:
        yield self._raw.read(MAX_ANSWER_BYTES)
        self._raw.close()


def bound_answers(client: S3Client) -> None:
    """From now on no answer to this client is read beyond its beginning."""
    # There is no public way to the session, and no other one to bound what is read.
    endpoint = client._endpoint  # type: ignore[attr-defined] # noqa: SLF001 - see above
    sending = partial(_send, endpoint.http_session.send)
    # What a handler of this event returns is the answer, which its type does not know.
    client.meta.events.register("before-send.s3", sending)  # type: ignore[arg-type] # see above


def _send(
    send: Callable[[AWSPreparedRequest], AWSResponse], request: AWSPreparedRequest, **_: object
) -> AWSResponse:
    from botocore.exceptions import (  # noqa: PLC0415 - takes long; who is here has it already
        ConnectionClosedError,
        ReadTimeoutError,
    )

    request.stream_output = True
    response = send(request)
    response.raw = _Beginning(response.raw)
    try:
        # Here, since it is kept, and since a failure later would end in no second try.
        response.content  # noqa: B018
    except Exception as error:  # noqa: BLE001 - the session would have put them as these
        is_late = type(error).__name__ == ReadTimeoutError.__name__
        failure = ReadTimeoutError if is_late else ConnectionClosedError
        raise failure(endpoint_url=request.url, error=error) from None
    return response
