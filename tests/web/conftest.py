"""The web interface in a real Chromium, on a real stack with the demo's organization.

`agent`, `manager` and `owner` are pages of members who are signed in; `open_page` opens any other. A page that writes
an error into its console fails its test. Pictures go to build/screenshots, or to $PGDESK_SCREENSHOTS.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from infra.local.ports import free_ports
from infra.local.settings import Settings
from infra.local.stack import Stack
from pgdesk import demo, web
from pgdesk.environment import ROOT
from pgdesk.seed import Desk, seed
from pgdesk.up import build_stack, with_web

CHROMIUM = os.environ.get("PGDESK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
# Without these it looks for its maker's hosts. As root it has no sandbox of its own.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SHOTS = Path(os.environ.get("PGDESK_SCREENSHOTS") or ROOT / "build" / "screenshots")
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
# A machine that does much else is slow, and not broken.
expect.set_options(timeout=15_000)
AXE_RUN = """([within, tags]) =>
  axe.run({ include: within }, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] })"""
# Colours are there some frames after another theme, though nothing is seen to move.
SETTLED = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  const moving = document.getAnimations().filter(each => each instanceof CSSTransition);
  await Promise.allSettled(moving.map(each => each.finished));
}"""
# What supabase-js keeps a session under: "sb-", the first part of the host's name, "-auth-token".
SESSION_KEY = "sb-127-auth-token"


@dataclass
class Site:
    """A stack with its pages, and the demo's organization on it."""

    settings: Settings
    stack: Stack
    desk: Desk

    @property
    def url(self) -> str:
        return self.settings.pages_url

    @property
    def inbox(self) -> str:
        return f"{self.url}/inbox/{self.desk.slug}"

    def session(self, email: str) -> dict[str, Any]:
        """A session of Auth, as supabase-js keeps it."""
        with httpx.Client(base_url=self.settings.api_url, headers=self.headers) as client:
            answer = client.post(
                "/auth/v1/token?grant_type=password", json={"email": email, "password": self.desk.password}
            )
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

    @property
    def headers(self) -> dict[str, str]:
        return {"apikey": self.settings.keys.publishable_key}

    def rest(self, email: str) -> httpx.Client:
        """The REST API as a member."""
        token = self.session(email)["access_token"]
        headers = self.headers | {"authorization": f"Bearer {token}", "prefer": "return=representation"}
        return httpx.Client(base_url=f"{self.settings.api_url}/rest/v1", headers=headers, timeout=20)


@dataclass
class Opened:
    """Pages of one test, and what they complained of."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    # Parts of what a test means to be complained of: a refused request is written into the console by Chromium itself.
    expected: list[str] = field(default_factory=list)

    def page(self, session: dict[str, Any] | None = None, **options: Any) -> Page:
        # Without motion nothing is looked at half-way between two colours.
        usual = {"viewport": DESKTOP, "locale": "en-GB", "reduced_motion": "reduce"}
        context = self.browser.new_context(**(usual | options))
        self.contexts.append(context)
        if session:
            kept = json.dumps([SESSION_KEY, json.dumps(session)])
            context.add_init_script(f"localStorage.getItem({kept}[0]) ?? localStorage.setItem(...{kept})")
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture(scope="session")
def pages() -> None:
    """web/dist, built if need be."""
    if CHROMIUM is None:
        pytest.skip("Chromium is absent: install it, or name it in PGDESK_CHROMIUM")
    web.build()


@pytest.fixture(scope="session")
def site(pages: None) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="pgdesk-web-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        api, database, mail, queue, functions, pages_port = free_ports(6)
        settings = Settings(
            data=Path(folder) / "data", api_port=api, db_port=database, mail_port=mail, queue_port=queue,
            functions_port=functions, pages_port=pages_port,
        )  # fmt: skip
        settings = with_web(replace(settings, auth={"site_url": f"{settings.pages_url}/inbox/"}))
        with build_stack(settings) as stack:
            desk = seed(settings)
            with demo.database(settings) as connection:  # what it knows is indexed and learned
                demo.wait_until_done(connection)
            yield Site(settings, stack, desk)


@pytest.fixture(scope="package")
def browser(pages: None) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    found = Opened(browser)
    yield found
    found.close()
    complaints = [each for each in found.complaints if not any(part in each for part in found.expected)]
    assert not complaints, complaints


@pytest.fixture
def open_page(site: Site, opened: Opened) -> Callable[..., Page]:
    """Opens a page: `open_page("ines")` as the member ines@…, `open_page()` as nobody; options are the context's."""

    def make(name: str | None = None, **options: Any) -> Page:
        return opened.page(site.session(f"{name}@kestrel-outdoor.example") if name else None, **options)

    return make


@pytest.fixture
def agent(open_page: Callable[..., Page]) -> Page:
    return open_page("ines")


@pytest.fixture
def manager(open_page: Callable[..., Page]) -> Page:
    return open_page("tom")


@pytest.fixture
def owner(open_page: Callable[..., Page]) -> Page:
    return open_page("maya")


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page in both themes."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=SHOTS / f"{name}-{theme}.png")
    page.emulate_media(color_scheme="light")


def violations(page: Page, *within: str) -> list[str]:
    """What axe finds against WCAG 2.2 AA, in both themes: rule and element; of the page, or of parts of it."""
    asked = [[[each] for each in within or ("html",)], WCAG]
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.evaluate(SETTLED)
        report = page.evaluate(AXE_RUN, asked)
        if any(rule["id"] == "color-contrast" for rule in report["violations"]):
            # A machine that is slow may still be painting the other theme.
            page.wait_for_timeout(500)
            report = page.evaluate(AXE_RUN, asked)
        for rule in report["violations"]:
            found += [f"{theme}: {rule['id']}: {node['html'][:160]}" for node in rule["nodes"]]
    page.emulate_media(color_scheme="light")
    return found
