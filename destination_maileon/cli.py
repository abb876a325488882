"""`spec`, `check`, `discover`, `write`: arguments in, lines and an exit code out.

This module alone decides how a command ends: with its answer and 0, or with exactly one TRACE ERROR
and 1. Whatever is raised is turned into words here, and nowhere else.
"""

import argparse
import os
import traceback
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import ClassVar

import orjson

from destination_maileon.config.spec import specification
from destination_maileon.config.validation import load_config, secrets_of
from destination_maileon.errors import ConfigError, SyncError, TransientError
from destination_maileon.maileon.auth import SecretRedactor
from destination_maileon.protocol.messages import BadInput
from destination_maileon.protocol.output import FailureType, Logger, json_line
from destination_maileon.protocol.reader import InputFailed

STANDARD_INPUT = 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command and the paths of its files. Ends the process where they are wrong."""
    parser = argparse.ArgumentParser(prog="destination-maileon", description="Airbyte destination.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, files in _FILES.items():
        command = commands.add_parser(name)
        for file in files:
            command.add_argument(f"--{file}", required=True, type=Path, metavar="FILE")
    return parser.parse_args(arguments)


_FILES = {"spec": (), "check": ("config",), "discover": ("config",), "write": ("config", "catalog")}


class Command:
    """One run of the program. `exit_code` is valid once all lines were taken.

    `write_now` puts out a line that cannot wait to be taken.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        source: int | BufferedIOBase = STANDARD_INPUT,
        *,
        write_now: Callable[[bytes], None] | None = None,
    ) -> None:
        self._arguments = arguments
        self._source = source
        is_debugging = os.environ.get("LOG_LEVEL", "").upper() == "DEBUG"
        self._outbox = Logger(SecretRedactor(()), is_debugging=is_debugging, write_now=write_now)
        self.exit_code = 0

    def run(self) -> Iterator[bytes]:
        try:
            yield from self._STEPS[self._arguments.command](self)
        except Exception as error:  # noqa: BLE001 - every failure ends as a message
            self.exit_code = 1
            yield self._failure(error)

    def _spec(self) -> Iterator[bytes]:
        yield json_line({"type": "SPEC", "spec": specification()})

    def _check(self) -> Iterator[bytes]:
        from destination_maileon.check import problem_with  # noqa: PLC0415 - takes long

        try:
            problem = problem_with(self._raw_config())
        except Exception as error:  # noqa: BLE001 - a check answers, whatever happens
            _, problem = verdict(error)
        yield self._outbox.connection_status_line(problem)

    def _discover(self) -> Iterator[bytes]:
        from destination_maileon.check import discovered  # noqa: PLC0415 - takes long

        catalog = discovered(load_config(self._raw_config()))
        yield json_line({"type": "DESTINATION_CATALOG", "destination_catalog": catalog})

    def _write(self) -> Iterator[bytes]:
        from destination_maileon.sync import write  # noqa: PLC0415 - takes long

        config = load_config(self._raw_config())
        catalog = _read_json(self._arguments.catalog, "catalog")
        yield from write(config, catalog, source=self._source, outbox=self._outbox)

    def _raw_config(self) -> object:
        raw = _read_json(self._arguments.config, "configuration")
        self._outbox.redact = SecretRedactor(secrets_of(raw))
        return raw

    def _failure(self, error: Exception) -> bytes:
        kind, message = verdict(error)
        return self._outbox.trace_error_line(
            kind,
            message=message,
            internal_message=type(error).__name__,
            stack_trace="".join(traceback.format_tb(error.__traceback__)),
        )

    _STEPS: ClassVar = {"spec": _spec, "check": _check, "discover": _discover, "write": _write}


def verdict(error: Exception) -> tuple[FailureType, str]:
    """Who can do something about it, and what the person in the UI reads."""
    if isinstance(error, TransientError):
        return FailureType.TRANSIENT, str(error)
    if isinstance(error, SyncError):
        return FailureType.CONFIG, str(error)
    if isinstance(error, BadInput | InputFailed):
        return FailureType.SYSTEM, (
            f"The sync stopped, since {error}. What came before it was written. This is a fault of "
            "the source or the platform; if it happens again, report it there."
        )
    if isinstance(error, MemoryError):
        return FailureType.SYSTEM, (
            "There was not enough memory. What was settled before is saved. Give the connector "
            "more memory, or look for very long records in the source."
        )
    # The text of an unforeseen error may quote a record, its type cannot.
    return FailureType.SYSTEM, (
        f"Something unforeseen happened ({type(error).__name__}). What was settled before it is "
        "saved. Please report this with the log of the sync."
    )


def _read_json(path: Path, what: str) -> object:
    try:
        # Editors on Windows begin a file with a byte order mark.
        return orjson.loads(path.read_bytes().removeprefix(BOM_UTF8))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except orjson.JSONDecodeError:
        problem = "is not valid JSON"
    raise ConfigError(f"The {what} file {problem}.")
