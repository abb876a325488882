"""A target that the account lacks -> what a person must do, or nothing if it can be created.

This module alone decides what is missing, and in which words it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from destination_maileon.config.model import UnmappedColumns
from destination_maileon.config.targets import Kind, creation_obstacle

if TYPE_CHECKING:
    from destination_maileon.config.targets import Target
    from destination_maileon.maileon.contact import FieldType
    from destination_maileon.streams.account import Account


def is_missing(target: Target, account: Account) -> bool:
    """Whether the account lacks the custom field or the preference that the target names."""
    if target.kind is Kind.PREFERENCE:
        return (target.category, target.name) not in account.preferences
    return target.kind is Kind.CUSTOM and target.name not in account.custom_fields


def missing_problem(
    target: Target, field_type: FieldType, *, unmapped_columns: UnmappedColumns
) -> str | None:
    """What a person must do about a missing target; None if it is to be created."""
    if target.kind is Kind.PREFERENCE:
        return (
            f'the account has no preference "{target.name}" in a category "{target.category}". '
            "Create it in Maileon or change the mapping."
        )
    if unmapped_columns is not UnmappedColumns.CREATE:
        return (
            f'the account has no custom field "{target.name}". Create it in Maileon with type '
            f'{field_type}, or set "unmapped_columns" to create.'
        )
    obstacle = creation_obstacle(target.name)
    return obstacle and f'custom field "{target.name}" cannot exist: {obstacle}'
