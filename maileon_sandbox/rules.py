"""Settings for behaviour that Maileon's pages leave open.

Each field of `Rules` is also an option of the command line. A default follows the pages; where they
say nothing, it is what is harder for a client. README.md has the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

# The answer to an invalid contact with ignore_invalid_contacts=false: 400, or 200 and a report.
# Nothing is stored either way.
StrictAnswer = Literal["400", "report"]
# The identifiers an unsubscribed contact keeps: its Maileon id, also its external id, or also its
# address.
Kept = Literal["id", "external_id", "address"]
# The fields that an empty value clears, instead of being refused: none, GENDER, or all that are not
# text.
AcceptedEmpty = Literal["nothing", "gender", "everything"]
# The unit of the limit of 255 characters. Java counts an emoji as two.
LengthUnit = Literal["code_points", "utf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings. Raises ValueError for an unknown value."""

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
    """The allowed texts of each setting that has a closed set."""
    hints: dict[str, Any] = get_type_hints(Rules)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}


DEFAULT_RULES = Rules()
