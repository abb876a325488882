"""A record -> a contact, a removal, a refusal, or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from destination_maileon.config.spec import DeletedRecords
from destination_maileon.config.targets import Kind, Target
from destination_maileon.maileon.contact import Contact, FieldType, IdentifierMode, Preference
from destination_maileon.maileon.contact_xml import contact_of
from destination_maileon.maileon.sync_options import Permission
from destination_maileon.mapping.columns import Column, StreamColumns
from destination_maileon.mapping.contact_encoder import ContactEncoder
from destination_maileon.mapping.mapped_record import ContactRemoval, Reason, Refusal
from destination_maileon.mapping.summary import Notice, Notices
from destination_maileon.protocol.messages import UNAVAILABLE_VALUE, RecordMessage, Texts
from unit_tests.support.builders import a_config, a_plan, an_account, options
from unit_tests.support.lines import decode

EMAIL, EXTERNAL_ID, MAILEON_ID = IdentifierMode
CDC = "_ab_cdc_deleted_at"
GONE = {CDC: "2024-05-01T10:00:00Z"}
IDENTIFIERS = (
    Column("email", Target(Kind.EMAIL)),
    Column("external_id", Target(Kind.EXTERNAL_ID)),
    Column("maileon_id", Target(Kind.MAILEON_ID)),
)
MARK = Column(CDC, Target(Kind.SKIP))
ADA = {"email": "ada@example.com"}
WEEKLY = ("News", "Weekly")


def an_encoder(
    *columns: Column,
    mode: IdentifierMode = EMAIL,
    notices: Notices | None = None,
    every_record_is_deleted: bool = False,
    **configured: object,
) -> ContactEncoder:
    """An encoder of the identifiers and these columns, for a configuration with these keys."""
    plan = a_plan(options=options(mode), every_record_is_deleted=every_record_is_deleted)
    stream = StreamColumns(plan, a_config(**configured), an_account())
    stream.columns |= {column.name: column for column in (*IDENTIFIERS, *columns)}
    return ContactEncoder(stream, notices)


def encoded(
    encoder: ContactEncoder, data: Mapping[str, object]
) -> Contact | ContactRemoval | Refusal:
    """What comes of a record, its contact read back."""
    result = encoder.encode(encoder.rows.of(data), Texts.ANYTHING)
    return contact_of(result[0]) if isinstance(result, tuple) else result


def noticing(*columns: Column, **rules: Any) -> tuple[Notices, ContactEncoder]:
    """An encoder, and what it notices."""
    notices = Notices()
    return notices, an_encoder(MARK, *columns, notices=notices, **rules)


def mapped(
    data: Mapping[str, object], *columns: Column, **rules: Any
) -> Contact | ContactRemoval | Refusal:
    return encoded(an_encoder(*columns, **rules), data)


def contact(data: Mapping[str, object], *columns: Column, **rules: Any) -> Contact:
    result = mapped({**ADA, **data}, *columns, **rules)
    assert isinstance(result, Contact)
    return result


def standard(name: str, field_type: FieldType = FieldType.STRING, *, clear: bool = False) -> Column:
    return Column(name.lower(), Target(Kind.STANDARD, name), field_type, clear=clear)


def custom(name: str, field_type: FieldType = FieldType.STRING, *, clear: bool = False) -> Column:
    return Column(name, Target(Kind.CUSTOM, name), field_type, clear=clear)


def preference(source: str | None = None) -> Column:
    target = Target(Kind.PREFERENCE, "Weekly", "News")
    return Column("weekly", target, source=source)


# Identifiers.


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (EMAIL, Contact("a@b.de", "x1")),
        (EXTERNAL_ID, Contact("a@b.de", "x1")),
        (MAILEON_ID, Contact("a@b.de", "x1", "7")),
    ],
)
def test_all_identifiers_are_sent_and_the_maileon_id_where_it_is_asked_for(
    mode: IdentifierMode, expected: Contact
) -> None:
    data = {"email": "a@b.de", "external_id": "x1", "maileon_id": 7}
    assert mapped(data, mode=mode) == expected


@pytest.mark.parametrize(
    ("mode", "data", "field"),
    [
        (EMAIL, {}, "email"),
        (EMAIL, {"email": None}, "email"),
        (EMAIL, {"email": " ", "external_id": "x", "maileon_id": 7}, "email"),
        (EMAIL, {"email": "\x00"}, "email"),
        (EXTERNAL_ID, {"email": "a@b.de"}, "external_id"),
        (EXTERNAL_ID, {"external_id": ""}, "external_id"),
        (MAILEON_ID, {"external_id": "x"}, "email or maileon_id"),
        (MAILEON_ID, {"maileon_id": "", "email": ""}, "email or maileon_id"),
        (MAILEON_ID, {"maileon_id": "x", "email": "a@b.de"}, "email or maileon_id"),
        (MAILEON_ID, {"maileon_id": 0}, "email or maileon_id"),
        (MAILEON_ID, {"maileon_id": "1a", "email": "a@b.de"}, "email or maileon_id"),
        (MAILEON_ID, {"maileon_id": 1.5, "email": "a@b.de"}, "email or maileon_id"),
    ],
)
def test_a_record_without_a_usable_identifier_is_refused(
    mode: IdentifierMode, data: dict[str, object], field: str
) -> None:
    refusal = mapped(data, mode=mode)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (Reason.NO_IDENTIFIER, field)
    assert ("whole number" in refusal.advice) == bool(
        data.get("maileon_id") not in {None, "", 0} and mode is MAILEON_ID
    )


@pytest.mark.parametrize("no_id", [None, "", " ", 0, "0", "000", -1, "-5", 0.0])
def test_without_a_maileon_id_the_email_recognises_the_contact(no_id: object) -> None:
    contact = mapped({"maileon_id": no_id, **ADA}, mode=MAILEON_ID)
    assert isinstance(contact, Contact)
    assert (contact.id, contact.email) == (None, ADA["email"])


@pytest.mark.parametrize(
    ("mode", "data"),
    [
        (EMAIL, ADA),
        (EXTERNAL_ID, {"external_id": 0}),
        (MAILEON_ID, {"maileon_id": 7.0}),
        (MAILEON_ID, {"maileon_id": None, **ADA}),
        (MAILEON_ID, {"maileon_id": 0, **ADA}),
        (MAILEON_ID, ADA),
    ],
)
def test_one_identifier_of_the_mode_is_enough(
    mode: IdentifierMode, data: dict[str, object]
) -> None:
    assert isinstance(mapped(data, mode=mode), Contact)


# Fields.


def test_columns_fill_their_fields_and_others_go_nowhere() -> None:
    result = contact(
        {"firstname": "Ada", "birthday": "1815-12-10T00:00:00Z", "AGE": 36.0, "other": "x"},
        standard("FIRSTNAME"),
        standard("BIRTHDAY", FieldType.DATE),
        custom("AGE", FieldType.INTEGER),
        Column("other", Target(Kind.SKIP)),
    )
    assert result == Contact(
        "ada@example.com",
        standard_fields={"FIRSTNAME": "Ada", "BIRTHDAY": "1815-12-10"},
        custom_fields={"AGE": "36"},
    )


@pytest.mark.parametrize(
    ("data", "clear", "fields"),
    [
        ({}, False, {}),
        ({}, True, {}),
        ({"AGE": None, "firstname": None}, False, {}),
        ({"AGE": None, "firstname": None}, True, {"AGE": None, "FIRSTNAME": None}),
        ({"AGE": "", "firstname": ""}, False, {"FIRSTNAME": ""}),
        ({"AGE": "", "firstname": ""}, True, {"AGE": None, "FIRSTNAME": ""}),
        ({"AGE": "\x00", "firstname": "\x00"}, True, {"AGE": None, "FIRSTNAME": None}),
        ({"AGE": "\x00", "firstname": "\x00"}, False, {}),
        ({"AGE": " ", "firstname": " "}, False, {"FIRSTNAME": " "}),
        ({"AGE": 0, "firstname": False}, True, {"AGE": "0", "FIRSTNAME": "false"}),
    ],
)
def test_a_null_clears_or_keeps_an_absent_column_keeps_and_an_empty_text_is_typed(
    data: dict[str, object], clear: bool, fields: dict[str, str | None]
) -> None:
    age = custom("AGE", FieldType.INTEGER, clear=clear)
    result = contact(data, age, standard("FIRSTNAME", clear=clear))
    assert {**result.standard_fields, **result.custom_fields} == fields


def test_identifiers_permission_and_preferences_are_never_cleared() -> None:
    columns = [
        Column("customer", Target(Kind.EXTERNAL_ID), clear=True),
        Column("consent", Target(Kind.PERMISSION), clear=True),
        Column("weekly", Target(Kind.PREFERENCE, "Weekly", "News"), clear=True),
    ]
    data = {"customer": None, "consent": None, "weekly": None}
    assert contact(data, *columns) == Contact("ada@example.com")


@pytest.mark.parametrize("truncates", [False, True])
def test_long_text_is_cut_if_so_configured_and_only_text(truncates: bool) -> None:
    result = contact(
        {"firstname": "\x00" + "a" * 254 + "😀" * 2, "AGE": "1" * 300},
        standard("FIRSTNAME"),
        custom("AGE", FieldType.INTEGER),
        truncate_long_text=truncates,
    )
    assert result.standard_fields == {"FIRSTNAME": "a" * 254 + "😀" * (0 if truncates else 2)}
    assert result.custom_fields == {"AGE": "1" * 300}


# Characters that XML forbids or writes otherwise.


@given(
    text=st.text(st.sampled_from('aubfrn\\"&<>\r\n\t\b\x01\xe9\U0001f600\ufffe\uffff')),
    is_ascii=st.booleans(),
)
@example(text="\r\n", is_ascii=False)
@example(text="\n&", is_ascii=False)
@example(text="\r\x01", is_ascii=False)
@example(text="\uffff", is_ascii=False)
def test_what_a_line_tells_of_its_texts_spares_nothing_that_they_need(
    *, text: str, is_ascii: bool
) -> None:
    record = {"stream": "contacts", "data": {**ADA, "firstname": text, "NOTE": [text]}}
    line = json.dumps({"type": "RECORD", "record": record}, ensure_ascii=is_ascii)
    message = decode(line.encode(), 1)
    assert isinstance(message, RecordMessage)
    encoder = an_encoder(standard("FIRSTNAME"), custom("NOTE"))
    row = encoder.rows.decode(message.data)
    assert encoder.encode(row, message.texts) == encoder.encode(row, Texts.ANYTHING)


def test_forbidden_characters_are_removed_and_their_record_is_counted_once() -> None:
    notices, encoder = noticing(
        standard("FIRSTNAME"),
        custom("NOTE"),
        preference(),
        Column("preferences", Target(Kind.PREFERENCES)),
    )
    result = encoded(
        encoder,
        {
            "email": "ada\x00@example.com",
            "firstname": "A\x01d\ufffea\r\n\t\u2028",
            "NOTE": ["B\ud800c", "\x0b"],
            "weekly": "\x00yes",
            "preferences": [{"category": "N\x00", "name": "N", "value": "\x00", "source": "\x00"}],
        },
    )
    assert result == Contact(
        "ada@example.com",
        standard_fields={"FIRSTNAME": "Ada\r\n\t\u2028"},
        custom_fields={"NOTE": '["Bc","\\u000b"]'},
        preferences={WEEKLY: Preference("true")},
    )
    assert notices.counts[Notice.CLEANED] == 1
    encoded(encoder, {"email": "ada@example.com", "firstname": "Zoë\u200b\r\n"})
    assert notices.counts[Notice.CLEANED] == 1
    encoded(encoder, {"email": "\x00"})
    assert notices.counts[Notice.CLEANED] == 2


def test_a_mark_that_goes_to_a_field_is_written_without_what_xml_forbids() -> None:
    mark = Column(CDC, Target(Kind.CUSTOM, "COLOR"))
    assert contact({**ADA, CDC: "\x1c"}, mark).custom_fields in ({}, {"COLOR": ""})


@pytest.mark.parametrize("clear", [False, True])
def test_a_converter_gets_texts_without_what_xml_forbids(clear: bool) -> None:
    columns = [custom(name, FieldType.INTEGER, clear=clear) for name in "ABC"]
    fields = contact({"A": "\x001", "B": "\x00", "C": "2\x01.0"}, *columns).custom_fields
    assert fields == {"A": "1", **({"B": None} if clear else {}), "C": "2"}


@pytest.mark.parametrize("field_type", FieldType)
def test_no_object_brings_what_xml_forbids_into_a_field(field_type: FieldType) -> None:
    fields = contact({"A": {"\ufffe": "\ud800"}}, custom("A", field_type)).custom_fields
    assert fields == {"A": '{"":""}'}


# Preferences.


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (preference(), Preference("true")),
        (preference(""), Preference("true", "")),
        (preference("shop"), Preference("true", "shop")),
    ],
)
def test_a_preference_has_the_source_of_its_mapping(column: Column, expected: Preference) -> None:
    assert contact({"weekly": 1}, column).preferences == {WEEKLY: expected}


@pytest.mark.parametrize("data", [{}, {"weekly": None}, {"weekly": ""}])
def test_a_preference_without_a_value_is_left_out(data: dict[str, object]) -> None:
    assert contact(data, preference("shop")).preferences == {}


def test_a_list_of_preferences_is_added_and_a_column_of_its_own_comes_after_it() -> None:
    listed = [
        {"category": "News", "name": "Weekly", "value": True},
        {"category": "News", "name": "Daily", "value": False},
    ]
    columns = Column("preferences", Target(Kind.PREFERENCES)), preference()
    assert contact({"weekly": False, "preferences": listed}, *columns).preferences == {
        WEEKLY: Preference("false"),
        ("News", "Daily"): Preference("false"),
    }


def test_a_list_of_another_form_is_refused_with_the_form_and_without_its_content() -> None:
    refusal = mapped({**ADA, "p": "secret"}, Column("p", Target(Kind.PREFERENCES)))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (Reason.BAD_PREFERENCES, "p")
    assert '"category"' in refusal.advice
    assert "secret" not in refusal.advice


# Permission.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Permission.OTHER),
        ("", Permission.OTHER),
        ("not_set", None),
        (" Not-Set ", None),
        *((permission.value, permission) for permission in Permission),
        *((permission.name.lower(), permission) for permission in Permission),
        ("4", Permission.DOUBLE_OPT_IN),
        (4.0, Permission.DOUBLE_OPT_IN),
        (" Double Opt-In ", Permission.DOUBLE_OPT_IN),
        (0, Reason.BAD_PERMISSION),
        (7, Reason.BAD_PERMISSION),
        (1.5, Reason.BAD_PERMISSION),
        ("yes", Reason.BAD_PERMISSION),
        (True, Reason.BAD_PERMISSION),
        (" ", Permission.OTHER),
        (" 4 ", Permission.DOUBLE_OPT_IN),
        ([4], Reason.BAD_PERMISSION),
    ],
)
@pytest.mark.parametrize("name", ["consent", ""])
def test_a_record_may_name_its_permission(
    name: str, value: object, expected: Permission | Reason | None
) -> None:
    encoder = an_encoder(Column(name, Target(Kind.PERMISSION)))
    assert encoder.permission_column == name
    row = encoder.rows.of({**ADA, name: value})
    result = encoder.encode(row, Texts.PLAIN)
    if isinstance(expected, Reason):
        assert isinstance(result, Refusal)
        assert (result.reason, result.field) == (expected, name)
    else:
        assert isinstance(result, tuple)
        assert encoder.permission(row, Permission.OTHER) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("\x004", Permission.DOUBLE_OPT_IN), ("\x00", Permission.OTHER)]
)
def test_a_permission_is_read_without_what_xml_forbids(value: str, expected: Permission) -> None:
    notices, encoder = noticing(Column("consent", Target(Kind.PERMISSION)))
    row = encoder.rows.of({**ADA, "consent": value})
    assert isinstance(encoder.encode(row, Texts.ANYTHING), tuple)
    assert encoder.permission(row, Permission.OTHER) == expected
    assert notices.counts == {Notice.CLEANED: 1}


def test_a_mark_is_judged_as_it_is() -> None:
    result = mapped({**ADA, CDC: "\x00"}, MARK, deleted_records=DeletedRecords.DELETE)
    assert result == ContactRemoval(DeletedRecords.DELETE, Contact("ada@example.com"))


def test_without_a_column_for_it_no_record_names_a_permission() -> None:
    assert an_encoder().permission_column is None


# Removals.


@pytest.mark.parametrize("removal", DeletedRecords)
@pytest.mark.parametrize("target", [Kind.DELETED, Kind.SKIP, Kind.CUSTOM])
def test_a_deletion_is_never_a_contact_wherever_its_column_goes(
    removal: DeletedRecords, target: Kind
) -> None:
    assert mapped(
        {**ADA, **GONE}, Column(CDC, Target(target, "X")), deleted_records=removal
    ) == ContactRemoval(removal, Contact("ada@example.com"))


@pytest.mark.parametrize("removal", DeletedRecords)
def test_an_unsubscription_is_never_a_contact(removal: DeletedRecords) -> None:
    column = Column("left", Target(Kind.UNSUBSCRIBE))
    expected = ContactRemoval(DeletedRecords.UNSUBSCRIBE, Contact("ada@example.com"))
    assert mapped({**ADA, "left": True}, column, deleted_records=removal) == expected
    assert contact({"left": False}, column, deleted_records=removal) == Contact("ada@example.com")


@pytest.mark.parametrize("removal", DeletedRecords)
def test_a_deletion_without_identifier_is_refused_unless_it_is_ignored(
    removal: DeletedRecords,
) -> None:
    result = mapped(GONE, MARK, deleted_records=removal)
    assert isinstance(result, ContactRemoval if removal is DeletedRecords.IGNORE else Refusal)


def test_every_record_of_a_soft_delete_removes_its_contact() -> None:
    rules = {"deleted_records": DeletedRecords.DELETE, "every_record_is_deleted": True}
    assert mapped(ADA, **rules) == ContactRemoval(DeletedRecords.DELETE, Contact("ada@example.com"))


def test_a_removal_column_that_is_unclear_refuses_the_record() -> None:
    refusal = mapped({**ADA, "gone": "perhaps"}, Column("gone", Target(Kind.DELETED)))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (Reason.UNCLEAR_REMOVAL, "gone")
    assert "true, false or a time" in refusal.advice
    mark = Column("_ab_cdc_deleted_at", Target(Kind.SKIP))
    refusal = mapped({**ADA, "_ab_cdc_deleted_at": False}, mark)
    assert isinstance(refusal, Refusal)
    assert refusal.advice.endswith("Write the time of the deletion there, or leave it empty.")


def test_whether_somebody_leaves_must_be_clear_before_who_it_is() -> None:
    gone = Column("gone", Target(Kind.DELETED))
    for said, reason in (("perhaps", Reason.UNCLEAR_REMOVAL), (False, Reason.NO_IDENTIFIER)):
        refusal = mapped({"email": None, "gone": said}, gone)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is reason


def test_what_is_wrong_with_the_fields_of_a_removal_does_not_matter() -> None:
    column = Column("preferences", Target(Kind.PREFERENCES))
    result = mapped(
        {**ADA, **GONE, "preferences": "x"}, column, MARK, deleted_records=DeletedRecords.DELETE
    )
    assert isinstance(result, ContactRemoval)


def test_a_mapper_knows_its_columns() -> None:
    names = {"email", "external_id", "maileon_id", "weekly"}
    assert an_encoder(preference()).rows.columns.keys() == names


# What the source did not deliver.


def with_gaps(
    encoder: ContactEncoder, data: Mapping[str, object], *nulled: str
) -> Contact | ContactRemoval | Refusal:
    row = encoder.rows.of(data)
    refusal = encoder.leave_gaps(row, nulled)
    if refusal is not None:
        return refusal
    result = encoder.encode(row, Texts.PLAIN)
    return contact_of(result[0]) if isinstance(result, tuple) else result


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("field_type", FieldType)
def test_a_value_that_did_not_change_is_absent(field_type: FieldType, clear: bool) -> None:
    notices, encoder = noticing(custom("NOTE", field_type, clear=clear), custom("B", clear=clear))
    result = with_gaps(encoder, {**ADA, "NOTE": UNAVAILABLE_VALUE, "B": "x"})
    assert isinstance(result, Contact)
    assert result.custom_fields == {"B": "x"}
    assert notices.counts == {Notice.UNAVAILABLE: 1}


def test_only_exactly_that_value_says_so() -> None:
    notices, encoder = noticing(custom("NOTE"))
    result = with_gaps(encoder, {**ADA, "NOTE": UNAVAILABLE_VALUE + " "})
    assert isinstance(result, Contact)
    assert result.custom_fields == {"NOTE": UNAVAILABLE_VALUE + " "}
    assert not notices.counts


def test_a_column_that_the_source_made_null_is_not_cleared() -> None:
    notices, encoder = noticing(custom("NOTE", clear=True), custom("B", clear=True))
    result = with_gaps(encoder, {**ADA, "NOTE": None, "B": None}, "NOTE", "of another stream")
    assert isinstance(result, Contact)
    assert result.custom_fields == {"B": None}
    assert notices.counts == {Notice.NULLED: 1}


CRITICAL = {
    "email": Column("mail", Target(Kind.EMAIL)),
    "external_id": Column("customer", Target(Kind.EXTERNAL_ID)),
    "maileon_id": Column("number", Target(Kind.MAILEON_ID)),
    "permission": Column("consent", Target(Kind.PERMISSION)),
    "unsubscribe": Column("left", Target(Kind.UNSUBSCRIBE)),
    "deleted": Column("gone", Target(Kind.DELETED)),
    "mark": Column(CDC, Target(Kind.SKIP)),
}


@pytest.mark.parametrize("what", CRITICAL)
@pytest.mark.parametrize("is_unavailable", [False, True])
def test_a_record_whose_identity_or_consent_was_not_delivered_is_refused(
    what: str, is_unavailable: bool
) -> None:
    encoder = an_encoder(*CRITICAL.values(), mode=MAILEON_ID)
    column = CRITICAL[what].name
    data = {"mail": "ada@example.com", "number": 7, column: UNAVAILABLE_VALUE}
    if is_unavailable:
        refusal = with_gaps(encoder, data)
    else:
        refusal = with_gaps(encoder, {**data, column: None}, column)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (Reason.NOT_DELIVERED, column)
    assert refusal.contact.email == (None if what == "email" else "ada@example.com")


# Identity.


@pytest.mark.parametrize("nobody", [True, False, [], {}, ["x"], {"id": "x"}, [[]]])
@pytest.mark.parametrize("mode", IdentifierMode)
def test_booleans_lists_and_objects_are_no_identifiers(
    nobody: object, mode: IdentifierMode
) -> None:
    data = dict.fromkeys(("email", "external_id", "maileon_id"), nobody)
    refusal = mapped(data, mode=mode)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.NO_IDENTIFIER
    assert refusal.contact == Contact()


def test_space_around_an_address_or_a_maileon_id_is_no_part_of_it() -> None:
    data = {"email": "ada@example.com".ljust(40), "maileon_id": " 7 ", "external_id": "x  "}
    assert mapped(data, mode=MAILEON_ID) == Contact("ada@example.com", "x  ", "7")


@pytest.mark.parametrize("hidden", ["\u200b", "\ufeff", "\u00ad", "\u2060", "\u200d"])
@pytest.mark.parametrize("column", ["email", "external_id"])
def test_an_identifier_with_a_character_that_nobody_sees_is_noticed(
    hidden: str, column: str
) -> None:
    notices, encoder = noticing()
    assert encoded(encoder, {**ADA, column: f"a{hidden}@example.com"}) is not None
    assert encoded(encoder, {"email": "änne@example.com"}) is not None
    assert notices.counts == {Notice.INVISIBLE: 1}


# Values.


def test_records_with_truncated_texts_are_counted() -> None:
    notices, encoder = noticing(standard("FIRSTNAME"), custom("A"), truncate_long_text=True)
    encoded(encoder, {**ADA, "firstname": "x" * 256, "A": "y" * 300})
    encoded(encoder, {**ADA, "firstname": "x" * 255})
    assert notices.counts == {Notice.TRUNCATED: 1}


@pytest.mark.parametrize("value", ["ja", 2, "vielleicht", [True], {}, "x"])
def test_a_preference_that_is_neither_yes_nor_no_is_refused_by_its_name(value: object) -> None:
    refusal = mapped({**ADA, "weekly": value}, preference())
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (Reason.BAD_PREFERENCE, "News/Weekly")


@pytest.mark.parametrize(
    ("value", "text"),
    [(" yes ", "true"), ("1.0", "true"), ("off", "false"), ("2024-05-01", "true"), (0, "false")],
)
def test_a_preference_is_read_as_unsubscribe_is(value: object, text: str) -> None:
    assert contact({"weekly": value}, preference()).preferences == {WEEKLY: Preference(text)}


@pytest.mark.parametrize("value", [" ", "null", "None", "\x00"])
def test_a_blank_preference_is_left_out(value: object) -> None:
    assert contact({"weekly": value}, preference()).preferences == {}
