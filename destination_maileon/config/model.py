"""The configuration: one model, from which the spec is derived.

This module alone decides which keys there are, with their values, defaults and the texts that a
person reads about them. How a target is spelled is decided in `targets`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, Strict, WithJsonSchema

from destination_maileon.config.targets import Kind, nearest_target, parse_target
from destination_maileon.config.types import (
    ADDRESS_FORM,
    ADDRESS_PATTERN,
    OPTIONAL_ADDRESS_PATTERN,
    WHOLE,
    Address,
    ConfigModel,
    Count,
    Flag,
    NamedOption,
    Number,
    OptionalAddress,
    OptionalText,
    Seconds,
    Text,
    config_field,
    refused,
)
from destination_maileon.maileon.contact import STANDARD_FIELDS
from destination_maileon.maileon.identifier import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode

# Only what people paste around a key; the client removes it, here it must not be all there is.
_NO_KEY = re.compile(r"\s*(authorization\s*:\s*)?(basic(\s+|$))?\s*", re.IGNORECASE)
_ENDS = re.compile(r"^[/\s]+|[/\s]+$")
_STANDARD_NAMES = ", ".join(STANDARD_FIELDS)
TARGET_FORMS = (
    "email, external_id, maileon_id, permission, standard:NAME, custom:NAME, "
    "preference:CATEGORY/NAME, deleted, unsubscribe or skip"
)
TARGET_PATTERN = (
    r"^(email|external_id|maileon_id|permission|deleted|unsubscribe|skip"
    r"|(standard|custom):[\s\S]+|preference:[\s\S]+/[\s\S]+)$"
)


class UnmappedColumns(StrEnum):
    """What happens to columns that have no target."""

    IGNORE = "ignore"
    CREATE = "create"
    FAIL = "fail"


class NullValues(StrEnum):
    """What a null does to the value that Maileon holds."""

    KEEP = "keep"
    CLEAR = "clear"


class DeletedRecords(StrEnum):
    """What becomes of a contact whose record says that it is gone."""

    IGNORE = "ignore"
    UNSUBSCRIBE = "unsubscribe"
    DELETE = "delete"


class IdentifiersInLogs(StrEnum):
    """How identifiers are shown in log lines."""

    MASKED = "masked"
    FULL = "full"


def _with_a_key(secret: SecretStr) -> SecretStr:
    if _NO_KEY.fullmatch(secret.get_secret_value()):
        raise refused("must be the API key from your Maileon account, not empty")
    return secret


def _as_target(text: str) -> str:
    if parse_target(text) is not None:
        return text
    if (nearest := nearest_target(text)) is not None:
        raise refused("must be a target", nearest=nearest)
    if text.startswith(f"{Kind.STANDARD}:"):
        raise refused(f"must be standard:NAME with one of the names {_STANDARD_NAMES}")
    raise refused(f"must be one of the forms {TARGET_FORMS}")


def _empty_is_absent(secret: SecretStr) -> SecretStr | None:
    text = secret.get_secret_value().strip()
    return SecretStr(text) if text else None


def _trimmed(text: str) -> str:
    if not text.strip():
        raise refused("must be text that is not empty")
    return text.strip()


def _as_path(text: str) -> str:
    path = _ENDS.sub("", text)
    if not path:
        raise refused("must be a path in the bucket, such as airbyte/maileon")
    return path


_OptionalSecret: TypeAlias = Annotated[SecretStr, AfterValidator(_empty_is_absent)]


class ColumnMapping(ConfigModel):
    """One column and the field in Maileon that it fills."""

    model_config = ConfigDict(title="Column")
    keys_with_null: ClassVar[frozenset[str]] = frozenset({"source"})

    column: Annotated[
        str,
        config_field(
            "",
            title="Column",
            description="The column's name, exactly as the source delivers it (see the schema of "
            "the connection).",
            examples=["first_name", "color"],
        ),
    ]
    target: Annotated[
        str,
        AfterValidator(_as_target),
        config_field(
            "",
            title="Target",
            description="Where the column goes. An identifier: email, external_id or maileon_id. A "
            "custom field: custom:NAME. A preference: preference:CATEGORY/NAME, with the names in "
            f"your Maileon account. A standard field: standard:NAME, NAME being {_STANDARD_NAMES}. "
            "The contact's permission: permission. The end: unsubscribe or deleted; a true value "
            "or a time in the column unsubscribes or removes the contact. Nowhere: skip.",
            examples=["email", "standard:FIRSTNAME", "custom:COLOR", "preference:News/Weekly"],
            pattern=TARGET_PATTERN,
            pattern_descriptor=TARGET_FORMS,
        ),
    ]
    source: Annotated[
        str | None,
        WithJsonSchema({"type": ["string", "null"]}),
        config_field(
            "",
            title="Preference Source",
            description="Only for preferences: the source to store with the preference, such as "
            "the form where it was given. Without it the stored source stays; an empty text in "
            "the configuration's JSON deletes it.",
            examples=["Newsletter form"],
        ),
    ] = None
    null_values: Annotated[
        NullValues | None,
        config_field(
            "",
            title="Null Values",
            description="What happens when a record has no value (null) in this column. keep: the "
            "value that Maileon holds stays. clear: it is removed. Leave this empty to do as with "
            "all columns.",
        ),
    ] = None

    @property
    def has_source(self) -> bool:
        """Whether `source` was given. Given and empty, it deletes the stored source."""
        return "source" in self.model_fields_set


class StreamConfig(ConfigModel):
    """One stream and where its columns go."""

    model_config = ConfigDict(title="Stream")

    name: Annotated[
        Text,
        config_field(
            "",
            title="Stream Name",
            description="The stream's name as it arrives here: with the prefix that the connection "
            "puts before it, and in the same case.",
            examples=["customers"],
        ),
    ]
    namespace: Annotated[
        OptionalText | None,
        config_field(
            "",
            title="Namespace",
            description="The stream's namespace as it arrives here (often the schema of the "
            "source's database; none if the connection's setting is the destination's default). "
            "Needed only if several streams have this name; if empty, the mapping is for all of "
            "them.",
            examples=["public"],
        ),
    ] = None
    mapping: Annotated[
        tuple[ColumnMapping, ...],
        config_field(
            "",
            title="Columns",
            description="One entry per column. Columns without an entry are mapped by their name.",
        ),
    ] = ()
    audience_field: Annotated[
        OptionalText | None,
        config_field(
            "",
            title="Audience Field",
            description="The name of a custom field of type integer that tells who is in this "
            "stream: a number above 0 for everybody in it, 0 for whoever dropped out. Use it in a "
            "contact filter of Maileon (the field is greater than 0). With the sync mode "
            "overwrite, people who are no longer in the stream drop out. No contact is deleted.",
            examples=["IN_SPRING_CAMPAIGN"],
        ),
    ] = None


class NoStorage(ConfigModel):
    """Rejected records are only reported in the log, without their values."""

    model_config = ConfigDict(title="None")

    storage_type: Annotated[
        Literal["None"],
        config_field("", title="Storage Type", description="None: nothing is stored."),
    ] = "None"


class S3Storage(ConfigModel):
    """Rejected records are stored as JSON lines in a bucket of S3 or a compatible service."""

    model_config = ConfigDict(title="S3")

    storage_type: Annotated[
        Literal["S3"],
        config_field(
            "",
            title="Storage Type",
            description="S3: a bucket of Amazon S3 or a compatible service.",
        ),
    ] = "S3"
    s3_bucket_name: Annotated[
        str,
        config_field(
            "",
            title="Bucket Name",
            description="The bucket's name, as the list of buckets in the S3 console shows it.",
            examples=["airbyte-rejected-records"],
            min_length=1,
        ),
        AfterValidator(_trimmed),
    ]
    s3_bucket_region: Annotated[
        str,
        config_field(
            "",
            title="Bucket Region",
            description="The bucket's region, as the list of buckets in the S3 console shows it.",
            examples=["eu-central-1"],
            min_length=1,
        ),
        AfterValidator(_trimmed),
    ]
    bucket_path: Annotated[
        str,
        config_field(
            "",
            title="Bucket Path",
            description="The folder in the bucket below which rejected records are stored. They "
            "hold personal data: let only those read it who may, and let the bucket delete old "
            "files.",
            examples=["airbyte/maileon"],
            min_length=1,
        ),
        AfterValidator(_as_path),
    ]
    access_key_id: Annotated[
        _OptionalSecret | None,
        config_field(
            "",
            title="Access Key ID",
            description="The ID of an access key that may write to the bucket (in AWS: IAM, Users, "
            "Security credentials). Leave both key fields empty to use the rights of the machine "
            "on which Airbyte runs.",
            airbyte_secret=True,
        ),
    ] = None
    secret_access_key: Annotated[
        _OptionalSecret | None,
        config_field(
            "",
            title="Secret Access Key",
            description="The secret that belongs to the access key ID. AWS shows it once, when the "
            "access key is created.",
            airbyte_secret=True,
        ),
    ] = None
    s3_endpoint: Annotated[
        OptionalAddress | None,
        config_field(
            "",
            title="Endpoint",
            description="The address of an S3-compatible service. Leave it empty for Amazon S3.",
            examples=["https://s3.example.com"],
            pattern=OPTIONAL_ADDRESS_PATTERN,
            pattern_descriptor=ADDRESS_FORM,
        ),
    ] = None


ObjectStorage: TypeAlias = Annotated[NoStorage | S3Storage, Field(discriminator="storage_type")]


class Config(ConfigModel):
    """A configuration that is complete and without contradictions."""

    model_config = ConfigDict(title="Destination Maileon")

    dry_run: Annotated[
        Flag,
        config_field(
            "safety",
            title="Dry Run",
            description="If on, records are mapped, checked and reported, but nothing is sent to "
            "Maileon, and the next sync reads the same records again. Switch it on for the first "
            "sync, read the log, and switch it off.",
            always_show=True,
        ),
    ] = False
    api_key: Annotated[
        SecretStr,
        AfterValidator(_with_a_key),
        config_field(
            "account",
            title="API Key",
            description="Your Maileon API key. In Maileon, open the settings, then API Keys, and "
            "copy a key or create one. It needs the rights GET and POST, also DELETE if contacts "
            "are to be deleted or unsubscribed, and PUT if they are to be unsubscribed. If the key "
            "is limited to certain IP addresses, add those of Airbyte.",
            airbyte_secret=True,
            min_length=1,
        ),
    ]
    identifier_mode: Annotated[
        IdentifierMode,
        config_field(
            "contacts",
            title="Recognise Contacts By",
            description="How Maileon finds the contact that a record belongs to. email: by the "
            "e-mail address. external_id: by your own customer number. maileon_id: by the number "
            "that Maileon gave the contact; records without one go by their e-mail address. Your "
            "data needs a column for it.",
            always_show=True,
        ),
    ] = IdentifierMode.EMAIL
    sync_mode: Annotated[
        SynchronizationMode,
        NamedOption({mode.name.lower(): mode for mode in SynchronizationMode}),
        config_field(
            "contacts",
            title="Existing Contacts",
            description="What happens to contacts that are already in Maileon. update: their "
            "fields are overwritten with your data. ignore: they stay exactly as they are, and "
            "only new contacts are added.",
            always_show=True,
            default="update",
        ),
    ] = SynchronizationMode.UPDATE
    update_only: Annotated[
        Flag,
        config_field(
            "contacts",
            title="Update Existing Contacts Only",
            description="If on, only contacts that are already in Maileon are updated, and people "
            "who are not there are left out. If off, they are added as new contacts, with the "
            "permission below.",
        ),
    ] = False
    permission: Annotated[
        Permission | None,
        NamedOption({"not_set": None, **{item.name.lower(): item for item in Permission}}),
        config_field(
            "consent",
            title="Permission of New Contacts",
            description="The permission (opt-in) that new contacts get in Maileon. Choose only "
            "what these people really agreed to: it decides whether you may write to them. "
            "not_set: say nothing about permission; Maileon then gives new contacts none of its "
            "own accord, and existing contacts keep theirs in any case. none: say that these "
            "people agreed to nothing; with the option below existing contacts lose their "
            "permission, too. If your data knows the permission of each person, map its column to "
            "the target permission instead.",
            always_show=True,
            default="not_set",
        ),
    ] = None
    override_permission: Annotated[
        Flag,
        config_field(
            "consent",
            title="Override Permission of Existing Contacts",
            description="If on, contacts that are already in Maileon get the permission above as "
            "well, even if theirs was higher or lower: a double opt-in can be lost, or claimed "
            "for people who never gave it. If off, existing contacts keep their permission. "
            "Without a permission this has no effect.",
        ),
    ] = False
    reimport_unsubscribed_contacts: Annotated[
        Flag,
        config_field(
            "consent",
            title="Reimport Unsubscribed Contacts",
            description="If on, people who unsubscribed are added again as soon as they appear in "
            "your data, and are written to again: switch this on only if they agreed anew. "
            "If off, they stay unsubscribed.",
        ),
    ] = False
    streams: Annotated[
        tuple[StreamConfig, ...],
        config_field(
            "mapping",
            title="Column Mapping",
            description="Which column goes to which field in Maileon. Needed only where the names "
            "differ: columns that are named like an identifier (email), like a standard field "
            "(first_name) or like a custom field of your account find their way by themselves. "
            "Add one entry per stream.",
            always_show=True,
        ),
    ] = ()
    unmapped_columns: Annotated[
        UnmappedColumns,
        config_field(
            "mapping",
            title="Columns Without a Field",
            description="What happens to columns that have no field in Maileon. ignore: they are "
            "left out, and a warning names them. create: a custom field is added to your Maileon "
            "account for each. fail: the sync stops before anything is sent.",
            always_show=True,
        ),
    ] = UnmappedColumns.IGNORE
    null_values: Annotated[
        NullValues,
        config_field(
            "mapping",
            title="Null Values",
            description="What happens when a record has no value (null) in a column. keep: the "
            "value that Maileon holds stays. clear: it is removed. Identifiers, permission and "
            "preferences are never cleared.",
        ),
    ] = NullValues.KEEP
    truncate_long_text: Annotated[
        Flag,
        config_field(
            "mapping",
            title="Truncate Long Text",
            description="If on, text is cut at the 255 characters that a field in Maileon holds. "
            "If off, Maileon refuses a contact with longer text, and it is reported as rejected.",
        ),
    ] = False
    deleted_records: Annotated[
        DeletedRecords,
        config_field(
            "removal",
            title="Deleted Records",
            description="What happens to a contact whose record was deleted at the source (CDC "
            "sources say so; or map a column to the target deleted). ignore: it stays as it is. "
            "unsubscribe: it is unsubscribed. delete: it is removed from Maileon with everything "
            "stored about it, which cannot be undone.",
        ),
    ] = DeletedRecords.IGNORE
    max_deleted_records: Annotated[
        Count | None,
        config_field(
            "removal",
            title="Maximum Deleted Records",
            description="The sync stops before it deletes or unsubscribes more contacts than this: "
            "a net for the day on which a table at the source is emptied. Each run counts anew and "
            "may remove as many again, Airbyte's retries included: pause the connection after such "
            "a stop until a person has looked. Leave it empty for no limit.",
            examples=[1000],
        ),
    ] = None
    max_audience_leavers_percent: Annotated[
        Number | None,
        config_field(
            "removal",
            title="Maximum Audience Leavers Percent",
            description="The sync stops before a larger share of an audience's members than this "
            "drops out of it: a net for the day on which a table at the source is half empty. "
            "Leave it empty for no limit.",
            examples=[20],
            ge=1,
            le=100,
        ),
    ] = None
    object_storage_config: Annotated[
        ObjectStorage,
        config_field(
            "rejected",
            title="Storage for Rejected Records",
            description="Where rejected records are kept, so that they can be corrected and sent "
            "again.",
        ),
    ] = NoStorage()
    ignore_invalid_contacts: Annotated[
        Flag,
        config_field(
            "rejected",
            title="Continue When Contacts Are Rejected",
            description="If on, contacts that Maileon refuses (an address that is none, a text "
            "that is too long) are reported, and all others are written. If off, the first of "
            "them fails the sync.",
        ),
    ] = True
    max_rejected_records: Annotated[
        Count | None,
        config_field(
            "rejected",
            title="Maximum Rejected Records",
            description="The sync fails once more records than this were rejected. Leave it empty "
            "for no limit.",
            examples=[500],
        ),
    ] = None
    max_rejected_percent: Annotated[
        Number | None,
        config_field(
            "rejected",
            title="Maximum Rejected Percent",
            description="The sync fails once a larger share of its records than this was rejected, "
            "judged from 100 records on and at the end. Leave it empty for no limit.",
            examples=[5],
            ge=1,
            le=100,
        ),
    ] = None
    identifiers_in_logs: Annotated[
        IdentifiersInLogs,
        config_field(
            "rejected",
            title="Identifiers in Logs",
            description="How a person is named in log lines. masked: by the first letter and the "
            "ending of the domain. full: by the whole address or number, for everybody who can "
            "read the logs of the connection.",
        ),
    ] = IdentifiersInLogs.MASKED
    base_url: Annotated[
        Address,
        config_field(
            "advanced",
            title="Base URL",
            description="The address of Maileon's API. Change it only if Maileon's support told "
            "you to, or for a test system.",
            examples=["https://api.maileon.com/1.0"],
            pattern=ADDRESS_PATTERN,
            pattern_descriptor=ADDRESS_FORM,
            airbyte_hidden=True,
        ),
    ] = "https://api.maileon.com/1.0"
    batch_size: Annotated[
        int,
        Strict(),
        config_field(
            "advanced",
            title="Batch Size",
            description="How many contacts one call holds at most.",
            ge=1,
            le=10_000,
            airbyte_hidden=True,
        ),
        WHOLE,
    ] = 1_000
    max_batch_bytes: Annotated[
        int,
        Strict(),
        config_field(
            "advanced",
            title="Maximum Batch Bytes",
            description="How many bytes one call holds at most.",
            ge=1_000,
            le=9_000_000,
            airbyte_hidden=True,
        ),
        WHOLE,
    ] = 8_000_000
    concurrent_requests: Annotated[
        int,
        Strict(),
        config_field(
            "advanced",
            title="Concurrent Requests",
            description="How many calls are made at the same time at most. How many there are "
            "follows from what Maileon bears.",
            ge=1,
            le=16,
            airbyte_hidden=True,
        ),
        WHOLE,
    ] = 8
    flush_interval_seconds: Annotated[
        Seconds,
        config_field(
            "advanced",
            title="Flush Interval in Seconds",
            description="How long a record waits at most for its batch to fill.",
            airbyte_hidden=True,
        ),
    ] = 60
    request_timeout_seconds: Annotated[
        Seconds,
        config_field(
            "advanced",
            title="Request Timeout in Seconds",
            description="How long one call may take, from connecting to the end of the answer.",
            airbyte_hidden=True,
        ),
    ] = 120
    max_retry_seconds: Annotated[
        Seconds,
        config_field(
            "advanced",
            title="Maximum Retry Time in Seconds",
            description="How long a call that fails is tried again before the sync fails.",
            airbyte_hidden=True,
        ),
    ] = 900


def titled(key: str) -> str:
    """A key as messages name it: by the title that the form shows, the key itself behind it."""
    return f'"{Config.model_fields[key].title}" ({key})'
