"""Mapped columns that the schema lacks are told, and stop what would pass people by."""

from __future__ import annotations

import pytest

from destination_maileon.mapping.columns import ColumnResolver
from destination_maileon.mapping.stream_mapper import StreamMapper
from destination_maileon.protocol.output import Level
from unit_tests.support.builders import a_config, a_mapping, a_plan, an_account
from unit_tests.support.planning import planned
from unit_tests.support.rooms import Heard

LACKS = (
    "the schema lacks {} of the mapping, so that the mapping counts there only if records have "
    "more than the schema says."
)


def test_one_note_names_all_mapped_columns_that_the_schema_lacks_and_those_alike() -> None:
    mapping = (("Color", "custom:COLOR"), ("town", "standard:CITY"), ("Ssn", "skip"))
    columns = planned("email", "color", "ssn", mapping=(*mapping, ("color", "skip"), ("x", "skip")))
    assert columns.problems == []
    told = LACKS.format('columns "Color", "town", "Ssn"')
    assert columns.notes == [f'{told} It has columns "color", "ssn", and case matters.']
    columns = planned("email", mapping=(("town", "standard:CITY"),))
    assert columns.notes == [LACKS.format('column "town"')]


@pytest.mark.parametrize(
    ("properties", "mapping"),
    [
        (("email", "town"), (("town", "standard:CITY"),)),
        (("email",), (("town", "skip"),)),
        ((), (("mail", "email"), ("town", "standard:CITY"))),
    ],
    ids=["has it", "goes nowhere", "no schema"],
)
def test_there_is_nothing_to_tell(
    properties: tuple[str, ...], mapping: tuple[tuple[str, str], ...]
) -> None:
    columns = planned(*properties, mapping=mapping)
    assert columns.notes == columns.problems == []


@pytest.mark.parametrize(
    ("mapped", "there", "target"),
    [
        ("Consent", "consent", "permission"),
        ("Opt_Out", "opt_out", "unsubscribe"),
        ("gone", "GONE", "deleted"),
        ("Id", "id", "external_id"),
        ("Id", "ID", "maileon_id"),
        ("mail", "Mail", "email"),
    ],
)
def test_a_column_that_decides_on_people_must_be_spelt_as_the_schema_spells_it(
    mapped: str, there: str, target: str
) -> None:
    identifier = () if target == "email" else ("email",)
    (problem,) = planned(*identifier, there, mapping=((mapped, target),)).problems
    assert problem == (
        f'column "{mapped}" is mapped to {target}, but the schema has column "{there}", and case '
        "matters. Map that one, to skip if it means something else."
    )
    both = planned(*identifier, there, mapping=((mapped, target), (there, "skip")))
    assert both.problems == []
    assert len(both.notes) == 1


@pytest.mark.parametrize("there", ["deleted", "_ab_cdc_deleted_at"])
def test_a_column_that_is_the_target_anyway_is_no_problem(there: str) -> None:
    assert planned("email", there, mapping=((there.upper(), "deleted"),)).problems == []


def test_it_is_a_warning_at_the_start_and_told_once() -> None:
    plan = a_plan(properties={"email": {}}, mapping=a_mapping(("town", "standard:CITY")))
    resolver = ColumnResolver(plan, a_config(), an_account())
    stream = StreamMapper(plan, resolver, columns=resolver.before_first_record(), config=a_config())
    heard = Heard()
    stream.tell_plan(heard)
    stream.tell_notes(heard)
    told = LACKS.format('column "town"')
    assert heard.warnings == [f"Stream contacts: {told}"]
    assert [level for level, _ in heard.said] == [Level.INFO, Level.WARN]


def test_a_column_for_which_a_field_is_yet_to_be_created_may_be_the_one_that_is_meant() -> None:
    plan = a_plan(
        properties={"email": {"type": "string"}, "customer_no": {"type": "integer"}},
        mapping=a_mapping(("Customer_No", "external_id")),
    )
    resolver = ColumnResolver(plan, a_config(unmapped_columns="create"), an_account())
    (problem,) = resolver.before_first_record().problems
    assert 'is mapped to external_id, but the schema has column "customer_no"' in problem
