"""What every unit test says is looked through: no library says anything, and nobody says a key.

Every log is on meanwhile, at every level.
"""

from __future__ import annotations

import logging
from collections.abc import Generator

import pytest

from integration_tests.silence import key_forms
from maileon_sandbox.sandbox import DEMO_KEY

LIBRARIES = frozenset(
    {"asyncio", "boto3", "botocore", "charset_normalizer", "requests", "s3transfer", "urllib3"}
)
"""That the connector uses, and which could log."""

_KEYS = ("KEY", "KEY_ID", "SECRET")
"""Under these names a test module has what must not be said."""


class Ear(logging.Handler):
    """Remembers who said something."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.heard: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.add(record.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    del item
    root, ear = logging.getLogger(), Ear()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.NOTSET)
    try:
        result = yield
    finally:
        root.removeHandler(ear)
        root.setLevel(level)
    assert [name for name in ear.heard if name.partition(".")[0] in LIBRARIES] == []
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    said = f"{report.capstdout}{report.capstderr}{report.caplog}"
    module = getattr(item, "module", None)
    keys = [getattr(module, name, None) for name in _KEYS]
    forms = [form for key in (DEMO_KEY, *keys) if isinstance(key, str) for form in key_forms(key)]
    if report.when == "call" and any(form in said for form in forms):
        report.outcome, report.longrepr = "failed", "its output holds a key"
    return report
