"""A stream is compiled anew only when a record brings a column that goes somewhere."""

from __future__ import annotations

from typing import Any

import pytest

from destination_maileon.config.targets import SKIP, Kind, Target
from destination_maileon.errors import StopSync
from destination_maileon.maileon.contact import Contact, FieldType
from destination_maileon.maileon.contact_xml import contact_of
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping import stream_mapper as open_stream
from destination_maileon.mapping.columns import Column, StreamColumns
from destination_maileon.mapping.contact_encoder import ContactEncoder, Mapped
from destination_maileon.mapping.converters import as_text
from destination_maileon.mapping.identifiers import MANY_ADDRESSES
from destination_maileon.mapping.mapped_record import Reason, Refusal
from destination_maileon.mapping.stream_mapper import MAX_TIMES_WIDER, StreamMapper, plan_table
from destination_maileon.mapping.summary import Notice
from destination_maileon.protocol.exact_json import dumps
from destination_maileon.protocol.messages import (
    UNAVAILABLE_VALUE,
    BadInput,
    RecordMessage,
    Texts,
)
from destination_maileon.protocol.output import Level
from unit_tests.support.builders import a_config, a_mapping, a_plan, an_account
from unit_tests.support.lines import decode
from unit_tests.support.planning import FIELDS, STRING
from unit_tests.support.rooms import Heard


