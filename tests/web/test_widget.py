"""The widget on a page of another site, under that page's own policy."""

from __future__ import annotations

import gzip

from pgdesk import web


def test_the_loader_and_the_panel_are_small(pages: None) -> None:
    loader = len(gzip.compress((web.DIST / "widget.js").read_bytes()))
    # All that there is, also what only comes with the first article.
    panel = sum(len(gzip.compress(file.read_bytes())) for file in (web.DIST / "widget").glob("*.js"))
    assert loader <= 10_000
    assert loader + panel <= 80_000
