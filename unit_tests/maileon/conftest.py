"""No test of the API client depends on what the environment says of proxies and certificates."""

from __future__ import annotations

import pytest

_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUESTS_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*_VARIABLES, "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NETRC"):
        for spelling in (name, name.lower(), name.upper()):
            monkeypatch.delenv(spelling, raising=False)
