"""What can go wrong in a call, by what the caller must do.

    MaileonError
    ├── RetriableError   the call may succeed later: no connection, timeout, 408, 429, 5xx,
    │                    an answer that is no readable report
    ├── RequestRejected  Maileon will never accept this call as it is: 400, 413, other 4xx
    └── FatalError       no call will be accepted until a person acts: 3xx, 401, 404, an answer
        │                that cannot be the API's, a proxy or a certificate that is at fault
        └── Forbidden    403

No message holds anything of a request or of a key. But `server_message`, what the server says of
a refusal, may quote a contact: whoever shows it must mask it.
"""

from enum import StrEnum


class MaileonError(Exception):
    """Every error of this client."""


class FailureReason(StrEnum):
    """Why a call may succeed later."""

    CONNECTION = "no connection"
    TIMEOUT = "timeout"
    THROTTLED = "too many requests"
    UNAVAILABLE = "service unavailable"
    SERVER_ERROR = "server error"
    UNREADABLE = "unreadable answer"


class RetriableError(MaileonError):
    """Whether the call was carried out is not known. `retry_after`: seconds, if it asks to wait."""

    def __init__(
        self,
        message: str,
        reason: FailureReason,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.status, self.retry_after = reason, status, retry_after

    @property
    def is_throttled(self) -> bool:
        return self.reason in {FailureReason.THROTTLED, FailureReason.UNAVAILABLE}

    @property
    def may_be_too_large(self) -> bool:
        """Whether a smaller call might pass (500, 504, timeout)."""
        return self.reason is FailureReason.TIMEOUT or self.status in {500, 504}


class RequestRejected(MaileonError):
    """Maileon would refuse this call as a whole again."""

    def __init__(self, message: str, *, status: int, server_message: str = "") -> None:
        super().__init__(message)
        self.status, self.server_message = status, server_message

    @property
    def may_be_one_contact(self) -> bool:
        """Whether one contact of the call, or its size, may be the cause (400, 413)."""
        return self.status in {400, 413}


class FatalError(MaileonError):
    """The message says what a person must do."""


class Forbidden(FatalError):
    """The key lacks the right for the method, or its IP allow list leaves this machine out."""
