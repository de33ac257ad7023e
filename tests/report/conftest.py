"""Pages in a real browser; and makes the helper modules beside the tests importable: test folders are no packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import devtools


@pytest.fixture(scope="module")
def browser():
    with devtools.page() as page:
        yield page


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a page, given as text; afterwards nothing may have gone wrong in it and nothing been fetched."""
    browser.problems.clear()
    browser.requests.clear()

    def opened(text, **options):
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        browser.open(path, **options)
        return browser

    yield opened
    assert browser.problems == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []
    assert len(browser.requests) == 1
