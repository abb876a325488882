"""Questions to the account that are asked again until they are answered.

This module alone decides what becomes of a question that fails: it waits and asks again as long as
the configuration allows, or gives up with words for a person. Calls that write are tried again by
`settling` instead, since others go on meanwhile.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from destination_maileon.errors import ConfigError, TransientError
from destination_maileon.maileon.errors import FatalError, RequestRejected, RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from destination_maileon.maileon.backoff import Backoff

    Answer = TypeVar("Answer")


WORTH_TELLING_SECONDS = 5.0
TELLING_SECONDS = 30.0
"""A question is told of once it waits so long, and then about so often."""


def _say_nothing(_words: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class PatientQuestions:
    """Asks until there is an answer; `tell` hears, now and then, why there is none. In seconds."""

    patience: Backoff
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    tell: Callable[[str], None] = _say_nothing

    def __call__(self, ask: Callable[[], Answer]) -> Answer:
        """The answer.

        Raises:
            ConfigError: if it will not come until a person acts.
            TransientError: if it did not come in time.
        """
        started_at = self.now()
        tell_from = started_at + WORTH_TELLING_SECONDS
        attempt = 0
        while True:
            attempt += 1
            trouble = None
            try:
                return ask()
            except RetriableError as error:
                trouble = error
            except (FatalError, RequestRejected) as error:
                raise ConfigError(str(error)) from None
            elapsed = self.now() - started_at
            wait = self.patience.delay(
                attempt, elapsed, retry_after=trouble.retry_after, random=self.random
            )
            if wait is None:
                raise TransientError(
                    f"Maileon did not tell what the account has for {elapsed:.0f} seconds: "
                    f"{trouble} "
                    "Airbyte will sync again."
                )
            if self.now() + wait >= tell_from:
                self.tell(f"{trouble} Asking again in {wait:.0f} seconds.")
                tell_from = self.now() + wait + TELLING_SECONDS
            self.sleep(wait)
