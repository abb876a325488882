"""Custom fields, preference categories and preferences over HTTP.

Decides alone which definitions the account accepts. Sources: Maileon docs, custom contact fields
(names, types), Create Contact Preference (limits); paths as in the official clients. That a name
which exists already is answered with 400 is assumed.
"""

from __future__ import annotations

from flask import Blueprint, Response, request
from lxml import etree

from maileon_sandbox.answers import element, empty, error, missing, xml
from maileon_sandbox.vocabulary import (
    CREATABLE_TYPES,
    MAX_PREFERENCES_PER_CATEGORY,
    MAX_TEXT_CHARACTERS,
    RESERVED_NAMES,
    STANDARD_FIELDS,
)
from maileon_sandbox.world import here

routes = Blueprint("definitions", __name__)

_NAME_CHARACTERS = range(3, 65)


@routes.get("/contacts/fields/custom")
def list_custom_fields() -> Response:
    with here().account.lock:
        fields = list(here().account.custom_fields.items())
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
    with here().account.lock:
        if problem := _problem_with_field(name, request.args.get("type", "")):
            return error(400, problem)
        here().account.add_custom_field(name, request.args["type"])
        return empty(201)


def _problem_with_field(name: str, type_: str) -> str | None:
    if type_ not in CREATABLE_TYPES:
        return f"type must be one of {', '.join(sorted(CREATABLE_TYPES))}"
    if len(name) not in _NAME_CHARACTERS or not name.isprintable():
        return "the name of a custom field must have 3 to 64 characters"
    if name.upper() in STANDARD_FIELDS or name.lower() in RESERVED_NAMES:
        return f"the name {name!r} is reserved"
    if name in here().account.custom_fields:
        return f"a custom field {name!r} exists already"
    return None


def _definition(tag: str, *, name: str, description: str) -> etree._Element:
    return element(tag, element("name", text=name), element("description", text=description))


@routes.get("/contacts/preference_categories")
def list_categories() -> Response:
    with here().account.lock:
        descriptions = here().account.category_descriptions
        categories = [(name, descriptions.get(name, "")) for name in here().account.preferences]
    return xml(
        element(
            "preference_categories",
            *(_definition("preference_category", name=n, description=d) for n, d in categories),
        )
    )


@routes.post("/contacts/preference_categories")
def create_category() -> Response:
    with here().account.lock:
        sent = _sent_definition("preference_category")
        if isinstance(sent, Response):
            return sent
        name, description = sent
        if name in here().account.preferences:
            return error(400, f"a preference category {name!r} exists already")
        here().account.add_preference_category(name, description)
        return empty(201)


@routes.get("/contacts/preference_categories/<name:category>/preferences")
def list_preferences(category: str) -> Response:
    with here().account.lock:
        preferences = here().account.preferences.get(category)
        if preferences is None:
            return missing("preference category")
        shown = [_definition("preference", name=n, description=d) for n, d in preferences.items()]
    return xml(element("preferences", *shown))


@routes.post("/contacts/preference_categories/<name:category>/preferences")
def create_preference(category: str) -> Response:
    with here().account.lock:
        preferences = here().account.preferences.get(category)
        if preferences is None:
            return missing("preference category")
        sent = _sent_definition("preference")
        if isinstance(sent, Response):
            return sent
        name, description = sent
        if name in preferences:
            return error(400, f"a preference {name!r} exists already")
        if len(preferences) >= MAX_PREFERENCES_PER_CATEGORY:
            return error(400, f"a category has at most {MAX_PREFERENCES_PER_CATEGORY} preferences")
        here().account.add_preference(category, name, description=description)
        return empty(201)


def _sent_definition(tag: str) -> tuple[str, str] | Response:
    """Name and description of the body, or what to answer if it has none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(request.get_data(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return error(400, "the body is not well-formed XML")
    name, description = root.findtext("name") or "", root.findtext("description") or ""
    if root.tag != tag or not name or max(len(name), len(description)) > MAX_TEXT_CHARACTERS:
        return error(400, f"the body must be a <{tag}> with a <name> of 1 to 255 characters")
    return name, description
