"""Found by every Python that a loud test run starts: all that libraries log or warn of is shown.

It goes to the error stream, unless the program is as quiet as it should be. With `LOUD=lifted` the
program's silence is taken away beforehand, and what is said then goes to a file of the folder that
`LOUD_FOLDER` names, a JSON line each: that is what the silence is good for.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from pathlib import Path


class Noting(logging.Handler):
    """Writes down who said what."""

    def emit(self, record: logging.LogRecord) -> None:
        said = json.dumps({"logger": record.name, "said": self.format(record)})
        path = Path(os.environ["LOUD_FOLDER"], f"{os.getpid()}.jsonl")
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{said}\n")


def lift_silence() -> None:
    """Takes the program's own silence away, and lets no logger be turned off."""
    from destination_maileon import run  # noqa: PLC0415 - the Pythons of others do not have it

    run.be_quiet = lambda: None
    set_level = logging.Logger.setLevel

    def set_audible_level(self: logging.Logger, level: int | str) -> None:
        if isinstance(level, str) or level <= logging.CRITICAL:
            set_level(self, level)

    logging.Logger.setLevel = set_audible_level  # type: ignore[method-assign] # libraries call it


warnings.simplefilter("always")
if os.environ.get("LOUD") == "lifted":
    lift_silence()
    logging.basicConfig(level=logging.NOTSET, handlers=[Noting()])
    logging.captureWarnings(capture=True)
else:
    logging.basicConfig(level=logging.NOTSET)
