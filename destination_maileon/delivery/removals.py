"""Deletions and unsubscriptions: how many are allowed, and what happens to missing contacts.

The opt-out of a person who is not in Maileon must not be lost, as somebody may add them later:
their address gets an unsubscription marker (Maileon docs, Set Unsubscription Marker).
"""

from dataclasses import dataclass, field

from destination_maileon.config.spec import DeletedRecords, titled
from destination_maileon.delivery.request import Purpose, Request
from destination_maileon.errors import StopSync
from destination_maileon.protocol.output import Level, Log, pluralize


@dataclass(eq=False, slots=True)
class Removals:
    """The removals of one sync. At most `most` people may be removed; None: any number.

    Once that many were, each further person is looked up first: who is not there does not count.
    """

    most: int | None
    log: Log
    _removed: int = field(default=0, init=False)
    _under_way: set[Request] = field(default_factory=set, init=False)
    unmarked: int = field(default=0, init=False)
    _without_address: int = field(default=0, init=False)

    def may_be_sent(self, request: Request) -> bool:
        if self.most is None or request.purpose is not Purpose.REMOVE:
            return True
        return self._removed + len(self._under_way) < self.most or not self._under_way

    def sent(self, request: Request) -> None:
        """Notes a sent request; beyond the limit a removal becomes a look-up."""
        if request.purpose is Purpose.REMOVE and self.most is not None:
            if self._removed < self.most:
                self._under_way.add(request)
            else:
                request.purpose = Purpose.LOOK_UP

    def returned(self, request: Request) -> None:
        self._under_way.discard(request)

    def answered(self, request: Request, *, was_there: bool) -> bool:
        """Whether the removal is done, or else to be sent again as a marker.

        Raises a StopSync if the person is in Maileon and the limit is reached.
        """
        purpose, asked = request.purpose, request.contact_removal
        if was_there and purpose is Purpose.LOOK_UP:
            raise StopSync(
                f"More people are to be deleted or unsubscribed than the {self.most} that "
                f"{titled('max_deleted_records')} allows, so the sync stopped after "
                f"{pluralize(self._removed, 'person')}. Pause the connection and look at the "
                "source first: each run may remove as many again. If they are all meant to go, "
                "allow more and sync again.",
                position=request.position,
            )
        self._removed += was_there and purpose is Purpose.REMOVE
        is_done = was_there or purpose is Purpose.MARK
        if is_done or asked is None or asked.removal is not DeletedRecords.UNSUBSCRIBE:
            return True
        if asked.contact.email:
            request.purpose = Purpose.MARK
            return False
        self._without_address += 1
        return True

    def close(self) -> None:
        """Warns at the end of opt-outs for which no marker was set."""
        causes = {
            "Maileon did not let the marker be set. Give the API key the right to create (PUT), "
            "and have the source send these records again.": self.unmarked,
            "their records have no e-mail address, which a marker needs. If the source knows it, "
            "map its column to email.": self._without_address,
        }
        for cause, people in causes.items():
            if people:
                self.log(
                    Level.WARN,
                    f"{pluralize(people, 'person')} opted out whom Maileon does not have, and no "
                    "unsubscription marker was set, so they get mail if they are added later: "
                    f"{cause}",
                )
