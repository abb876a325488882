"""Why a sync cannot go on, by who can do something about it.

    SyncError
    ├── ConfigError     a person must change the configuration, the catalog, the data or the account
    │   └── StopSync    what came before the record at fault is still sent, nothing after it
    └── TransientError  nothing is wrong with the configuration; trying again later may help

The text is what the person in the UI reads: what happened and what to do. It holds no value of the
configuration, of a record or of a key. Everything else that is raised is a system error.
"""


class SyncError(Exception):
    """Ends a sync, with words for a person."""


class ConfigError(SyncError):
    """A person must act."""


class StopSync(ConfigError):
    """A record must not be taken, or is one too many that is rejected.

    `position` is its own in the input; None: it is the next one, and all that was read came before.
    """

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class TransientError(SyncError):
    """A later sync may succeed."""
