"""A stream's mapping as words."""

from __future__ import annotations

import pytest

from destination_maileon.config.spec import ColumnMapping, DeletedRecords
from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode
from destination_maileon.mapping.summary import Notice, Notices, listed, outline
from unit_tests.support.builders import a_plan, options


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a"], 'column "a"'),
        (["a", "b"], 'columns "a", "b"'),
        (["x"] * 20, "columns " + ", ".join(['"x"'] * 20)),
        (["x"] * 23, "columns " + ", ".join(['"x"'] * 20) + " and 3 more"),
    ],
)
def test_columns_are_listed_up_to_twenty(names: list[str], words: str) -> None:
    assert listed(names) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {},
            "updated and keep their permission, new ones created with no permission (not_set), un",
        ),
        # Without a permission it is sent as false.
        ({"override_permission": True}, "existing ones are updated and keep their permission, new"),
        ({"sync_mode": SynchronizationMode.IGNORE}, "existing ones are left as they are, new ones"),
        ({"update_only": True}, "new ones left out, unsubscribed ones left out. Contacts of"),
        ({"reimport_unsubscribed_contacts": True}, "unsubscribed ones added again."),
    ],
)
def test_the_outline_says_what_becomes_of_people(changes: dict[str, object], words: str) -> None:
    plan = a_plan(options=options(IdentifierMode.EXTERNAL_ID, **changes))
    told = outline(plan, DeletedRecords.IGNORE)
    assert told.startswith("contacts are recognised by external_id; ")
    assert words in told
    assert told.endswith("Contacts of deleted records are left out.")


def test_the_outline_names_the_permission_and_what_a_deletion_does() -> None:
    overriding = options(override_permission=True)
    plan = a_plan(permission=Permission.DOUBLE_OPT_IN, options=overriding)
    told = outline(plan, DeletedRecords.DELETE)
    assert "existing ones are updated, new ones created with permission double_opt_in" in told
    assert told.endswith("Contacts of deleted records are deleted in Maileon.")
    soft_delete = a_plan(every_record_is_deleted=True)
    assert outline(soft_delete, DeletedRecords.UNSUBSCRIBE) == (
        "contacts are recognised by email; whoever has a record here is unsubscribed."
    )


@pytest.mark.parametrize(
    ("permission", "empty"), [(None, "not_set"), (Permission.SINGLE_OPT_IN, "single_opt_in")]
)
def test_the_outline_names_the_column_that_decides_the_permission(
    permission: Permission | None, empty: str
) -> None:
    mapping = {"opt_in": ColumnMapping.model_validate({"column": "opt_in", "target": "permission"})}
    told = outline(a_plan(permission=permission, mapping=mapping), DeletedRecords.IGNORE)
    words = f'created with the permission in column "opt_in" ({empty} where it is empty), unsubs'
    assert words in told


def test_a_record_counts_once_for_each_notice() -> None:
    notices = Notices()
    for _ in range(2):
        notices.seen.add(Notice.CLEANED)
        notices.seen.add(Notice.CLEANED)
        notices.count()
    notices.seen.add(Notice.TRUNCATED)
    notices.count()
    notices.count()
    assert notices.counts == {Notice.CLEANED: 2, Notice.TRUNCATED: 1}


@pytest.mark.parametrize("notice", Notice)
def test_each_notice_reads_on_after_the_number_of_records(notice: Notice) -> None:
    assert notice.value.startswith("held ")
    assert notice.value.endswith(".")
