"""The page as a person reads it, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser

import requests

from maileon_sandbox import Sandbox


class Words(HTMLParser):
    """The text of a page, and the tags in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        # A possible line break is no space between words.
        if self.tags[-1:] == ["wbr"] and self.text:
            self.text[-1] += data
        else:
            self.text.append(data)


def address(sandbox: Sandbox, path: str) -> str:
    return f"{sandbox.url}/page/{path}" if path else f"{sandbox.url}/"


def show(sandbox: Sandbox, path: str = "", **query: str | int) -> str:
    """The visible text of the page, in one line."""
    answer = requests.get(address(sandbox, path), params=query, timeout=60)
    assert answer.status_code == 200
    return " ".join(" ".join(Words(answer.text).text).split())
