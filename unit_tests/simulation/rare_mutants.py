"""More faults for the connector, of which each needs something rare: see `simulation.wider`.

That the simulation sees them says that it goes there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest
from msgspec import Struct

from destination_maileon.delivery import dry_run, suspicion
from destination_maileon.delivery import response_handler as settling
from destination_maileon.delivery.request import Request
from destination_maileon.delivery.response_handler import ResponseHandler
from destination_maileon.delivery.scheduler import RequestScheduler
from destination_maileon.delivery.suspicion import Kind
from destination_maileon.delivery.vanished import MissingFields
from destination_maileon.maileon.contact import FieldType
from destination_maileon.maileon.errors import RequestRejected
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping import contact_encoder as mapping
from destination_maileon.mapping import converters as values
from destination_maileon.mapping.columns import ColumnResolver
from destination_maileon.mapping.contact_encoder import ContactEncoder, Mapped, Reason
from destination_maileon.mapping.converters import as_text
from destination_maileon.pipeline import SyncPipeline, _state_line
from destination_maileon.protocol.messages import Texts
from destination_maileon.rejections.rejection import Rejection
from destination_maileon.streams.account import Account
from unit_tests.simulation.mutants import SeenAs

Convert = Callable[[object], str | None]

seen_as = SeenAs()
RARELY_SEEN = seen_as.table


# Permissions.


@seen_as("is rejected instead of written", at=63)
def _not_set_is_no_permission(patch: pytest.MonkeyPatch) -> None:
    def numbers(text: str) -> Permission | Reason | None:
        return (Permission.parse(text) or Reason.BAD_PERMISSION) if text else None

    patch.setattr(mapping, "_permission", numbers)


@seen_as("the account differs", at=63)
def _not_set_means_the_configured_permission(patch: pytest.MonkeyPatch) -> None:
    permission = ContactEncoder.permission

    def configured(
        self: ContactEncoder, row: Struct, usual: Permission | None
    ) -> Permission | None:
        named = permission(self, row, usual)
        return usual if named is None else named

    patch.setattr(ContactEncoder, "permission", configured)


# Farewells.


@seen_as("counts as written, and at the server it is None", at=68)
def _a_farewell_that_is_refused_counts_as_said(patch: pytest.MonkeyPatch) -> None:
    refused = ResponseHandler._refused

    def said(self: ResponseHandler, call: Request, refusal: RequestRejected) -> None:
        if call.farewell is None:
            refused(self, call, refusal)
            return
        self.ledger.written(call.lane.plan, call.entries)
        self.dispatch.settle(call)

    patch.setattr(ResponseHandler, "_refused", said)


@seen_as("fails without a reason", at=226)
def _accepted_contacts_say_nothing_of_a_farewell(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(suspicion._CLEARED_BY, Kind.FAREWELL, {Kind.FAREWELL})


@seen_as("is no failure", at=273)
def _that_nobody_can_be_deleted_is_somebodys_fault(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "_NEVER_ONE_CONTACT", frozenset())


@seen_as("nothing got through, and no failure", at=160)
def _as_many_farewells_as_there_are_may_be_refused(patch: pytest.MonkeyPatch) -> None:
    grows = suspicion.RefusalTracker.grows

    def grown(
        self: suspicion.RefusalTracker,
        kind: Kind,
        tell: Callable[[], Rejection],
        *,
        place: int | None = None,
    ) -> None:
        if kind is Kind.WRITE:
            grows(self, kind, tell, place=place)

    patch.setattr(suspicion.RefusalTracker, "grows", grown)


# Columns.


@seen_as("the account differs", at=41)
def _a_boolean_is_written_as_python_writes_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mapping, "as_text", lambda v: str(v) if v is True or v is False else as_text(v))


@seen_as("is rejected instead of written", at=486)
def _text_is_cut_one_character_too_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(values, "MAX_TEXT_CHARACTERS", 256)


@seen_as("more records than may be read", at=207)
def _a_column_without_a_target_stops_nothing(patch: pytest.MonkeyPatch) -> None:
    newly_seen = ColumnResolver.newly_seen

    def none(self: ColumnResolver, data: Mapping[str, object]) -> list[str]:
        newly_seen(self, data)
        return []

    patch.setattr(ColumnResolver, "newly_seen", none)


@seen_as("the account differs")
def _a_field_is_created_in_thought_alone(patch: pytest.MonkeyPatch) -> None:
    def create(self: Account, name: str, field_type: FieldType) -> None:
        self.custom_fields[name] = field_type

    patch.setattr(Account, "create_custom_field", create)


@seen_as("the account differs")
def _two_columns_have_one_target(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ColumnResolver, "_other_column", lambda *_: None)


@seen_as("is rejected instead of written", at=78)
def _only_one_field_can_vanish(patch: pytest.MonkeyPatch) -> None:
    is_gone = MissingFields._is_gone

    def first(self: MissingFields, name: str) -> bool:
        return is_gone(self, name) and {name} >= self._records.keys()

    patch.setattr(MissingFields, "_is_gone", first)


@seen_as("nothing happens any more", at=18)
def _no_text_needs_an_escape(patch: pytest.MonkeyPatch) -> None:
    encode = ContactEncoder.encode

    def unescaped(self: ContactEncoder, row: Struct, texts: Texts) -> Mapped:
        del texts
        return encode(self, row, Texts.PLAIN)

    patch.setattr(ContactEncoder, "encode", unescaped)


@seen_as("the account differs", at=80)
def _a_carriage_return_is_a_line_feed(patch: pytest.MonkeyPatch) -> None:
    encode = ContactEncoder.encode

    def bare(self: ContactEncoder, row: Struct, texts: Texts) -> Mapped:
        made = encode(self, row, texts)
        return (made[0].replace(b"&#13;", b"\r"), made[1]) if isinstance(made, tuple) else made

    patch.setattr(ContactEncoder, "encode", bare)


@seen_as("the account differs", at=80)
def _what_xml_forbids_takes_the_rest_with_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mapping, "without_forbidden", lambda text: text.partition("\0")[0])


# Identifiers.


@seen_as("is rejected instead of written", at=91)
def _a_maileon_id_of_zero_is_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mapping, "as_maileon_id", lambda identifier: identifier)


@seen_as("identifier", at=1937)
def _zeros_before_a_maileon_id_make_it_another(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mapping, "maileon_id_key", lambda text: f"i{text}")


# Many records, many calls.


@seen_as("too many calls in flight", at=690)
def _from_nine_calls_on_one_more_may_fly(patch: pytest.MonkeyPatch) -> None:
    ready = RequestScheduler.ready

    def one_more(self: RequestScheduler, now: float, oldest_waiting: int | None) -> Request | None:
        limit = self.limit
        self.limit += limit > 8
        try:
            return ready(self, now, oldest_waiting)
        finally:
            self.limit = limit

    patch.setattr(RequestScheduler, "ready", one_more)


@seen_as("share an identifier", at=1059)
def _only_so_many_contacts_in_flight_are_remembered(patch: pytest.MonkeyPatch) -> None:
    hold = RequestScheduler._hold

    def held(
        self: RequestScheduler, call: Request, *, newest: int, namings: Iterable[bool]
    ) -> None:
        hold(self, call, newest=newest, namings=namings)
        for key in list(self._last_holder)[:-260]:
            del self._last_holder[key]

    patch.setattr(RequestScheduler, "_hold", held)


@seen_as("a call waits though its time has come", at=38)
def _the_limit_that_was_lowered_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RequestScheduler, "speed_up", lambda _: None)


# The ends.


@seen_as("leaves before record", at=60)
def _a_signal_lets_every_state_out(patch: pytest.MonkeyPatch) -> None:
    run = SyncPipeline.run

    def hasty(self: SyncPipeline) -> Iterator[bytes]:
        try:
            yield from run(self)
        except SystemExit:
            checkpoint = self.ledger.checkpoint
            for segment in checkpoint._segments:
                segment.unsettled = 0
            yield from map(_state_line, checkpoint.release())
            raise

    patch.setattr(SyncPipeline, "run", hasty)


@seen_as("a STATE leaves a dry run", at=3)
def _a_dry_run_lets_states_out(patch: pytest.MonkeyPatch) -> None:
    sayable = SyncPipeline._sayable

    def said(self: SyncPipeline) -> Iterator[bytes]:
        self.lets_states_out = True
        yield from sayable(self)

    patch.setattr(SyncPipeline, "_sayable", said)


@seen_as("is written instead of rejected", at=3)
def _a_dry_run_foresees_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dry_run, "violations", lambda *_: iter(()))
