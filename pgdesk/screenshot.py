"""Makes docs/inbox.png: `.venv/bin/python -m pgdesk.screenshot`, beside a stack that runs by `make up`.

Replays the demo's mailbox where nothing has come in yet, then opens a ticket that the AI has drafted an answer for.
"""

from __future__ import annotations

import shutil
import sys

import psycopg
from chalicelib.kit.database import queries
from playwright.sync_api import expect, sync_playwright
from psycopg.rows import dict_row
from rich.console import Console

from pgdesk.demo import run
from pgdesk.environment import ROOT, load_dotenv, stack_settings
from pgdesk.seed import seed

TARGET = ROOT / "docs" / "inbox.png"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SQL = queries(__file__)


def main() -> int:
    load_dotenv()
    settings = stack_settings()
    desk = seed(settings)
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row) as connection:
        if not connection.execute(SQL["drafted_ticket"], {"organization": desk.organization_id}).fetchone():
            run(settings, None, None, keep=False, console=Console())
        found = connection.execute(SQL["drafted_ticket"], {"organization": desk.organization_id}).fetchone()
    assert found, "the AI has drafted nothing"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce", locale="en-GB")
        page.goto(f"{settings.pages_url}/inbox/{desk.slug}")
        page.get_by_label("E-mail").fill(desk.login)
        page.get_by_label("Password").fill(desk.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("link", name="All open").click()
        page.wait_for_url("**/view/*")
        page.goto(f"{page.url}/{found['number']}")
        expect(page.get_by_text("AI draft")).to_be_visible()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=TARGET)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
