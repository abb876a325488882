"""Custom fields, preference categories and preferences over HTTP.

Sources: Maileon docs, custom contact fields (names, types), Rename and Delete Custom Field, Create,
Update and Delete Contact Preference and Contact Preference Category (limits, statuses); paths as in
the official clients. The 400 for a name that already exists is assumed.
"""

from __future__ import annotations

from collections.abc import Container

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from maileon_sandbox.account.definitions import (
    rename_category,
    rename_custom_field,
    rename_preference,
)
from maileon_sandbox.contacts.sent_contacts import MalformedError, parse_xml
from maileon_sandbox.http.context import current_account
from maileon_sandbox.routes.responses import Element, element, empty, error, missing, xml
from maileon_sandbox.vocabulary import (
    CREATABLE_TYPES,
    MAX_PREFERENCES_PER_CATEGORY,
    MAX_TEXT_CHARACTERS,
    RESERVED_NAMES,
    STANDARD_FIELDS,
)

routes = Blueprint("definitions", __name__)

_NAME_CHARACTERS = range(3, 65)


@routes.get("/contacts/fields/custom")
def list_custom_fields() -> Response:
    with current_account().lock:
        fields = list(current_account().custom_fields.items())
    return xml(
        element(
            "custom_fields",
            *(
                element("custom_field", element("name", text=name), element("type", text=type_))
                for name, type_ in fields
            ),
        )
    )


@routes.post("/contacts/fields/custom/<name:name>")
def create_custom_field(name: str) -> Response:
    with current_account().lock:
        if problem := _problem_with_field(name, request.args.get("type", "")):
            return error(400, problem)
        current_account().add_custom_field(name, request.args["type"])
        return empty(201)


@routes.put("/contacts/fields/custom/<name:old>/<name:new>")
def rename_field(old: str, new: str) -> Response:
    with current_account().lock:
        if old not in current_account().custom_fields:
            return missing("custom field")
        if problem := _problem_with_name(new):
            return error(400, problem)
        rename_custom_field(current_account(), old, new)
        return empty()


@routes.delete("/contacts/fields/custom/<name:name>")
def delete_custom_field(name: str) -> Response:
    with current_account().lock:
        if name not in current_account().custom_fields:
            return missing("custom field")
        rename_custom_field(current_account(), name, None)
        return empty()


def _problem_with_field(name: str, type_: str) -> str | None:
    if type_ not in CREATABLE_TYPES:
        return f"type must be one of {', '.join(sorted(CREATABLE_TYPES))}"
    return _problem_with_name(name)


def _problem_with_name(name: str) -> str | None:
    if len(name) not in _NAME_CHARACTERS or not name.isprintable():
        return "the name of a custom field must have 3 to 64 characters"
    if name.upper() in STANDARD_FIELDS or name.lower() in RESERVED_NAMES:
        return f"the name {name!r} is reserved"
    if name in current_account().custom_fields:
        return f"a custom field {name!r} exists already"
    return None


# Preference categories


@routes.get("/contacts/preference_categories")
def list_categories() -> Response:
    with current_account().lock:
        shown = [_category(name) for name in current_account().preferences]
    return xml(element("preference_categories", *shown))


@routes.post("/contacts/preference_categories")
def create_category() -> Response:
    with current_account().lock:
        name, description = _sent_definition("preference_category")
        _require_new(name, current_account().preferences)
        current_account().add_preference_category(name, description)
        return empty(201)


@routes.get("/contacts/preference_categories/<name:category>")
def get_category(category: str) -> Response:
    with current_account().lock:
        _preferences_of(category)
        return xml(_category(category))


@routes.put("/contacts/preference_categories/<name:category>")
def update_category(category: str) -> Response:
    with current_account().lock:
        _preferences_of(category)
        name, description = _sent_definition("preference_category")
        if name != category:
            _require_new(name, current_account().preferences)
            rename_category(current_account(), category, name)
        current_account().category_descriptions[name] = description
        return empty()


@routes.delete("/contacts/preference_categories/<name:category>")
def delete_category(category: str) -> Response:
    with current_account().lock:
        _preferences_of(category)
        rename_category(current_account(), category, None)
        return empty()


def _category(name: str) -> Element:
    description = current_account().category_descriptions.get(name, "")
    return _definition("preference_category", name=name, description=description)


# Preferences


@routes.get("/contacts/preference_categories/<name:category>/preferences")
def list_preferences(category: str) -> Response:
    with current_account().lock:
        preferences = _preferences_of(category)
        shown = [_definition("preference", name=n, description=d) for n, d in preferences.items()]
    return xml(element("preferences", *shown))


@routes.post("/contacts/preference_categories/<name:category>/preferences")
def create_preference(category: str) -> Response:
    with current_account().lock:
        preferences = _preferences_of(category)
        name, description = _sent_definition("preference")
        _require_new(name, preferences)
        if len(preferences) >= MAX_PREFERENCES_PER_CATEGORY:
            return error(400, f"a category has at most {MAX_PREFERENCES_PER_CATEGORY} preferences")
        current_account().add_preference(category, name, description=description)
        return empty(201)


@routes.get("/contacts/preference_categories/<name:category>/preferences/<name:name>")
def get_preference(category: str, name: str) -> Response:
    with current_account().lock:
        description = _description_of(category, name)
    return xml(_definition("preference", name=name, description=description))


@routes.put("/contacts/preference_categories/<name:category>/preferences/<name:name>")
def update_preference(category: str, name: str) -> Response:
    with current_account().lock:
        _description_of(category, name)
        new, description = _sent_definition("preference")
        if new != name:
            _require_new(new, current_account().preferences[category])
            rename_preference(current_account(), (category, name), new)
        current_account().preferences[category][new] = description
        return empty()


@routes.delete("/contacts/preference_categories/<name:category>/preferences/<name:name>")
def delete_preference(category: str, name: str) -> Response:
    with current_account().lock:
        _description_of(category, name)
        rename_preference(current_account(), (category, name), None)
        return empty()


def _preferences_of(category: str) -> dict[str, str]:
    try:
        return current_account().preferences[category]
    except KeyError:
        raise NotFound("preference category not found") from None


def _description_of(category: str, name: str) -> str:
    try:
        return _preferences_of(category)[name]
    except KeyError:
        raise NotFound("preference not found") from None


def _require_new(name: str, names: Container[str]) -> None:
    if name in names:
        raise BadRequest(f"{name!r} exists already")


def _definition(tag: str, *, name: str, description: str) -> Element:
    return element(tag, element("name", text=name), element("description", text=description))


def _sent_definition(tag: str) -> tuple[str, str]:
    """The name and the description in the body."""
    try:
        root = parse_xml(request.get_data())
    except MalformedError as problem:
        raise BadRequest(str(problem)) from None
    name, description = root.findtext("name") or "", root.findtext("description") or ""
    if root.tag != tag or not name or max(len(name), len(description)) > MAX_TEXT_CHARACTERS:
        raise BadRequest(f"the body must be a <{tag}> with a <name> of 1 to 255 characters")
    return name, description
