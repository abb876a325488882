"""Who is in an audience: each contact of the account is judged by its own number.

So a second attempt of the same generation takes nobody out whom the first has put in.
"""

from array import array
from dataclasses import dataclass, field
from itertools import groupby

from destination_maileon.accounting.ledger import Ledger
from destination_maileon.maileon.contact import Contact, is_maileon_id
from destination_maileon.mapping.mapped_record import contact_keys
from destination_maileon.streams.catalog import StreamPlan

NOBODY = 0
"""The number of a contact that is in no generation of the audience."""


@dataclass(eq=False, slots=True)
class Members:
    """Those of one stream's audience. Of those who leave, only the Maileon ids are kept.

    `current`: how many have this generation's number; `staying`: how many keep an older one, since
    their records were rejected.
    """

    plan: StreamPlan
    ledger: Ledger
    current: int = 0
    staying: int = 0
    _leaving: "array[int]" = field(default_factory=lambda: array("q"))

    def judge(self, contact: Contact, number: int | None) -> None:
        """Counts a contact of the account that has this number in the audience's field."""
        if (number or NOBODY) <= NOBODY or not is_maileon_id(contact.id or ""):
            return
        if number == self.plan.audience_number:
            self.current += 1
        elif not self.ledger.staying[self.plan].isdisjoint(contact_keys(contact)):
            self.staying += 1
        else:
            self._leaving.append(int(contact.id or 0))

    def leaving(self) -> list[int]:
        """The Maileon ids of all members with another number, in order, each once."""
        # A contact that moves to another page meanwhile is listed twice.
        return [maileon_id for maileon_id, _ in groupby(sorted(self._leaving))]
