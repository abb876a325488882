"""The configuration: one model, and the spec that is derived from it.

This module alone decides which options there are, with their values, defaults, and the text below
each that a person reads about it, and what else Airbyte is told before there is a configuration.
"""

from enum import Enum, StrEnum
from functools import cache, partial
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from destination_maileon.config import types
from destination_maileon.config.suggestions import shown
from destination_maileon.config.targets import STANDARD_NAMES, TargetText
from destination_maileon.config.types import ConfigModel, Flag, OrBlank, option, refused
from destination_maileon.maileon.contact import IdentifierMode
from destination_maileon.maileon.sync_options import Permission, SynchronizationMode

UnmappedColumns = StrEnum("UnmappedColumns", ["IGNORE", "CREATE", "FAIL"])
NullValues = StrEnum("NullValues", ["KEEP", "CLEAR"])
DeletedRecords = StrEnum("DeletedRecords", ["IGNORE", "UNSUBSCRIBE", "DELETE"])
IdentifiersInLogs = StrEnum("IdentifiersInLogs", ["MASKED", "FULL"])

Schema: TypeAlias = dict[str, Any]
API_URL = "https://api.maileon.com/1.0"


def _named(members: type[Enum], **others: None) -> BeforeValidator:
    """Reads the name of a member, in lower case, or another name as what it stands for."""
    names = {**others, **{member.name.lower(): member for member in members}}
    return BeforeValidator(
        lambda name: names.get(str(name), name), json_schema_input_type=Literal[tuple(names)]
    )


def _each_once(entries: tuple[Any, ...]) -> tuple[Any, ...]:
    first: dict[object, int] = {}
    for at, entry in enumerate(entries):
        if (before := first.setdefault(entry.key, at)) != at:
            name = shown(entry.key[-1])
            raise refused(f"has two entries for {name} ({before} and {at}); keep one")
    return entries


Entries: TypeAlias = Annotated[tuple[types.Value, ...], AfterValidator(_each_once)]
SyncMode: TypeAlias = Annotated[
    SynchronizationMode, Field(strict=True), _named(SynchronizationMode)
]
NewPermission: TypeAlias = Annotated[
    Annotated[Permission, Field(strict=True)] | None, _named(Permission, not_set=None)
]
_optional = partial(option, default=None)
_always_shown = partial(option, always_show=True)
_hidden = partial(option, airbyte_hidden=True)


class ColumnMapping(ConfigModel, title="Column"):
    """One column and the field in Maileon that it fills."""

    column: str = option("Column", examples=["first_name", "color"])
    """The column's name, exactly as the source delivers it (see the schema of the connection)."""
    target: TargetText = option(
        "Target",
        description="Where the column goes. An identifier: email, external_id or maileon_id. A "
        "custom field: custom:NAME. A preference: preference:CATEGORY/NAME, with the names in "
        f"your Maileon account. A standard field: standard:NAME, NAME being {STANDARD_NAMES}. "
        "The contact's permission: permission. Who has left: unsubscribe or deleted; a true value "
        "or a time in the column unsubscribes or removes the contact. Nowhere: skip.",
        examples=["email", "standard:FIRSTNAME", "custom:COLOR", "preference:News/Weekly"],
    )
    source: Annotated[str | None, WithJsonSchema({"type": ["string", "null"]})] = _optional(
        "Preference Source", examples=["Newsletter form"]
    )
    """Only for preferences: the source to store with the preference, such as the form where it was
    given. Without it the stored source stays; an empty text in the configuration's JSON deletes
    it."""
    null_values: NullValues | None = _optional("Null Values")
    """What happens when a record has no value (null) in this column. keep: the value that Maileon
    holds stays. clear: it is removed. Leave this empty to do as with all columns."""

    @property
    def key(self) -> tuple[str]:
        return (self.column,)

    @property
    def has_source(self) -> bool:
        """Whether `source` was given. Given and empty, it deletes the stored source."""
        return "source" in self.model_fields_set


