"""What was rejected, and why: three lines for each reason, counts after that, totals by reason.

Invariant: each is counted under exactly one reason, and no line holds a value of a record.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from destination_maileon.config.spec import Config, IdentifiersInLogs, titled
from destination_maileon.config.targets import IDENTIFIERS, SKIP, Kind, parse_target
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
"""From this many records on, and at the end, `max_rejected_percent` is judged."""

LINES_PER_REASON = 3
"""One line per record up to this many for each stream, reason and field."""

MAX_OTHER_FIELDS = 100

ADVICE_BY_MODE: Mapping[tuple[IdentifierMode, int], str] = {
    (IdentifierMode.EMAIL, 4): "Another contact has this external id, so the address may have "
    "changed: recognise contacts by external_id, or give each an external id of its own.",
    (IdentifierMode.EXTERNAL_ID, 5): "Another contact has this address. If that is the same "
    "person without an external id, sync once by email to give it this one; under an older one, "
    "delete the older contact in Maileon. Otherwise give each contact an address of its own.",
}
"""Where the way in which contacts are recognised says more than the error code."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record is not in the account, and what a person can do.

    `code` is Maileon's, if there is one. Two are equal if they are counted as one reason.
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

    A field is shown only if it is one of `known_fields` or of the contact, as for some codes the
    value stands there (Maileon docs, Synchronize Contacts); a preference only if it is known.
    """
    main = findings[0]
    error = meaning(main.code)
    names = {*known_fields, *contact.custom_fields, *contact.standard_fields}
    shown = [f.error_field for f in findings if f.error_field and f.error_field in names]
    named = main.error_field if main.error_field in names else None
    broken = [*violations(contact, custom_types)]
    field = error.field or named or next((name for code, name in broken if code == main.code), "")
    advice = ADVICE_BY_MODE.get((mode, main.code or 0), error.advice)
    if field == Kind.EMAIL and (unseen := INVISIBLE.search(contact.email or "")):
        advice += f" It holds an invisible character (U+{ord(unseen[0]):04X})."
    others = [name for name in dict.fromkeys([*shown, *(n for _, n in broken)]) if name != field]
    if others:
        advice += f" Also wrong: {', '.join(others[:MAX_OTHER_FIELDS])}."
    return Rejection(error.meaning, advice, field, main.code)


class RejectionLog:
    """The rejections of one sync: of each reason `counts` has the first, and how many."""

    def __init__(self, style: IdentifiersInLogs) -> None:
        self._style = style
        self.counts: defaultdict[StreamPlan, Counter[Rejection]] = defaultdict(Counter)

    def line(self, plan: StreamPlan, part: MappedRecord, rejection: Rejection) -> str | None:
        """Counts the rejection; its line, or None where enough lines of its kind were written."""
        counts = self.counts[plan]
        counts[rejection] += 1
        if counts[rejection] > LINES_PER_REASON:
            return None
        contact = contact_name(part.contact, plan.options.identifier_mode, self._style)
        is_last = counts[rejection] == LINES_PER_REASON
        more = " Further records with this reason are only counted." if is_last else ""
        return (
            f"Record {part.number} of stream {plan.title} ({contact}) was rejected: "
            f"{rejection.reason_key}. {_origin(plan, rejection.field)}{rejection.advice}{more}"
        )

    def totals(self, *plans: StreamPlan, most: int | None = None) -> str:
        """The reasons of these streams in words, the `most` frequent first."""
        counts = sum((self.counts[plan] for plan in plans), start=Counter[Rejection]())
        return "; ".join(f"{n} x {one.reason_key}" for one, n in counts.most_common(most))


def _origin(plan: StreamPlan, field: str) -> str:
    """The column of a field, where the mapping gave it another name."""
    for column, entry in plan.mapping.items() if field else ():
        target = parse_target(entry.target) or SKIP
        path = f"{target.category}/{target.name}"
        if field in ({str(target)} if field in IDENTIFIERS else {target.name, path}):
            is_plain = column.casefold() == field.casefold()
            return "" if is_plain else f'It comes from column "{column}". '
    return ""


def excess(config: Config, rejected: int, records: int, *, is_end: bool) -> str | None:
    """In words, that more are rejected than the configuration allows; None if so many may be."""
    most, percent = config.max_rejected_records, config.max_rejected_percent
    if most is not None and rejected > most:
        allowed = f"the {most} that {titled('max_rejected_records')} allows"
        return f"{were_rejected(rejected)}, which is more than {allowed}"
    is_judged = is_end or records >= JUDGED_FROM_RECORDS
    if percent is None or not is_judged or 100 * rejected <= percent * records:
        return None
    share = f"{rejected} of {pluralize(records, 'record')} {was_or_were(rejected)} rejected"
    allowed = f"the {percent:g} % that {titled('max_rejected_percent')} allows"
    return f"{share}, which is more than {allowed}"
