"""How the sandbox behaves where Maileon's pages leave room.

Each field of `Rules` is an option of the command line, too. A default is what the pages
say; where they say nothing, it is the case that is harder for a client. README.md has the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

# What an invalid contact does to a call with ignore_invalid_contacts=false: 400, or 200 and a
# report. Nothing is stored either way.
StrictAnswer = Literal["400", "report"]
# By what an unsubscribed contact can still be found: its Maileon id, also its external id, or its
# address too.
Kept = Literal["id", "external_id", "address"]
# Which empty values clear a field instead of being refused: none, that of GENDER, or those of
# every field that is not text.
AcceptedEmpty = Literal["nothing", "gender", "everything"]
# In what the limit of 255 characters is counted. Java counts an emoji as two.
LengthUnit = Literal["code_points", "utf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What can be turned. Raises ValueError for a value that a setting does not have."""

    strict_answer: StrictAnswer = "400"
    moves_within_call: bool = False
    unsubscribed_keep: Kept = "id"
    unsubscribe_delay_seconds: float = 0.0
    writing_lifts_markers: bool = False
    accepts_empty: AcceptedEmpty = "nothing"
    length_unit: LengthUnit = "code_points"
    # Documented for transactions ("size limit of 9M ... enforced by the API"), not for contacts.
    max_body_bytes: int = 9_000_000

    def __post_init__(self) -> None:
        for name, choices in choices_of_rules().items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}")


def choices_of_rules() -> dict[str, tuple[str, ...]]:
    """The settings that have a closed set of texts, with that set."""
    hints: dict[str, Any] = get_type_hints(Rules)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}


DEFAULT_RULES = Rules()
