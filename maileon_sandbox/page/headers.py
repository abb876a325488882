"""The headers of every answer: a browser may show the page, and nothing else.

Values are escaped by the templates; should one not be, these keep it from becoming a script.
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
        # People are in it; nothing of them is to stay in a browser's cache.
        response.headers["Cache-Control"] = "no-store"
    return response