class Compiled:
    """A stream with an email, how often it was compiled, and what it logged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self.said: list[str] = []

        def pluralize(*arguments: Any, **further: Any) -> ContactEncoder:
            self.times += 1
            return ContactEncoder(*arguments, **further)

        monkeypatch.setattr(open_stream, "ContactEncoder", pluralize)
        config, plan = a_config(), a_plan(properties={"email": {}})
        columns = StreamColumns(plan, config, an_account())
        self.stream = StreamMapper(columns.before_first_record(), self.log)

    def learn(self, **data: object) -> None:
        self.stream.learn(data)

    def log(self, level: Level, text: str) -> None:
        self.said.append(f"{level} {text}")


def written(stream: StreamMapper, **data: object) -> bytes:
    """The contact that a record becomes."""
    encoder = stream.encoder
    row = encoder.rows.of({"email": "a@b.de", **data})
    result = encoder.encode(row, Texts.ANYTHING)
    assert isinstance(result, tuple)
    return result[0]


def test_columns_that_go_nowhere_are_compiled_in_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = Compiled(monkeypatch)
    for n in range(3_000):
        compiled.learn(email="a@b.de", **{f"key{n}": n})
    assert compiled.times < 15
    for _ in range(3_000):
        compiled.learn(email="a@b.de", key7=1, key2999=1)
    assert compiled.stream.encoder.rows.columns.keys() > {"key7", "key2999"}


@pytest.mark.parametrize("keys", [1, 10])
def test_the_rows_do_not_become_much_wider_than_the_records(
    monkeypatch: pytest.MonkeyPatch, keys: int
) -> None:
    stream = Compiled(monkeypatch).stream
    for n in range(3_000):
        data = {"email": "a@b.de", **{f"key{n}-{k}": "x" for k in range(keys)}}
        assert isinstance(encoded(stream, **data), tuple)
    assert len(stream.encoder.rows.columns) < 2 * MAX_TIMES_WIDER * (keys + 1)
    assert isinstance(encoded(stream, email="a@b.de", first_name="Ada"), tuple)
    assert "first_name" in stream.encoder.rows.columns
    assert len(stream.encoder.rows.columns) < 2 * MAX_TIMES_WIDER * (keys + 1)


def test_a_column_that_goes_somewhere_is_compiled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Compiled(monkeypatch)
    compiled.learn(email="a@b.de", first_name="Ada", key=1)
    assert compiled.times == 2
    assert b"Ada" in written(compiled.stream, first_name="Ada")


def test_of_columns_that_go_nowhere_the_first_are_warned_of_and_the_others_told_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = Compiled(monkeypatch)
    for n in range(100):
        compiled.learn(**{f"key{n}": n})
    (warning,) = compiled.said
    assert warning.startswith(f'{Level.WARN} Stream contacts: column "key0" is left out')
    compiled.stream.tell_end(0)
    (_, told) = compiled.said
    assert told.startswith(f'{Level.INFO} Stream contacts: columns "key1", "key2", ')
    assert '"key20" and 79 more are left out' in told


def with_a_log(*columns: str, **config: object) -> tuple[StreamMapper, Heard]:
    """A stream of an account with two custom fields, and what it says."""
    plan = a_plan(properties=dict.fromkeys(("email", *columns), STRING))
    loaded = a_config(**config)
    resolved = StreamColumns(plan, loaded, an_account(FIELDS)).before_first_record()
    heard = Heard()
    return StreamMapper(resolved, heard), heard


def mapped(stream: StreamMapper, **data: object) -> Contact:
    return contact_of(written(stream, **data))


def test_there_is_one_lane_for_each_permission() -> None:
    stream, _ = with_a_log()
    wishes = [None, Permission.NONE, None, Permission.OTHER, Permission.NONE]
    partition_keys = [stream.partition_key(permission) for permission in wishes]
    assert partition_keys[0] is partition_keys[2]
    assert partition_keys[1] is partition_keys[4]
    assert len({id(partition_key) for partition_key in partition_keys}) == 3
    assert [partition_key.permission for partition_key in partition_keys] == wishes
    assert all(partition_key.plan is stream.plan for partition_key in partition_keys)


def test_a_record_without_new_columns_teaches_nothing() -> None:
    stream, heard = with_a_log("COLOR")
    encoder = stream.encoder
    stream.learn({"email": "ada@example.com", "COLOR": "red"})
    assert stream.encoder is encoder
    assert heard.said == []


def test_a_column_that_a_record_shows_first_is_mapped_from_then_on() -> None:
    stream, _ = with_a_log()
    data = {"email": "ada@example.com", "COLOR": "red"}
    stream.learn(data)
    assert mapped(stream, COLOR="red").custom_fields == {"COLOR": "red"}
    encoder = stream.encoder
    stream.learn(data)
    assert stream.encoder is encoder


def a_message(data: str) -> RecordMessage:
    line = f'{{"type":"RECORD","record":{{"stream":"contacts","data":{data}}}}}'
    message = decode(line.encode(), 7)
    assert isinstance(message, RecordMessage)
    return message


def test_a_record_with_a_new_column_is_encoded_after_it_was_learnt() -> None:
    stream, _ = with_a_log()
    message = a_message('{"email":"ada@example.com","COLOR":"red","COLOR":"blue"}')
    result, _ = stream.encode(message)
    assert isinstance(result, tuple)
    assert contact_of(result[0]).custom_fields == {"COLOR": "blue"}


@pytest.mark.parametrize("data", ["null", "[]", '"text"', "5"])
def test_a_record_without_data_is_refused(data: str) -> None:
    stream, _ = with_a_log()
    refusal, _ = stream.encode(a_message(data))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.NO_DATA


def test_a_number_beyond_every_decimal_ends_the_input_and_is_not_quoted() -> None:
    stream, _ = with_a_log("COLOR")
    with pytest.raises(BadInput, match="line 7 ") as caught:
        stream.encode(a_message('{"COLOR":1e1000000000000000000}'))
    assert caught.value.__context__ is None


def test_columns_without_a_target_are_told_of_once_and_by_name_alone() -> None:
    stream, heard = with_a_log()
    for value in ("a-value", "another"):
        stream.learn({"email": "ada@example.com", "shoe": value})
    [warning] = heard.warnings
    assert '"shoe"' in warning
    assert "a-value" not in warning


def test_a_column_without_a_target_may_stop_the_reading() -> None:
    stream, _ = with_a_log(unmapped_columns="fail")
    with pytest.raises(StopSync, match='"shoe"'):
        stream.learn({"email": "ada@example.com", "shoe": "44"})


def test_a_field_that_vanished_is_left_out_from_then_on() -> None:
    stream, _ = with_a_log("COLOR")
    assert mapped(stream, COLOR="red").custom_fields == {"COLOR": "red"}
    stream.forget_custom_field("COLOR")
    assert mapped(stream, COLOR="red").custom_fields == {}


def test_cleaned_records_are_counted_across_all_that_was_learnt() -> None:
    stream, _ = with_a_log("first_name")
    mapped(stream, first_name="A\x00da")
    stream.learn({"email": "ada@example.com", "COLOR": "red"})
    mapped(stream, first_name="E\x01va")
    assert stream.notices.counts == {Notice.CLEANED: 2}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("edcba", "edcba"), ("bda", "bcdea"), ("ace", "abcde"), ("cda", "cdeab"), ("", "abcde")],
)
def test_the_rows_have_their_columns_in_the_order_of_the_first_record(
    keys: str, expected: str
) -> None:
    stream, _ = with_a_log(*"abcde")
    encoded(stream, email="a@b.de", **dict.fromkeys(keys, "x"))
    assert "".join([*stream.encoder.rows.columns][1:]) == expected


@pytest.mark.parametrize(
    "written_as", [UNAVAILABLE_VALUE, UNAVAILABLE_VALUE.replace("_", "\\u005f")]
)
def test_a_value_that_the_source_did_not_send_is_left_out_however_its_mark_is_written(
    written_as: str,
) -> None:
    stream, _ = with_a_log("COLOR", "first_name")
    for _ in range(2):
        message = a_message(f'{{"email":"a@b.de","first_name":"Ada","COLOR":"{written_as}"}}')
        result, _ = stream.encode(message)
        assert isinstance(result, tuple)
        contact = contact_of(result[0])
        assert (contact.custom_fields, contact.standard_fields) == ({}, {"FIRSTNAME": "Ada"})
    assert stream.notices.counts == {Notice.UNAVAILABLE: 2}


def encoded(stream: StreamMapper, **data: object) -> Mapped:
    return stream.encode(a_message(dumps(data).decode()))[0]


@pytest.mark.parametrize("creates", ["ignore", "create"])
def test_a_column_whose_name_is_no_text_goes_nowhere(creates: str) -> None:
    plan, config = a_plan(), a_config(unmapped_columns=creates)
    columns = StreamColumns(plan, config, an_account(FIELDS)).before_first_record()
    # The first record of a stream without a schema teaches its columns.
    message = a_message('{"email":"a@b.de","\\ud800":1}')
    result = StreamMapper(columns, Heard()).encode(message)[0]
    assert isinstance(result, tuple)
    assert contact_of(result[0]).email == "a@b.de"


@pytest.mark.parametrize("odd", [7, 1.5, True, ["x"], {"a": 1}, 10**30])
def test_a_column_of_texts_may_hold_something_else_at_any_time(odd: object) -> None:
    stream, heard = with_a_log("COLOR", "first_name")
    contacts = []
    for value in ("red", odd, "blue", None, odd):
        contact = encoded(stream, email="a@b.de", COLOR=value, first_name=value)
        assert isinstance(contact, tuple)
        contacts.append(contact_of(contact[0]))
    told = [as_text(value) for value in ("red", odd, "blue", odd)]
    for kind in ("custom_fields", "standard_fields"):
        given = [value for contact in contacts for value in getattr(contact, kind).values()]
        assert given == told
    assert heard.warnings == []


def test_a_stream_is_compiled_anew_once_for_a_column_that_does_not_hold_texts_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = Compiled(monkeypatch)
    compiled.learn(email="a@b.de", first_name="Ada")
    times = compiled.times
    for value in (1, "Ada", 2.5, ["x"]):
        message = a_message(dumps({"email": "a@b.de", "first_name": value}).decode())
        assert isinstance(compiled.stream.encode(message)[0], tuple)
    assert compiled.times == times + 1


def test_an_id_that_comes_with_many_addresses_is_warned_of_once_and_not_quoted() -> None:
    stream, heard = with_a_log("external_id")
    for number in range(500):
        encoded(stream, email=f"{number}@example.com", external_id="N/A-0")
        encoded(stream, email=f"x{number}@example.com", external_id=f"{number}")
    [warning] = heard.warnings
    assert "one external id comes with many different addresses" in warning
    assert "N/A-0" not in warning


def test_an_id_with_a_few_addresses_and_an_address_in_other_case_are_no_cause() -> None:
    stream, heard = with_a_log("external_id")
    for number in range(500):
        encoded(stream, email=f"{number % (MANY_ADDRESSES - 1)}@B.de", external_id="x")
        encoded(stream, email=f"{number % (MANY_ADDRESSES - 1)}@b.de", external_id="x")
    assert heard.warnings == []


def test_a_column_of_permissions_is_told_to_decide_on_new_contacts_only() -> None:
    mapping = a_mapping(("email", "email"), ("consent", "permission"))
    plan = a_plan(properties=dict.fromkeys(("email", "consent"), STRING), mapping=mapping)
    columns = StreamColumns(plan, a_config(), an_account()).before_first_record()
    heard = Heard()
    stream = StreamMapper(columns, heard)
    stream.tell_plan()
    assert any("updated and keep their permission, new" in text for _, text in heard.said)
    told = len(heard.said)
    stream.tell_end(0)
    stream.tell_end(2)
    [(_, text)] = heard.said[told:]
    assert (
        '2 existing contacts kept the permission they had: column "consent" decides for new' in text
    )


def test_where_columns_go_is_told_at_the_start_and_when_they_come() -> None:
    stream, heard = with_a_log("shoe", "skip", "first_name")
    stream.tell_plan()
    for column in ("hat", "COLOR"):
        stream.learn({"email": "a@b.de", column: 1})
    first, second = [text for level, text in heard.said if level is Level.INFO]
    assert [line.split()[0] for line in first.splitlines()[1:]] == ["email", "first_name"]
    assert second == ("Stream contacts: seen first in a record:\n  COLOR  ->  custom:COLOR  string")
    (warning,) = heard.warnings
    assert '"shoe" is left out' in warning


def test_what_was_noticed_is_told_at_the_end_with_the_number_of_records() -> None:
    stream, heard = with_a_log("first_name")
    for name in ("A\x00da", "Eva", "M\x00ax"):
        mapped(stream, first_name=name)
    stream.tell_end(0)
    assert heard.warnings == [f"Stream contacts: 2 records {Notice.CLEANED.value}"]


def test_a_mapping_is_shown_as_a_table_without_what_goes_nowhere() -> None:
    weekly = Target(Kind.PREFERENCE, "Weekly", "News")
    columns = [
        Column("_airbyte_id", SKIP),
        Column("email", Target(Kind.EMAIL)),
        Column("birthday", Target(Kind.STANDARD, "BIRTHDAY"), FieldType.DATE),
        Column("shoe", Target(Kind.CUSTOM, "SHOE"), FieldType.FLOAT, clear=True),
        Column("gone", Target(Kind.DELETED)),
        Column("left", Target(Kind.UNSUBSCRIBE)),
        Column("weekly", weekly),
    ]
    assert plan_table(columns).splitlines() == [
        "  email     ->  email",
        "  birthday  ->  standard:BIRTHDAY       date",
        "  shoe      ->  custom:SHOE             float, null clears",
        "  gone      ->  deleted",
        "  left      ->  unsubscribe",
        "  weekly    ->  preference:News/Weekly",
    ]


def test_no_columns_make_no_table() -> None:
    assert plan_table([]) == plan_table([Column("x", SKIP)]) == ""
