"""The headers of every answer: a browser may show the page and do nothing else.

The templates escape all values; if one is missed, these headers keep it from running as a script.
"""

from __future__ import annotations

from flask import Response, request

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def with_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if request.endpoint != "page.static":
        # The pages hold personal data, which must not stay in a browser's cache.
        response.headers["Cache-Control"] = "no-store"
    return response
