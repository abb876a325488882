"""Explains to a person why a record is rejected or a request is given up.

No value of a record is in the texts: messages of the server are masked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from destination_maileon.config.spec import IdentifiersInLogs
from destination_maileon.config.targets import parse_target
from destination_maileon.delivery.request import Request
from destination_maileon.maileon.error_codes import meaning
from destination_maileon.maileon.errors import RequestRejected, RetriableError
from destination_maileon.maileon.report import InvalidContact
from destination_maileon.mapping.mapped_record import BatchEntry
from destination_maileon.protocol.output import pluralize
from destination_maileon.rejections.field_rules import violations
from destination_maileon.rejections.masking import contact_name, without_values
from destination_maileon.rejections.rejection import (
    LINES_PER_REASON,
    MAX_OTHER_FIELDS,
    Rejection,
    rejection_by_report,
)
from destination_maileon.streams.account import Account
from destination_maileon.streams.catalog import StreamPlan


@dataclass(frozen=True, slots=True)
class Explanations:
    """The explanations of one sync.

    `keeps_all`: each rejection is stored and gets its own words. Otherwise only the first few of a
    kind are logged, and later ones reuse the words of the first.
    """

    account: Account
    style: IdentifiersInLogs
    keeps_all: bool = False
    _alike: dict[object, list[Rejection]] = field(default_factory=dict, init=False)

    def of_refusal(self, entries: Sequence[BatchEntry], refusal: RequestRejected) -> Rejection:
        """Explains the refusal of a request; of a record alone it names what breaks the rules."""
        contacts = [part.contact for entry in entries for part in entry.parts]
        known = self._known_names(entries[0].partition_key.plan)
        said = without_values(refusal.server_message, *contacts, known_names=known)
        words = f'Maileon says: "{said}".' if said else "Maileon does not say why."
        if len(contacts) == 1:
            found = violations(contacts[0], self.account.known_custom_fields)
            if broken := [*dict.fromkeys(name for _, name in found)][:MAX_OTHER_FIELDS]:
                words += f" A documented rule is broken in: {', '.join(broken)}."
        advice = f"{words} Correct the record, or the options of the sync."
        return Rejection(f"Maileon refused the call (HTTP {refusal.status})", advice)

    def of_report(self, entry: BatchEntry, findings: Sequence[InvalidContact]) -> Rejection:
        plan, main = entry.partition_key.plan, findings[0]
        alike = self._alike.setdefault((plan, main.code, main.error_field), [])
        if len(alike) == LINES_PER_REASON:
            return alike[0]
        known, types = self._known_names(plan), self.account.known_custom_fields
        mode = plan.options.identifier_mode
        rejection = rejection_by_report(
            entry.contact, findings, mode=mode, custom_types=types, known_fields=known
        )
        # A field unknown to the account may be a value of this contact, and is not reused.
        if not self.keeps_all and (meaning(main.code).field or main.error_field in known):
            alike.append(rejection)
        return rejection

    def _known_names(self, plan: StreamPlan) -> set[str]:
        """Names that are certainly no record's values: the account's and the mapping's."""
        # Only what is known already is used: the wording is not worth a question to Maileon.
        preferences = self.account.known_preferences or ()
        texts = (*(entry.target for entry in plan.mapping.values()), *plan.properties)
        targets = [target for text in texts if (target := parse_target(text, preferences))]
        pairs = [*preferences, *((target.category, target.name) for target in targets)]
        return {*self.account.known_custom_fields, *(name for pair in pairs for name in pair)}

    def of_giving_up(
        self, request: Request, failure: RetriableError, now: float, *, others_succeed: bool
    ) -> str:
        plan, cause = request.partition_key.plan, ""
        what = f"A call of stream {plan.title} with {pluralize(len(request.entries), 'contact')}"
        if request.job is not None:
            what = f"A question for stream {plan.title}"
        elif len(request.entries) == 1:
            entry = request.entries[0]
            name = contact_name(entry.contact, plan.options.identifier_mode, self.style)
            what = f"The call for record {entry.first.number} of stream {plan.title} ({name})"
            others = "Other calls" if others_succeed else "No other call"
            likely = "is likely to" if others_succeed else "need not"
            cause = f" {others} succeeded meanwhile, so the cause {likely} be this record."
        return (
            f"{what} failed {request.attempts} times in {now - request.first_attempt_at:.0f} "
            f"seconds, the last time with: {failure}{cause} Airbyte will sync again from the last "
            "saved state; if this goes on, ask Maileon's support."
        )
