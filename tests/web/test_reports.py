"""Dashboards: numbers as the database reports them, for the days in the address."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import PHONE, Site, shot, violations


def test_a_report_shows_what_the_database_counts(site: Site, manager: Page) -> None:
    with site.rest("tom@kestrel-outdoor.example") as rest:
        for number in range(3):
            opened = {"organization_id": str(site.desk.organization_id), "subject": f"Report {number}", "body": "text"}
            contact = {"organization_id": str(site.desk.organization_id), "email": f"report{number}@people.example"}
            who = rest.post("/rpc/upsert_contact", json=contact).json()
            who = who[0] if isinstance(who, list) else who
            rest.post("/rpc/open_ticket", json=opened | {"contact_id": who["id"]}).raise_for_status()
        asked = {"organization_id": str(site.desk.organization_id), "since": "2020-01-01", "until": "2025-12-31"}
        assert [row["created"] for row in rest.post("/rpc/metrics", json=asked).json()] in ([], [0])
    page = manager
    page.goto(f"{site.inbox}/reports?since=2020-01-01&until=2025-12-31")
    tile = page.locator("dl > div").filter(has_text="New tickets")
    expect(tile).to_contain_text("0")
    page.get_by_label("Days").select_option("7d")
    expect(page).to_have_url(re.compile(r"range=7d"))
    expect(page.get_by_role("figure", name="Tickets by day")).to_be_visible()


def test_every_picture_is_a_table_too_and_all_of_it_a_file(site: Site, manager: Page) -> None:
    page = manager
    page.goto(f"{site.inbox}/reports?range=7d")
    figure = page.get_by_role("figure", name="Tickets by day")
    figure.get_by_role("button", name="As a table").click()
    expect(figure.get_by_role("row")).to_have_count(8)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Export CSV").click()
    text = Path(taken.value.path()).read_text(encoding="utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(text)))) == 7


@pytest.mark.full
def test_reports_are_for_everybody_to_read(site: Site, manager: Page) -> None:
    page = manager
    for tab in ("", "/agents", "/ai"):
        page.goto(f"{site.inbox}/reports{tab}")
        expect(page.get_by_role("heading", name="Reports")).to_be_visible()
        expect(page.locator("[role=status]").filter(has_text="Loading")).to_have_count(0)
        shot(page, f"reports{tab.replace('/', '-')}")
        assert violations(page) == []
    page.set_viewport_size(PHONE)
    page.goto(f"{site.inbox}/reports")
    expect(page.get_by_role("figure", name="Tickets by day")).to_be_visible()
    shot(page, "reports-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
