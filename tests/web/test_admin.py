"""Admins at work: an article is written and found, programs are told of events and get keys, what got stuck goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Site, shot, violations

OWNER = "maya@kestrel-outdoor.example"


@pytest.fixture
def receiver() -> Iterator[str]:
    """Another program, which takes what it is told."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"taken, thank you")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/desk"
        server.shutdown()


def test_an_article_is_written_published_and_found(site: Site, agent: Page) -> None:
    agent.goto(f"{site.inbox}/knowledge/new")
    agent.get_by_label("Title", exact=True).fill("How to mend a zip of a Quillwort bivvy")
    agent.get_by_label("Text", exact=True).fill("Rub the zip of the **Quillwort** with beeswax.")
    expect(agent.get_by_role("region", name="Preview").locator("strong")).to_have_text("Quillwort")
    agent.get_by_role("button", name="Publish").click()
    expect(agent.get_by_text("Version 1")).to_be_visible()

    agent.get_by_label("Text", exact=True).fill("Rub the zip of the **Quillwort** with candle wax.")
    agent.keyboard.press("Control+s")
    expect(agent.get_by_text("Version 2")).to_be_visible()
    agent.get_by_role("button", name="Versions").click()
    agent.get_by_role("dialog").get_by_role("button", name="Version 1").click()
    expect(agent.get_by_role("dialog").locator("[data-kind=out]")).to_contain_text("beeswax")
    shot(agent, "knowledge-versions")
    assert violations(agent) == []
    agent.keyboard.press("Escape")

    agent.get_by_placeholder("Find by title").fill("quillwort")
    expect(agent.get_by_role("link", name="How to mend a zip of a Quillwort bivvy")).to_be_visible()
    shot(agent, "knowledge-article")
    assert violations(agent) == []
    wanted = {"organization_id": str(site.desk.organization_id), "query": "quillwort candle"}
    with site.rest(OWNER) as rest:
        deadline = time.monotonic() + 20
        while not (found := rest.post("/rpc/search_articles", json=wanted).json()) and time.monotonic() < deadline:
            agent.wait_for_timeout(100)
    assert "candle wax" in found[0]["excerpt"]


def test_an_endpoint_is_made_and_its_test_event_arrives(site: Site, owner: Page, receiver: str) -> None:
    owner.goto(f"{site.inbox}/settings/webhooks")
    owner.get_by_role("button", name="New endpoint").click()
    owner.get_by_label("Address").fill(receiver)
    owner.get_by_role("button", name="Make endpoint").click()
    expect(owner.locator("[data-secret]")).to_contain_text("whsec_")
    owner.get_by_role("button", name="I have kept it").click()
    expect(owner.locator("[data-secret]")).to_have_count(0)
    owner.get_by_role("button", name=f"More about {receiver}").click()
    owner.get_by_role("menuitem", name="Send a test event").click()
    log = owner.get_by_role("list", name="Deliveries")
    expect(log.get_by_text("delivered").first).to_be_visible(timeout=20_000)
    log.get_by_role("button", expanded=False).first.click()
    expect(log.get_by_text("taken, thank you")).to_be_visible()
    shot(owner, "settings-webhooks")
    assert violations(owner) == []


def test_a_key_is_shown_once(site: Site, owner: Page) -> None:
    owner.goto(f"{site.inbox}/settings/api-keys")
    owner.get_by_role("button", name="New key").click()
    owner.get_by_label("Name").fill("Shop")
    owner.get_by_label("tickets:read").check()
    owner.get_by_role("button", name="Make key").click()
    secret = owner.locator("[data-secret]").inner_text()
    assert secret.startswith("pgd_")
    owner.get_by_role("button", name="I have kept it").click()
    line = owner.get_by_role("listitem").filter(has_text="Shop")
    expect(line).to_contain_text("never used")
    owner.reload()
    expect(line).to_be_visible()
    assert secret not in owner.content()
    line.get_by_role("button", name="Revoke").click()
    owner.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(line).to_contain_text("revoked")


def test_a_dead_job_is_given_another_life(site: Site, owner: Page) -> None:
    with psycopg.connect(site.settings.database_url("postgres"), autocommit=True) as database:
        database.execute(
            "insert into private.jobs (organization_id, consumer, state, attempt, error, finished_at, payload)"
            " select %s, 'refit', 'dead', 5, 'the lights went out', now(), '{}'",
            [site.desk.organization_id],
        )
    owner.goto(f"{site.inbox}/settings/dead-letters")
    jobs = owner.get_by_role("list", name="Jobs that gave up")
    jobs.get_by_role("button", name="refit").click()
    expect(jobs).to_contain_text("the lights went out")
    shot(owner, "settings-dead-letters")
    jobs.get_by_role("button", name="Try again").click()
    expect(owner.get_by_text("No job has given up.")).to_be_visible()


@pytest.mark.full
@pytest.mark.parametrize(
    "path",
    ["knowledge", "knowledge/gaps"]
    + [f"settings/{name}" for name in ("ai", "api-keys", "audit", "dead-letters", "usage", "article-categories")],
)
def test_these_screens_have_no_barriers(site: Site, owner: Page, path: str) -> None:
    owner.goto(f"{site.inbox}/{path}")
    owner.wait_for_load_state("networkidle")
    shot(owner, path.replace("/", "-"))
    assert violations(owner) == []
