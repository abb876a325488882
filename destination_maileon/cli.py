"""`spec`, `check`, `discover`, `write`: arguments in, lines and an exit code out.

A command ends with its answer and 0, or with exactly one TRACE ERROR, which is worded here, and 1.
"""

import os
import traceback
from argparse import ArgumentParser, Namespace
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path

import orjson

from destination_maileon.config.spec import specification
from destination_maileon.config.validation import load_config, secrets_of
from destination_maileon.errors import ConfigError, SyncError, TransientError
from destination_maileon.maileon.auth import SecretRedactor
from destination_maileon.protocol.messages import BadInput
from destination_maileon.protocol.output import FailureType, Logger, json_line
from destination_maileon.protocol.reader import InputFailed

STANDARD_INPUT = 0
_FILES = {"spec": (), "check": ("config",), "discover": ("config",), "write": ("config", "catalog")}


def parse(arguments: Sequence[str]) -> Namespace:
    """The command and the paths of its files. Ends the process where they are wrong."""
    parser = ArgumentParser(prog="destination-maileon", description="Airbyte destination.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, files in _FILES.items():
        command = commands.add_parser(name)
        for file in files:
            command.add_argument(f"--{file}", required=True, type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def lines_of(
    arguments: Namespace,
    source: int | BufferedIOBase = STANDARD_INPUT,
    *,
    write_now: Callable[[bytes], None] | None = None,
) -> Iterator[tuple[bytes, int]]:
    """What a command has to say, each line with the exit code if it is the last.

    `write_now` puts out a line that cannot wait to be taken.
    """
    is_debugging = os.environ.get("LOG_LEVEL", "").upper() == "DEBUG"
    logger = Logger(SecretRedactor(()), is_debugging=is_debugging, write_now=write_now)
    try:
        for line in _command(arguments, source, logger):
            yield line, 0
    except Exception as error:  # noqa: BLE001 - every failure ends as a message
        kind, message = verdict(error)
        stack = "".join(traceback.format_tb(error.__traceback__))
        texts = {"message": message, "internal_message": type(error).__name__, "stack_trace": stack}
        yield logger.trace_error_line(kind, **texts), 1


def _command(arguments: Namespace, source: int | BufferedIOBase, logger: Logger) -> Iterator[bytes]:
    match arguments.command:
        case "spec":
            yield json_line({"type": "SPEC", "spec": specification()})
        case "check":
            from destination_maileon.check import problem_with  # noqa: PLC0415 - takes long

            try:
                problem = problem_with(_raw_config(arguments, logger))
            except Exception as error:  # noqa: BLE001 - a check answers, whatever happens
                _, problem = verdict(error)
            yield logger.connection_status_line(problem)
        case "discover":
            from destination_maileon.check import discovered  # noqa: PLC0415 - takes long

            catalog = discovered(load_config(_raw_config(arguments, logger)))
            yield json_line({"type": "DESTINATION_CATALOG", "destination_catalog": catalog})
        case "write":
            from destination_maileon.sync import write  # noqa: PLC0415 - takes long

            config = load_config(_raw_config(arguments, logger))
            raw_catalog = _read_json(arguments.catalog, "catalog")
            yield from write(config, raw_catalog, source=source, logger=logger)


def _raw_config(arguments: Namespace, logger: Logger) -> object:
    raw = _read_json(arguments.config, "configuration")
    logger.redact = SecretRedactor(secrets_of(raw))
    return raw


def verdict(error: Exception) -> tuple[FailureType, str]:
    """Who can do something about it, and what the person in the UI reads."""
    if isinstance(error, SyncError):
        is_transient = isinstance(error, TransientError)
        return FailureType.TRANSIENT if is_transient else FailureType.CONFIG, str(error)
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
