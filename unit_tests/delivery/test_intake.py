"""What becomes of a record on its way in: a place in a batch, a farewell, or a rejection."""

from __future__ import annotations

import pytest

from destination_maileon.config.model import DeletedRecords
from destination_maileon.delivery import strangers
from destination_maileon.delivery.intake import Intake
from destination_maileon.errors import ConfigError, StopSync
from destination_maileon.protocol.messages import RecordMessage, decode
from destination_maileon.sync import Sync
from unit_tests.support.builders import a_stream
from unit_tests.support.scripted import Script, a_sync, record

DELETED = {"_ab_cdc_deleted_at": "2026-01-01T00:00:00Z"}
COLUMNS = {name: {"type": "string"} for name in ("email", "first_name", "consent", *DELETED)}
CONSENT = [{"name": "contacts", "mapping": [{"column": "consent", "target": "permission"}]}]


class Door:
    """The intake of a sync of one stream, and what it hands on."""

    def __init__(self, **config: object) -> None:
        self.sync: Sync = a_sync(Script(), a_stream(json_schema={"properties": COLUMNS}), **config)
        self.intake: Intake = self.sync.intake
        self.has_call: list[bool] = []

    def take(self, *lines: bytes, now: float = 0.0) -> None:
        for line in lines:
            message = decode(line, 1)
            assert isinstance(message, RecordMessage)
            self.has_call.append(self.intake.take(message, now))

    @property
    def waiting(self) -> list[tuple[object, list[list[int]]]]:
        """Permission and records of each open batch; they are closed by this."""
        return [
            (batch.lane.permission, [[p.place for p in entry.parts] for entry in batch.entries])
            for batch in self.intake.batcher.close_all()
        ]

    @property
    def calls(self) -> list[tuple[list[int], DeletedRecords | None]]:
        """Records of each call, and whether they leave; they take off, and are settled."""
        flown = []
        while (call := self.intake.dispatch.ready(0.0, None)) is not None:
            places = [part.place for entry in call.entries for part in entry.parts]
            flown.append((places, call.farewell.removal if call.farewell else None))
            self.intake.dispatch.landed(call)
            self.intake.dispatch.settle(call)
        return flown

    @property
    def counts(self) -> tuple[int, int, int]:
        """Read, written, rejected."""
        [counts] = self.intake.ledger.counts.values()
        return counts.read, counts.written, counts.rejected

    @property
    def said(self) -> str:
        return b"".join(self.sync.outbox.take()).decode()


def test_a_record_waits_in_the_batch_of_its_stream() -> None:
    door = Door()
    door.take(record("1@example.com"), record("2@example.com"), record("1@example.com"))
    assert door.has_call == [False] * 3
    assert (door.calls, door.counts) == ([], (3, 0, 0))
    assert door.waiting == [(None, [[1, 3], [2]])]


def test_a_batch_that_is_full_becomes_a_call() -> None:
    door = Door(batch_size=2)
    door.take(record("1@example.com"), record("2@example.com"), record("3@example.com"))
    assert door.has_call == [False, True, False]
    assert door.calls == [([1, 2], None)]
    assert door.waiting == [(None, [[3]])]


def test_a_record_knows_its_place_in_the_input_and_its_number_in_its_stream() -> None:
    door = Door()
    door.take(record("1@example.com", stream="strangers"), record("2@example.com"))
    [batch] = door.intake.batcher.close_all()
    [part] = batch.entries[0].parts
    assert (part.place, part.number, part.keys) == (2, 1, ("e2@example.com",))


@pytest.mark.parametrize("line", [record(None, first_name="Ada"), record("")])
def test_a_record_without_a_usable_identifier_is_rejected_and_costs_no_call(line: bytes) -> None:
    door = Door()
    door.take(line)
    assert (door.waiting, door.calls, door.counts) == ([], [], (1, 0, 1))
    assert "Record 1 of stream contacts" in door.said


@pytest.mark.parametrize("data", ["null", "[]", '"x"'])
def test_a_record_without_data_is_rejected(data: str) -> None:
    door = Door()
    line = f'{{"type": "RECORD", "record": {{"stream": "contacts", "data": {data}}}}}'
    door.take(line.encode())
    assert door.counts == (1, 0, 1)


def test_a_contact_that_no_call_can_hold_is_rejected() -> None:
    door = Door(max_batch_bytes=1_000)
    door.take(record("1@example.com", first_name="x" * 1_000), record("2@example.com"))
    assert (door.counts, door.waiting) == ((2, 0, 1), [(None, [[2]])])
    assert "1000 bytes at most" in door.said