class StreamConfig(ConfigModel, title="Stream"):
    """One stream and where its columns go."""

    name: types.Text = option("Stream Name", examples=["customers"])
    """The stream's name as it arrives here: with the prefix that the connection puts before it, and
    in the same case."""
    namespace: OrBlank[str] = _optional("Namespace", examples=["public"])
    """The stream's namespace as it arrives here (often the schema of the source's database; none if
    the connection's setting is the destination's default). Needed only if several streams have this
    name; if empty, the mapping is for all of them."""
    mapping: Entries[ColumnMapping] = option("Columns", default=())
    """One entry per column. Columns without an entry are mapped by their name."""
    audience_field: OrBlank[str] = _optional("Audience Field", examples=["IN_SPRING_CAMPAIGN"])
    """The name of a custom field of type integer that says who is in this stream: a number above 0
    for everybody in it, 0 for whoever dropped out of it (with the sync mode overwrite; no contact
    is deleted). In Maileon, make a contact filter with the rule that the field is greater than
    0."""

    @property
    def key(self) -> tuple[str | None, str]:
        return self.namespace, self.name


class NoStorage(ConfigModel, title="None"):
    """Rejected records are only reported in the log, without their values."""

    storage_type: Literal["None"] = option("Storage Type")
    """None: nothing is stored."""


class S3Storage(ConfigModel, title="S3"):
    """Rejected records are stored as JSON lines in a bucket of S3 or a compatible service."""

    storage_type: Literal["S3"] = option("Storage Type")
    """S3: a bucket of Amazon S3 or a compatible service."""
    s3_bucket_name: types.TrimmedText = option("Bucket Name", examples=["airbyte-rejected-records"])
    """The bucket's name, as the list of buckets in the S3 console shows it."""
    s3_bucket_region: types.TrimmedText = option("Bucket Region", examples=["eu-central-1"])
    """The bucket's region, as the list of buckets in the S3 console shows it."""
    bucket_path: types.BucketPath = option("Bucket Path", examples=["airbyte/maileon"])
    """The folder in the bucket below which rejected records are stored. They hold personal data:
    restrict who can read the folder, and have the bucket delete old files."""
    access_key_id: OrBlank[SecretStr] = _optional("Access Key ID", airbyte_secret=True)
    """The ID of an access key that may write to the bucket (in AWS: IAM, Users, Security
    credentials). Leave both key fields empty to use the rights of the machine on which Airbyte
    runs."""
    secret_access_key: OrBlank[SecretStr] = _optional("Secret Access Key", airbyte_secret=True)
    """The secret that belongs to the access key ID. AWS shows it once, when the access key is
    created."""
    s3_endpoint: types.OptionalAddress = _optional("Endpoint", examples=["https://s3.example.com"])
    """The address of an S3-compatible service. Leave it empty for Amazon S3."""


def _with_both_keys_or_none(storage: S3Storage) -> S3Storage:
    if (storage.access_key_id is None) != (storage.secret_access_key is None):
        raise refused(
            "is incomplete: a key has an access_key_id and a secret_access_key; give both, or "
            "neither to use the rights of the machine"
        )
    return storage


_S3Storage: TypeAlias = Annotated[S3Storage, AfterValidator(_with_both_keys_or_none)]
ObjectStorage: TypeAlias = Annotated[NoStorage | _S3Storage, Field(discriminator="storage_type")]


