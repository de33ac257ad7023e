"""The elements of a page, for tests of what it holds."""

from __future__ import annotations

from html.parser import HTMLParser


class Outline(HTMLParser):
    """Which elements a page has, with their attributes and the text of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data

    def count(self, tag):
        return sum(found == tag for found, _ in self.elements)
