"""What was rejected, and why: three lines for each reason, counts after that, totals by reason.

This module alone decides how a rejection is told, and how much may be rejected. Invariant: every
rejected record is counted under exactly one reason, and no line holds a value of a record.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from destination_maileon.config.model import ColumnMapping, IdentifiersInLogs, titled
from destination_maileon.config.targets import IDENTIFIERS, Kind, parse_target
from destination_maileon.errors import StopSync
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode
from destination_maileon.maileon.error_codes import meaning
from destination_maileon.maileon.report import InvalidContact
from destination_maileon.mapping.identifiers import INVISIBLE
from destination_maileon.mapping.mapped_record import MappedRecord
from destination_maileon.protocol.output import pluralize, was_or_were, were_rejected
from destination_maileon.rejections.field_rules import violations
from destination_maileon.rejections.masking import contact_name
from destination_maileon.streams.catalog import StreamPlan

JUDGED_FROM_RECORDS = 100
"""`max_rejected_percent` is judged from so many records on, and at the end."""

LINES_PER_REASON = 3
"""One line per record up to this many for each stream, reason and field."""

MAX_OTHER_FIELDS = 100

ADVICE_BY_MODE: Mapping[tuple[IdentifierMode, int], str] = {
    (IdentifierMode.EMAIL, 4): "Another contact has this external id, so the address may have "
    "changed: recognise contacts by external_id, or give each contact an external id of its "
    "own.",
    (IdentifierMode.EXTERNAL_ID, 5): "Another contact has this address. If that is the same "
    "person without an external id, sync once by email to give it this one; under an older one, "
    "delete the older contact in Maileon. Otherwise give each contact an address of its own.",
}
"""Where the way in which contacts are recognised says more than the error code."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record is not in the account, and what a person can do.

    `code` is Maileon's, None if the record was refused without one. Two are equal if they are
    counted as one reason.
    """

    reason: str
    advice: str = dataclasses.field(compare=False)
    field: str = ""
    code: int | None = None

    @property
    def reason_key(self) -> str:
        """The reason as it is told: with its code, and the field it is about."""
        code = "" if self.code is None else f"error {self.code}, "
        return f"{code}{self.reason}{f' (field {self.field})' if self.field else ''}"


def rejection_by_report(
    contact: Contact,
    findings: Sequence[InvalidContact],
    *,
    mode: IdentifierMode,
    custom_types: Mapping[str, FieldType],
    known_fields: Collection[str],
) -> Rejection:
    """The report's first finding is the reason; the advice names what else is wrong as well.

    A field is shown only if it is one of `known_fields` or of the contact: for some codes the
    service answers with the value there (Maileon docs, Synchronize Contacts). A preference is only
    shown if it is known: in a list of preferences the record itself wrote its name.
    """
    main = findings[0]
    error = meaning(main.code)
    names = {*known_fields, *contact.custom_fields, *contact.standard_fields}
    shown = [f.error_field for f in findings if f.error_field and f.error_field in names]
    named = main.error_field if main.error_field in names else None
    broken = [*violations(contact, custom_types)]
    field = error.field or named or next((name for code, name in broken if code == main.code), "")
    others = dict.fromkeys([*shown, *(name for _, name in broken)])
    others.pop(field, None)
    also_wrong = f" Also wrong: {', '.join([*others][:MAX_OTHER_FIELDS])}." if others else ""
    advice = ADVICE_BY_MODE.get((mode, main.code or 0), error.advice)
    return Rejection(
        error.meaning, f"{advice}{_hint(contact, field)}{also_wrong}", field, main.code
    )


def _hint(contact: Contact, field: str) -> str:
    """What nobody sees in a log line or in a table."""
    unseen = INVISIBLE.search(contact.email or "") if field == Kind.EMAIL else None
    return f" It holds a character that nobody sees (U+{ord(unseen[0]):04X})." if unseen else ""


class RejectionLog:
    """Words and counts of the rejections of one sync."""

    def __init__(self, style: IdentifiersInLogs) -> None:
        self._style = style
        self._counts: defaultdict[StreamPlan, Counter[Rejection]] = defaultdict(Counter)

    def line(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> str | None:
        """Counts the rejection; its line, or None where enough lines of its kind were written."""
        counts = self._counts[plan]
        counts[rejection] += 1
        if counts[rejection] > LINES_PER_REASON:
            return None
        contact = contact_name(part.contact, plan.options.identifier_mode, self._style)
        is_last = counts[rejection] == LINES_PER_REASON
        more = " Further records with this reason are only counted." if is_last else ""
        return (
            f"Record {part.number} of stream {plan.title} ({contact}) was rejected: "
            f"{rejection.reason_key}. {_where(plan, rejection)}{rejection.advice}{more}"
        )

    def counts(self, plan: StreamPlan) -> list[tuple[Rejection, int]]:
        """The first rejection of each reason and how many there were, the most frequent first."""
        return self._counts[plan].most_common()

    def totals(self, plan: StreamPlan) -> str:
        """The same in words; empty if nothing was rejected."""
        return _listed(self.counts(plan))

    def all_totals(self, others: Counter[Rejection]) -> str:
        """The counts over all streams and of `others` in words, the five most frequent first."""
        counts = sum((others, *self._counts.values()), start=Counter[Rejection]())
        return _listed(counts.most_common(5))


def _listed(counts: Iterable[tuple[Rejection, int]]) -> str:
    return "; ".join(f"{number} x {rejection.reason_key}" for rejection, number in counts)


def _where(plan: StreamPlan, rejection: Rejection) -> str:
    """The column, where the mapping gave the field another name."""
    column = next((name for name, to in plan.mapping.items() if _goes_to(to, rejection.field)), "")
    is_plain = column.casefold() in {"", rejection.field.casefold()}
    return "" if is_plain else f'It comes from column "{column}". '


def _goes_to(entry: ColumnMapping, field: str) -> bool:
    target = parse_target(entry.target)
    if not field or target is None:
        return False
    names = {f"{target.category}/{target.name}", target.name}
    return field == str(target) if field in IDENTIFIERS else field in names


@dataclasses.dataclass(frozen=True, slots=True)
class RejectionLimits:
    """What the configuration allows; None: no limit. `is_strict`: nothing."""

    records: int | None = None
    percent: float | None = None
    is_strict: bool = False

    @property
    def are_set(self) -> bool:
        return self.records is not None or self.percent is not None

    def excess(self, rejected: int, *, records: int, is_end: bool) -> str | None:
        """In words, what is too much; None if so many of these records may be rejected."""
        if self.records is not None and rejected > self.records:
            allowed = f"the {self.records} that {titled('max_rejected_records')}"
            return f"{were_rejected(rejected)}, which is more than {allowed} allows"
        if self.percent is None or (records < JUDGED_FROM_RECORDS and not is_end):
            return None
        if 100 * rejected <= self.percent * records:
            return None
        allowed = f"the {self.percent:g} % that {titled('max_rejected_percent')}"
        share = f"{rejected} of {pluralize(records, 'record')} {was_or_were(rejected)} rejected"
        return f"{share}, which is more than {allowed} allows"


def one_rejected(plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> StopSync:
    """The reason to stop that a rejected record is."""
    return StopSync(
        f"Record {part.number} of stream {plan.title} was rejected: {rejection.reason_key}. "
        f"{rejection.advice} Since {titled('ignore_invalid_contacts')} is "
        "false, that ends the sync; set it to true to write the others.",
        position=part.position,
    )