class Config(ConfigModel, title="Destination Maileon"):
    """A configuration that is complete and without contradictions."""

    dry_run: Flag = _always_shown("Dry Run", default=False)
    """If on, records are mapped, checked and reported, but nothing is sent to Maileon, and the next
    sync reads the same records again. Switch it on for the first sync, read the log, and switch it
    off. It stops every connection to this destination, and their opt-outs: to try something later,
    make a second destination."""
    api_key: types.ApiKey = option("API Key", airbyte_secret=True)
    """Your Maileon API key. In Maileon, open the settings, then API Keys, and copy a key or create
    one. It needs the rights GET and POST, also DELETE if contacts are to be deleted or
    unsubscribed, and PUT if they are to be unsubscribed. If the key is limited to certain IP
    addresses, add those of Airbyte, or of its proxy."""
    identifier_mode: IdentifierMode = _always_shown("Recognise Contacts By", default="email")
    """How Maileon finds the contact that a record belongs to. email: by the e-mail address.
    external_id: by your own customer number; contacts that lack it are not found. maileon_id: by
    the number that Maileon gave the contact; records without one go by their e-mail address. Your
    data needs a column for it."""
    sync_mode: SyncMode = _always_shown("Existing Contacts", default="update")
    """What happens to contacts that are already in Maileon. update: their fields are overwritten
    with your data. ignore: they stay exactly as they are, and only new contacts are added."""
    update_only: Flag = option("Update Existing Contacts Only", default=False)
    """If on, only contacts that are already in Maileon are updated, and people who are not there
    are left out. If off, they are added as new contacts, with the permission below."""
    permission: NewPermission = _always_shown("Permission of New Contacts", default="not_set")
    """The permission (opt-in) that new contacts get in Maileon. Choose only what these people
    really agreed to: it decides whether you may write to them. not_set: no permission is sent; new
    contacts then have none, and existing contacts keep theirs in any case. none: Maileon is told
    that these people agreed to nothing; with the option below existing contacts lose their
    permission, too. If your data knows the permission of each person, map its column to the target
    permission instead."""
    override_permission: Flag = option("Override Permission of Existing Contacts", default=False)
    """If on, contacts that are already in Maileon get the permission above as well, even if theirs
    was higher or lower: a double opt-in can be lost, or claimed for people who never gave it. If
    off, existing contacts keep their permission. Without a permission this has no effect."""
    reimport_unsubscribed_contacts: Flag = option("Reimport Unsubscribed Contacts", default=False)
    """If on, people who unsubscribed are added again as soon as they appear in your data, and are
    written to again: switch this on only if they agreed again. If off, they stay unsubscribed."""
    streams: Entries[StreamConfig] = _always_shown("Column Mapping", default=())
    """Which column goes to which field in Maileon, or says who has unsubscribed. Needed only where
    the names differ: columns that are named like an identifier (email), like a standard field
    (first_name), like a custom field of your account or just unsubscribe are mapped automatically.
    Add one entry per stream."""
    unmapped_columns: UnmappedColumns = _always_shown("Columns Without a Field", default="ignore")
    """What happens to columns that have no field in Maileon. ignore: they are left out, and a
    warning names them. create: a custom field is added to your Maileon account for each. fail: the
    sync stops before anything is sent."""
    null_values: NullValues = option("Null Values", default="keep")
    """What happens when a record has no value (null) in a column. keep: the value that Maileon
    holds stays. clear: it is removed. Identifiers, permission and preferences are never cleared."""
    truncate_long_text: Flag = option("Truncate Long Text", default=False)
    """If on, text is cut at the 255 characters that a field in Maileon holds. If off, Maileon
    refuses a contact with longer text, and it is reported as rejected."""
    deleted_records: DeletedRecords = option("Deleted Records", default="ignore")
    """What happens to a contact whose record was deleted at the source (CDC sources say so; or map
    a column to the target deleted). ignore: it stays as it is. unsubscribe: it is unsubscribed.
    delete: it is removed from Maileon with everything stored about it, which cannot be undone."""
    max_deleted_records: types.Count | None = _optional("Maximum Deleted Records", examples=[1000])
    """The sync stops before it deletes or unsubscribes more contacts than this: this protects you
    if a table at the source is emptied by mistake. Each run counts from zero and may remove as many
    again: after such a stop pause the connection and look at the source first. Leave it empty for
    no limit."""
    max_audience_leavers_percent: types.Percent | None = _optional(
        "Maximum Audience Leavers Percent", examples=[20]
    )
    """The sync stops before a larger share of an audience's members than this drops out of it: this
    protects you if a table at the source is incomplete. Leave it empty for no limit."""
    object_storage_config: ObjectStorage = option(
        "Storage for Rejected Records", default=NoStorage(storage_type="None"), type="object"
    )
    """Where rejected records are kept, so that they can be corrected and sent again."""
    ignore_invalid_contacts: Flag = option("Continue When Contacts Are Rejected", default=True)
    """If on, contacts that Maileon refuses (an invalid address, a text that is too long) are
    reported, and all others are written. If off, the first of them fails the sync."""
    max_rejected_records: types.Count | None = _optional("Maximum Rejected Records", examples=[500])
    """The sync fails once more records than this were rejected. Leave it empty for no limit."""
    max_rejected_percent: types.Percent | None = _optional("Maximum Rejected Percent", examples=[5])
    """The sync fails once a larger share of its records than this was rejected, judged from 100
    records on and at the end. Leave it empty for no limit."""
    identifiers_in_logs: IdentifiersInLogs = option("Identifiers in Logs", default="masked")
    """How a person is named in log lines. masked: by the first letter and the ending of the domain.
    full: by the whole address or number, for everybody who can read the logs of the connection."""
    base_url: types.Address = _hidden("Base URL", default=API_URL, examples=[API_URL])
    """The address of Maileon's API. Change it only if Maileon's support told you to, or for a test
    system."""
    batch_size: types.Whole = _hidden("Batch Size", default=1_000, ge=1, le=10_000)
    """How many contacts one call holds at most."""
    max_batch_bytes: types.Whole = _hidden(
        "Maximum Batch Bytes", default=8_000_000, ge=1_000, le=9_000_000
    )
    """How many bytes one call holds at most."""
    concurrent_requests: types.Whole = _hidden("Concurrent Requests", default=8, ge=1, le=16)
    """How many calls are made at the same time at most. The connector makes fewer
    while Maileon answers slowly."""
    flush_interval_seconds: types.Seconds = _hidden("Flush Interval in Seconds", default=60)
    """How long a record waits at most for its batch to fill."""
    request_timeout_seconds: types.Seconds = _hidden("Request Timeout in Seconds", default=120)
    """How long one call may take, from connecting to the end of the answer."""
    max_retry_seconds: types.Seconds = _hidden("Maximum Retry Time in Seconds", default=900)
    """How long a call that fails is tried again before the sync fails."""


