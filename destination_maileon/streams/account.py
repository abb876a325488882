"""What exists in the account: its custom fields and preferences, asked for until answered.

This module alone decides when the account is asked: custom fields at once, preferences only if
somebody wants to know one, both once, and custom fields again when one seems to have vanished.
"""

import math
import random
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache, partial
from typing import Any, Protocol, TypeAlias, TypeVar

from destination_maileon.config.spec import titled
from destination_maileon.config.suggestions import NameIndex, did_you_mean
from destination_maileon.config.targets import Kind, Target, creation_obstacle
from destination_maileon.errors import ConfigError, SyncError, TransientError
from destination_maileon.maileon.backoff import Backoff
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import FatalError, RequestRejected, RetriableError

Answer = TypeVar("Answer")
Preferences: TypeAlias = frozenset[tuple[str, str]]
"""Category and name of each."""
Ask: TypeAlias = Callable[[Callable[[], Any]], Any]
"""Calls a function until it succeeds, and returns its result."""

WORTH_TELLING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Retrying:
    """Asks until there is an answer, or no time left: none is asked from `ends_at` on. In seconds.

    `tell` hears of long waits, and why. `advice` is what a person reads who got no answer.
    """

    backoff: Backoff
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    tell: Callable[[str], None] = lambda _: None
    ends_at: float = math.inf
    advice: str = "Airbyte will sync again."

    def __call__(self, ask: Callable[[], Answer]) -> Answer:
        """The answer; ConfigError if a person has to act, TransientError if the time is over."""
        started_at, attempt = self.now(), 0
        while True:
            attempt += 1
            try:
                return ask()
            except RetriableError as error:
                failure = error
            except (FatalError, RequestRejected) as error:
                raise ConfigError(str(error)) from None
            now = self.now()
            elapsed, asked_for = now - started_at, failure.retry_after
            wait = self.backoff.delay(attempt, elapsed, retry_after=asked_for, random=self.random)
            # A question for which no time is left would say of itself only that it was cut off.
            if wait is None or now + wait >= self.ends_at:
                raise TransientError(
                    f"For {elapsed:.0f} seconds Maileon did not say which fields the account has: "
                    f"{failure} {self.advice}"
                )
            if wait >= WORTH_TELLING_SECONDS:
                self.tell(f"{failure} Asking again in {wait:.0f} seconds.")
            self.sleep(wait)


@lru_cache(maxsize=1)
def preference_paths(preferences: Preferences) -> NameIndex:
    """The preferences as a mapping names them, to be found if one is misspelt."""
    return NameIndex(f"{category}/{name}" for category, name in sorted(preferences))


class FieldsApi(Protocol):
    """What the account is asked. To create a field that exists is no error."""

    def custom_fields(self) -> dict[str, FieldType]: ...
    def preference_categories(self) -> list[str]: ...
    def preferences_of(self, category: str) -> list[str]: ...
    def create_custom_field(self, name: str, field_type: FieldType) -> None: ...


@dataclass(eq=False)
class Account:
    """The account's fields, as last read. `is_read_only` (a dry run) only pretends to create.

    `log` hears of each field that was created, in words. What is `known` was read before: to
    look at it asks nothing. `known_preferences` are None until they were read.
    """

    api: FieldsApi
    ask: Ask
    _: KW_ONLY
    is_read_only: bool = False
    log: Callable[[str], None] = lambda _: None
    known_custom_fields: dict[str, FieldType] = field(default_factory=dict, init=False)
    known_preferences: Preferences | None = field(default=None, init=False)
    _field_names: NameIndex | None = field(default=None, init=False)
    _was_asked_again: bool = field(default=False, init=False)
    _planned: dict[str, FieldType] = field(default_factory=dict, init=False)

    @property
    def field_names(self) -> NameIndex:
        return self._field_names or self._read_custom_fields()

    def _read_custom_fields(self) -> NameIndex:
        self.known_custom_fields = dict(self.ask(self.api.custom_fields))
        self._field_names = NameIndex(self.known_custom_fields)
        return self._field_names

    @property
    def custom_fields(self) -> dict[str, FieldType]:
        _ = self.field_names
        return self.known_custom_fields

    @property
    def preferences(self) -> Preferences:
        if self.known_preferences is None:
            # Each question is tried again for itself: all of them together would begin anew with
            # every failure, and in a large account hardly ever come to their end.
            self.known_preferences = frozenset(
                (category, name)
                for category in self.ask(self.api.preference_categories)
                for name in self.ask(partial(self.api.preferences_of, category))
            )
        return self.known_preferences

    def look_for_preferences(self) -> None:
        """Asks for the preferences. Without an answer they stay unknown, and the sync goes on."""
        with suppress(SyncError):
            _ = self.preferences

    def plan_custom_field(self, name: str, field_type: FieldType) -> None:
        """Takes the field for one that is there; it is created with all that are planned."""
        self._planned[name] = self.custom_fields[name] = field_type

    def create_planned_fields(self) -> None:
        for name, field_type in self._planned.items():
            self.create_custom_field(name, field_type)
        self._planned.clear()

    def create_custom_field(self, name: str, field_type: FieldType) -> None:
        if not self.is_read_only:
            self.ask(partial(self.api.create_custom_field, name, field_type))
        self.custom_fields[name] = field_type
        self.field_names.add(name)
        was = "would be" if self.is_read_only else "was"
        limit = ", which holds no time of day" if field_type is FieldType.DATE else ""
        created = f'The custom field "{name}" {was} created in the account'
        self.log(f"{created}, with type {field_type}{limit}.")

    def lost(self, custom_fields: Iterable[str]) -> frozenset[str]:
        """Those that somebody has deleted during the sync, for which the account is asked once."""
        if not self._was_asked_again:
            self._was_asked_again = True
            with suppress(SyncError):
                self._read_custom_fields()
        return frozenset(custom_fields).difference(self.custom_fields)

    def lacks(self, target: Target) -> bool:
        if target.kind is Kind.PREFERENCE:
            return (target.category, target.name) not in self.preferences
        return target.kind is Kind.CUSTOM and target.name not in self.custom_fields

    def missing_problem(
        self, target: Target, field_type: FieldType | None, *, creates: bool
    ) -> str | None:
        """What a person must do about a target that it lacks; None if the field may be created."""
        name, category = target.name, target.category
        if target.kind is Kind.PREFERENCE:
            hint = did_you_mean(f"{category}/{name}", preference_paths(self.preferences))
            return (
                f'the account has no preference "{name}" in a category "{category}"{hint}. Create '
                "it in Maileon or change the mapping."
            )
        if (obstacle := creation_obstacle(name)) is not None:
            return f'custom field "{name}" cannot exist: {obstacle}'
        if creates:
            return None
        of_type = f" with type {field_type}" if field_type else ""
        return (
            f'the account has no custom field "{name}"{did_you_mean(name, self.field_names)}. '
            f"Create it in Maileon{of_type}, or set {titled('unmapped_columns')} to create."
        )