def test_records_of_an_unknown_stream_are_left_out_counted_and_told_of_once() -> None:
    door = Door()
    door.take(*[record("1@example.com", stream="strangers")] * 3)
    assert (door.counts, door.intake.ledger.strangers) == ((0, 0, 0), 3)
    assert door.said.count("Stream strangers is not in the catalog") == 1
    door.intake.close()
    assert "Stream strangers is not in the catalog: left out in all 3 records." in door.said


def test_a_record_of_one_unknown_stream_too_many_is_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strangers, "MAX_STREAMS", 2)
    door = Door()
    door.take(record("1@example.com", stream="a"), record("1@example.com", stream="b"))
    with pytest.raises(StopSync, match="2 streams that are not in the catalog"):
        door.take(record("1@example.com", stream="c"))
    assert door.intake.ledger.strangers == 2


# Permissions.


def test_each_permission_has_a_batch_of_its_own() -> None:
    door = Door(streams=CONSENT, permission="none")
    wishes = ["", None, "single_opt_in", "2", "Double Opt-In", "none", "not_set"]
    door.take(*(record(f"{n}@example.com", consent=wish) for n, wish in enumerate(wishes)))
    assert door.waiting == [(1, [[1], [2], [6]]), (2, [[3], [4]]), (4, [[5]]), (None, [[7]])]


def test_what_is_no_permission_rejects_the_record_and_is_not_told() -> None:
    door = Door(streams=CONSENT)
    door.take(record("1@example.com", consent="perhaps"))
    assert (door.counts, door.waiting) == ((1, 0, 1), [])
    said = door.said
    assert "not a permission" in said
    assert "perhaps" not in said


# Those who leave.


def test_whoever_leaves_goes_after_his_records_and_before_the_next() -> None:
    door = Door(deleted_records="delete")
    door.take(
        record("1@example.com"),
        record("2@example.com"),
        record("1@example.com", **DELETED),
        record("1@example.com"),
    )
    assert door.has_call == [False, False, True, False]
    assert door.calls == [([1, 2], None), ([3], DeletedRecords.DELETE)]
    assert door.waiting == [(None, [[4]])]


def test_a_deletion_that_is_to_be_ignored_is_counted_and_sends_nothing() -> None:
    door = Door(deleted_records="ignore")
    door.take(record("1@example.com"), record("1@example.com", **DELETED))
    assert (door.counts, door.calls) == ((2, 1, 0), [])
    assert door.waiting == [(None, [[1]])]


def test_no_more_leave_than_allowed_and_the_record_too_many_is_not_taken() -> None:
    door = Door(deleted_records="unsubscribe", max_deleted_records=1)
    door.take(record("1@example.com", **DELETED))
    with pytest.raises(StopSync, match="max_deleted_records"):
        door.take(record("2@example.com", **DELETED))
    assert door.calls == [([1], DeletedRecords.UNSUBSCRIBE)]
    assert door.counts == (1, 0, 0)


# Columns that only records show.


def test_a_new_column_without_a_target_stops_the_sync_if_it_is_to() -> None:
    door = Door(unmapped_columns="fail", streams=CONSENT)
    door.take(record("1@example.com"))
    with pytest.raises(StopSync, match="shoe_size") as caught:
        door.take(record("2@example.com", shoe_size="44"))
    assert "44" not in str(caught.value)
    assert door.counts == (1, 0, 0)


def test_a_new_column_is_mapped_from_its_first_record_on() -> None:
    door = Door()
    door.take(record("1@example.com", city="Rome"), record("2@example.com", city="Bonn"))
    [batch] = door.intake.batcher.close_all()
    cities = [entry.contact.standard_fields for entry in batch.entries]
    assert cities == [{"CITY": "Rome"}, {"CITY": "Bonn"}]


def test_a_field_that_vanished_is_left_out_from_then_on() -> None:
    door = Door(unmapped_columns="create")
    door.take(record("1@example.com", hat="red"))
    door.intake.forget_custom_field("hat")
    door.take(record("2@example.com", hat="blue"))
    [batch] = door.intake.batcher.close_all()
    fields = [entry.contact.custom_fields for entry in batch.entries]
    assert fields == [{"hat": "red"}, {}]


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
    door = Door(object_storage_config=storage if stores else {"storage_type": "None"})
    door.take(record("1@example.com"))
    [batch] = door.intake.batcher.close_all()
    [part] = batch.entries[0].parts
    assert (part.message is not None, part.message_bytes > 0) == (stores, stores)


def test_characters_that_xml_forbids_are_told_of_at_the_end() -> None:
    door = Door()
    door.take(record("1@example.com", first_name="A\x00da"), record("2@example.com"))
    door.intake.close()
    assert "In 1 record characters were removed" in door.said


def test_a_rejection_may_be_one_too_many() -> None:
    door = Door(max_rejected_records=0)
    with pytest.raises(ConfigError, match="max_rejected_records"):
        door.take(record(None))