def titled(key: str) -> str:
    """A key as messages name it: by the title that the form shows, the key itself behind it."""
    return f'"{Config.model_fields[key].title}" ({key})'


DOCUMENTATION_URL = "https://support.maileon.com/support/synchronize-contacts/"
"""Of the call that writes contacts; Airbyte's site has no page of this connector."""
SYNC_MODES = ("append", "append_dedup", "overwrite")
"""Without data activation, whose modes `discover` tells; overwrite only for audiences."""
GROUPS = (
    ("safety", "Try It First", "dry_run"),
    ("account", "Maileon Account", "api_key"),
    ("contacts", "Contacts", "identifier_mode"),
    ("consent", "Consent", "permission"),
    ("mapping", "Columns and Fields", "streams"),
    ("removal", "Deletions", "deleted_records"),
    ("rejected", "Rejected Records", "object_storage_config"),
    ("advanced", "Advanced", "base_url"),
)
"""The form's headings in their order: name, title, and the first option that stands below it."""


def specification() -> Schema:
    """The content of the SPEC message."""
    return {
        "documentationUrl": DOCUMENTATION_URL,
        "supportsIncremental": True,
        "supported_destination_sync_modes": list(SYNC_MODES),
        "connectionSpecification": connection_specification(),
    }


@cache
def connection_specification() -> Schema:
    """The JSON Schema of the configuration, without `$ref`, `$defs`, `anyOf` and `allOf`.

    Unknown keys pass it: the platform reads `additionalProperties: false` as a promise that no key
    will ever go, and the model refuses them in words that name the key that was meant.
    """
    schema = Config.model_json_schema()
    schema = _flat(schema, schema["$defs"])
    begins = {key: group for group, _, key in GROUPS}
    group = ""
    for key, node in schema["properties"].items():
        node["group"] = group = begins.get(key, group)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": schema["title"],
        "type": "object",
        "required": schema["required"],
        "additionalProperties": True,
        "groups": [{"id": group, "title": title} for group, title, _ in GROUPS],
        "properties": schema["properties"],
    }


_PYDANTICS_OWN = ("$defs", "additionalProperties", "discriminator", "format", "writeOnly")
"""Left out: unknown keys are refused by the model, and secrets are marked by `airbyte_secret`."""


def _flat(node: Any, definitions: Schema) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(node, list):
        return [_flat(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    node = _resolved(node, definitions)
    flat = {
        name: value if name in {"default", "examples"} else _flat(value, definitions)
        for name, value in node.items()
        if name not in {*_PYDANTICS_OWN, "properties"}
    }
    if "properties" in node:
        # Their names are no keywords.
        flat["properties"] = {
            name: {**_flat(schema, definitions), "order": order}
            for order, (name, schema) in enumerate(node["properties"].items())
        }
    return flat


def _resolved(node: Schema, definitions: Schema) -> Schema:
    """The node with what it refers to; what it says itself counts more, but for a null default."""
    own = {key: value for key, value in node.items() if (key, value) != ("default", None)}
    if reference := own.pop("$ref", None):
        # The description stands first.
        target = {"description": "", **definitions[reference.rpartition("/")[2]]}
    elif choices := own.pop("anyOf", None):
        (target,) = (choice for choice in choices if choice != {"type": "null"})
    else:
        return own
    return _resolved({**target, **own}, definitions)
