"""What becomes of a record on its way in: a place in a batch, a removal, or a rejection."""

from __future__ import annotations

import pytest

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.delivery.intake import MAX_NAMED, Intake
from destination_maileon.delivery.request import Request
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.pipeline import SyncPipeline
from destination_maileon.protocol.messages import RecordMessage
from unit_tests.support.builders import a_stream
from unit_tests.support.lines import decode
from unit_tests.support.rooms import places
from unit_tests.support.scripted import Script, a_sync, record

DELETED = {"_ab_cdc_deleted_at": "2026-01-01T00:00:00Z"}
COLUMNS = {name: {"type": "string"} for name in ("email", "first_name", "consent", *DELETED)}
CONSENT = [{"name": "contacts", "mapping": [{"column": "consent", "target": "permission"}]}]


class Incoming:
    """The intake of a sync of one stream, and what it hands on."""

    def __init__(self, **config: object) -> None:
        self.sync = a_sync(Script(), a_stream(json_schema={"properties": COLUMNS}), **config)
        self.intake: Intake = self.sync.intake
        self.has_call: list[bool] = []

    def take(self, *lines: bytes, now: float = 0.0) -> None:
        for line in lines:
            message = decode(line, 1)
            assert isinstance(message, RecordMessage)
            self.has_call.append(self.intake.take(message, now))

    @property
    def requests(self) -> list[Request]:
        """What is to be sent, which leaves by this, and is settled."""
        scheduler, sent = self.sync.scheduler, []
        while (request := scheduler.next_ready(0.0, lambda: None)) is not None:
            sent.append(request)
            scheduler.returned(request)
            for entry in request.entries:
                self.intake.accumulator.settled(entry.identity_keys)
        return sent

    @property
    def calls(self) -> list[tuple[list[int], DeletedRecords | None]]:
        """Records of each request, and whether they are removed."""
        return [
            (
                [part.position for entry in request.entries for part in entry.parts],
                request.contact_removal.removal if request.contact_removal else None,
            )
            for request in self.requests
        ]

    def flushed(self) -> list[Request]:
        """The same, with what is in open batches."""
        self.intake.accumulator.flush()
        return self.requests

    @property
    def waiting(self) -> list[tuple[object, list[list[int]]]]:
        """Permission and records of each open batch; they are sent by this."""
        return [(r.partition_key.permission, places([r])[0]) for r in self.flushed()]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Read, settled well, rejected."""
        [counts] = self.intake.ledger.counts.values()
        return counts.read, counts.settled_well, counts.rejected

    @property
    def said(self) -> str:
        return b"".join(self.sync.logger.take()).decode()


def test_a_record_waits_in_the_batch_of_its_stream() -> None:
    incoming = Incoming()
    incoming.take(record("1@example.com"), record("2@example.com"), record("1@example.com"))
    assert incoming.has_call == [False] * 3
    assert (incoming.calls, incoming.counts) == ([], (3, 0, 0))
    assert incoming.waiting == [(None, [[1, 3], [2]])]


def test_a_batch_that_is_full_becomes_a_call() -> None:
    incoming = Incoming(batch_size=2)
    incoming.take(record("1@example.com"), record("2@example.com"), record("3@example.com"))
    assert incoming.has_call == [False, True, False]
    assert incoming.calls == [([1, 2], None)]
    assert incoming.waiting == [(None, [[3]])]


def test_a_record_knows_its_place_in_the_input_and_its_number_in_its_stream() -> None:
    incoming = Incoming()
    incoming.take(record("1@example.com", stream="strangers"), record("2@example.com"))
    [request] = incoming.flushed()
    [part] = request.entries[0].parts
    assert (part.position, part.number, part.identity_keys) == (2, 1, ("e2@example.com",))


@pytest.mark.parametrize("line", [record(None, first_name="Ada"), record("")])
def test_a_record_without_a_usable_identifier_is_rejected_and_costs_no_call(line: bytes) -> None:
    incoming = Incoming()
    incoming.take(line)
    assert (incoming.waiting, incoming.calls, incoming.counts) == ([], [], (1, 0, 1))
    assert "Record 1 of stream contacts" in incoming.said


@pytest.mark.parametrize("data", ["null", "[]", '"x"'])
def test_a_record_without_data_is_rejected(data: str) -> None:
    incoming = Incoming()
    line = f'{{"type": "RECORD", "record": {{"stream": "contacts", "data": {data}}}}}'
    incoming.take(line.encode())
    assert incoming.counts == (1, 0, 1)


def test_a_contact_that_no_call_can_hold_is_rejected() -> None:
    incoming = Incoming(max_batch_bytes=1_000)
    incoming.take(record("1@example.com", first_name="x" * 1_000), record("2@example.com"))
    assert (incoming.counts, incoming.waiting) == ((2, 0, 1), [(None, [[2]])])
    assert "1000 bytes at most" in incoming.said


# Permissions.


def test_each_permission_has_a_batch_of_its_own() -> None:
    incoming = Incoming(streams=CONSENT, permission="none")
    wishes = ["", None, "single_opt_in", "2", "Double Opt-In", "none", "not_set"]
    incoming.take(*(record(f"{n}@example.com", consent=wish) for n, wish in enumerate(wishes)))
    assert incoming.waiting == [(1, [[1], [2], [6]]), (2, [[3], [4]]), (4, [[5]]), (None, [[7]])]


def test_what_is_no_permission_rejects_the_record_and_is_not_told() -> None:
    incoming = Incoming(streams=CONSENT)
    incoming.take(record("1@example.com", consent="perhaps"))
    assert (incoming.counts, incoming.waiting) == ((1, 0, 1), [])
    said = incoming.said
    assert "not a permission" in said
    assert "perhaps" not in said


# Those who are to be removed.


def test_whoever_is_to_be_removed_goes_after_their_records_and_before_the_next() -> None:
    incoming = Incoming(deleted_records="delete")
    lines = [record(f"{n}@example.com") for n in (1, 2, 1)]
    incoming.take(*lines[:2], record("1@example.com", **DELETED), lines[2])
    assert incoming.calls == []
    flushed = [places(incoming.flushed()) for _ in range(3)]
    assert flushed == [[[[1], [2]], [[3]]], [[[4]]], []]


@pytest.mark.parametrize(
    ("removal", "sent"),
    [
        ("delete", [([2], DeletedRecords.DELETE)]),
        # Its address may get a marker: it goes after the record that shares an identifier.
        ("unsubscribe", []),
    ],
)
def test_a_deletion_waits_for_nobody_who_only_claims_one_of_its_identifiers(
    removal: str, sent: list[object]
) -> None:
    incoming = Incoming(
        deleted_records=removal,
        streams=[{"name": "contacts", "mapping": [{"column": "x", "target": "external_id"}]}],
        identifier_mode="email",
    )
    incoming.take(record("1@example.com", x="7"), record("2@example.com", x="7", **DELETED))
    assert incoming.calls == sent


def test_a_deletion_that_is_to_be_ignored_is_counted_and_sends_nothing() -> None:
    incoming = Incoming(deleted_records="ignore")
    incoming.take(record("1@example.com"), record("1@example.com", **DELETED))
    assert (incoming.counts, incoming.calls) == ((2, 1, 0), [])
    assert incoming.waiting == [(None, [[1]])]


# Columns that only records show.


def test_a_new_column_without_a_target_stops_the_sync_if_it_is_to() -> None:
    incoming = Incoming(unmapped_columns="fail", streams=CONSENT)
    incoming.take(record("1@example.com"))
    with pytest.raises(StopSync, match="shoe_size") as caught:
        incoming.take(record("2@example.com", shoe_size="44"))
    assert "44" not in str(caught.value)
    assert incoming.counts == (1, 0, 0)


def test_a_new_column_is_mapped_from_its_first_record_on() -> None:
    incoming = Incoming()
    incoming.take(record("1@example.com", city="Rome"), record("2@example.com", city="Bonn"))
    [request] = incoming.flushed()
    cities = [entry.contact.standard_fields for entry in request.entries]
    assert cities == [{"CITY": "Rome"}, {"CITY": "Bonn"}]


def test_a_field_that_vanished_is_left_out_from_then_on_and_its_records_are_counted() -> None:
    incoming = Incoming(unmapped_columns="create")
    incoming.take(record("1@example.com", hat="red"))
    incoming.intake.lose_custom_field("hat", 2)
    incoming.intake.lose_custom_field("hat", 1)
    incoming.take(record("2@example.com", hat="blue"))
    [request] = incoming.flushed()
    fields = [entry.contact.custom_fields for entry in request.entries]
    assert fields == [{"hat": "red"}, {}]
    incoming.intake.close()
    assert '\\"hat\\" (3 records)' in incoming.said


# Around it.


@pytest.mark.parametrize("stores", [True, False])
def test_messages_are_kept_only_where_rejections_are_stored(stores: bool) -> None:
    storage = {
        "storage_type": "S3",
        "s3_bucket_name": "made-up",
        "s3_bucket_region": "eu-central-1",
        "bucket_path": "rejected",
        "access_key_id": "AKIAMADEUP",
        "secret_access_key": "made-up-secret",
    }
    incoming = Incoming(object_storage_config=storage if stores else {"storage_type": "None"})
    incoming.take(record("1@example.com"))
    [request] = incoming.flushed()
    [part] = request.entries[0].parts
    assert (part.message is not None, part.message_bytes > 0) == (stores, stores)


def test_characters_that_xml_forbids_are_told_of_at_the_end() -> None:
    incoming = Incoming()
    incoming.take(record("1@example.com", first_name="A\x00da"), record("2@example.com"))
    incoming.intake.close()
    assert "Stream contacts: 1 record held characters that XML 1.0 does not allow" in incoming.said


def test_a_rejection_may_be_one_too_many() -> None:
    incoming = Incoming(max_rejected_records=0)
    with pytest.raises(ConfigError, match="max_rejected_records"):
        incoming.take(record(None))


# Streams that are not in the catalog.


def test_records_of_an_unknown_stream_are_rejected() -> None:
    incoming = Incoming()
    incoming.take(*[record("1@example.com", stream="strangers")] * 3)
    ledger = incoming.intake.ledger
    assert (incoming.counts, ledger.unknown_streams, ledger.rejected_records) == ((0, 0, 0), 3, 3)
    incoming.intake.close()
    assert "Stream strangers is not in the catalog: 3 records were rejected." in incoming.said


def test_unknown_streams_may_be_one_rejection_too_many() -> None:
    incoming = Incoming(max_rejected_records=1)
    incoming.take(record(stream="strangers"))
    with pytest.raises(StopSync, match="max_rejected_records"):
        incoming.take(record(stream="strangers"))


def test_of_many_unknown_streams_some_are_named_and_all_records_counted() -> None:
    incoming = Incoming()
    for number in range(MAX_NAMED + 7):
        incoming.take(*[record(stream=f"s{number}")] * 2)
    incoming.intake.close()
    said = incoming.said
    assert said.count("Stream s") == MAX_NAMED
    assert "Further streams (7) are not in the catalog: 14 records were rejected." in said


def streams_in(*namespaces: str | None) -> SyncPipeline:
    """A sync of a stream `contacts` in each of these namespaces."""
    schema = {"properties": COLUMNS}
    return a_sync(Script(), *(a_stream(namespace=one, json_schema=schema) for one in namespaces))


def test_records_that_lost_their_namespace_belong_to_the_only_stream_of_their_name() -> None:
    sync = streams_in("public")
    for number in range(3):
        message = decode(record(f"{number}@example.com"), 1)
        assert isinstance(message, RecordMessage)
        assert message.stream == (None, "contacts")
        sync.intake.take(message, 0.0)
    [(plan, counts)] = sync.intake.ledger.counts.items()
    assert (plan.key, counts.read, sync.intake.ledger.unknown_streams) == (
        ("public", "contacts"),
        3,
        0,
    )
    assert b"".join(sync.logger.take()).count(b"arrive without their namespace") == 1
    assert sync.intake.known_key((None, "contacts")) == ("public", "contacts")
    assert sync.intake.known_key(("sales", "contacts")) == ("sales", "contacts")


@pytest.mark.parametrize("first", ["sales", None])
def test_with_several_streams_of_the_name_nobody_guesses(first: str | None) -> None:
    sync = streams_in(first, "public")
    message = decode(record("1@example.com"), 1)
    assert isinstance(message, RecordMessage)
    sync.intake.take(message, 0.0)
    # One of them has no namespace itself, or the record is nobody's.
    assert sync.intake.ledger.unknown_streams == (first is not None)
    assert b"arrive without their namespace" not in b"".join(sync.logger.take())
