"""The settings for what Maileon's pages leave open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

import pytest
import requests

from maileon_sandbox import Sandbox
from maileon_sandbox.rules import AcceptedEmpty, LengthUnit, Rules, choices_of_rules
from maileon_sandbox.tests.client import Client, contact


@contextmanager
def connected(sandbox: Sandbox) -> Iterator[Client]:
    with sandbox, Client(sandbox.base_url, sandbox.api_key) as client:
        yield client


@pytest.mark.parametrize("name", choices_of_rules())
def test_a_value_that_a_setting_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        Rules(**{name: "another"})  # type: ignore[arg-type]


EMPTY = {
    "gender": contact(email="a@example.com", standard={"GENDER": ""}),
    "birthday": contact(email="a@example.com", standard={"BIRTHDAY": ""}),
    "size": contact(email="a@example.com", custom={"size": ""}),
}


@pytest.mark.parametrize(
    ("accepted", "cleared"),
    [("nothing", []), ("gender", ["gender"]), ("everything", [*EMPTY])],
)
def test_an_empty_value_of_a_typed_field_is_refused_or_clears_it(
    accepted: AcceptedEmpty, cleared: list[str]
) -> None:
    sandbox = Sandbox(rules=Rules(accepts_empty=accepted))
    sandbox.account.add_custom_field("size", "integer")
    sandbox.account.add_contact(
        "a@example.com",
        standard_fields={"GENDER": "f", "BIRTHDAY": "2001-02-03"},
        custom_fields={"size": "1"},
    )
    with connected(sandbox) as client:
        reports = {name: client.synchronize(sent) for name, sent in EMPTY.items()}
    assert [name for name, report in reports.items() if not report.invalid] == cleared
    (known,) = sandbox.account.contacts()
    assert len(known.standard_fields) + len(known.custom_fields) == 3 - len(cleared)


@pytest.mark.parametrize("accepted", ["nothing", "everything"])
def test_an_empty_text_is_a_text(accepted: AcceptedEmpty) -> None:
    sandbox = Sandbox(rules=Rules(accepts_empty=accepted))
    with connected(sandbox) as client:
        client.synchronize(contact(email="a@example.com", standard={"CITY": ""}))
    assert sandbox.account.contacts()[0].standard_fields == {"CITY": ""}


@pytest.mark.parametrize(("unit", "invalid"), [("code_points", 0), ("utf16", 1)])
def test_an_emoji_counts_as_one_character_or_as_two(unit: LengthUnit, invalid: int) -> None:
    with connected(Sandbox(rules=Rules(length_unit=unit))) as client:
        report = client.synchronize(
            contact(email="a@example.com", standard={"CITY": "x" * 254 + "\N{GRINNING FACE}"}),
            contact(email="b@example.com", standard={"CITY": "\u00e4" * 255}),
        )
    assert report.invalid == invalid


def test_a_longer_body_than_the_setting_says_is_413() -> None:
    with connected(Sandbox(rules=Rules(max_body_bytes=100))) as client:
        assert client.post(contact(email="a@example.com")).status_code == 200
        assert client.post(contact(email="a@example.com") * 2).status_code == 413


def test_the_command_line_takes_every_setting() -> None:
    options = ["--unsubscribed-keep", "address", "--moves-within-call", "--max-body-bytes", "10"]
    command = [sys.executable, "-m", "maileon_sandbox", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base_url = process.stdout.readline().split()[-1]
        address = f"{base_url.removesuffix('/1.0')}/_sandbox/state"
        shown = requests.get(address, timeout=60).json()["rules"]
        process.terminate()
    assert shown == {
        **{rule.name: rule.default for rule in fields(Rules)},
        "unsubscribed_keep": "address",
        "moves_within_call": True,
        "max_body_bytes": 10,
    }
