"""The widget on a page of another site, under that page's own policy."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pgdesk import web
from tests.serving import serve
from tests.waiting import until
from tests.web.conftest import PHONE, Opened, Site, shot, violations

# A page whose own styles would ruin whatever they reach.
STYLES = """
html { font-size: 50%; } body { font: italic 40px/3 serif; color: red; letter-spacing: 4px; text-transform: uppercase; }
* { box-sizing: content-box; } button, input, p { background: lime !important; border-radius: 0 !important; }
:root { --accent: hotpink; } .panel, .message, .launcher { display: none !important; }
"""


@dataclass
class Shop:
    """A site with the widget on it: at `url`, which the widget knows, and at `elsewhere`, which it does not."""

    site: Site
    url: str
    elsewhere: str
    widget: str

    def agent(self) -> httpx.Client:
        return self.site.rest("ines@kestrel-outdoor.example")

    def counted(self) -> list[int]:
        """Rows that a visit could leave behind."""
        with self.site.rest(self.site.desk.login) as desk:
            headers = {"prefer": "count=exact"}
            return [
                int(desk.get(f"/{table}?limit=1", headers=headers).headers["content-range"].split("/")[1])
                for table in ("tickets", "contacts", "visitors", "sessions")
            ]

    def last_ticket(self, of: Page) -> dict[str, Any]:
        """The ticket of the visitor who has this page open."""
        name = f"pgdesk.{self.widget}.talks"
        ticket = of.evaluate("name => localStorage.getItem(name)", name)
        with self.agent() as desk:
            found: dict[str, Any] = desk.get(f"/tickets?id=eq.{ticket}").json()[0]
            return found

    def hint(self, ticket: dict[str, Any], event: str, payload: dict[str, Any]) -> None:
        """What the desk, or a member, tells on the ticket's topic."""
        with psycopg.connect(self.site.settings.database_url("postgres")) as connection:
            topic = f"ticket:{ticket['id']}:contact"
            connection.execute("select realtime.send(%s, %s, %s, true)", [json.dumps(payload), event, topic])

    def answer(self, ticket: dict[str, Any], body: str) -> None:
        with self.agent() as desk:
            seq = desk.get(f"/tickets?id=eq.{ticket['id']}&select=last_seq").json()[0]["last_seq"]
            said = {"ticket_id": ticket["id"], "body": body, "expected_seq": seq}
            desk.post("/rpc/send_reply", json=said).raise_for_status()


def pages_of(site: Site, widget: dict[str, str]) -> Starlette:
    """A site with the strictest policy that docs/widget.md promises to do with. What is asked for besides becomes
    attributes of the tag."""
    api = site.settings.api_url
    policy = (
        f"default-src 'none'; style-src 'self'; script-src {site.url}; base-uri 'none'; "
        f"connect-src {site.url} {api} {api.replace('http', 'ws')}; require-trusted-types-for 'script'"
    )

    def page(request: Request) -> Response:
        said = {"widget": widget["id"]} | {key: value for key, value in request.query_params.items() if key != "lang"}
        attributes = " ".join(f'data-{name}="{value}"' for name, value in said.items())
        return HTMLResponse(
            f'<!doctype html><html lang="{request.query_params.get("lang", "en")}"><head><title>Shop</title>'
            f'<link rel="stylesheet" href="/shop.css"><script src="{site.url}/widget.js" {attributes} async></script>'
            "</head><body><main><h1>Shop</h1></main></body></html>",
            headers={"content-security-policy": policy},
        )

    def styles(_: Request) -> Response:
        return Response(STYLES, media_type="text/css")

    return Starlette(routes=[Route("/shop.css", styles), Route("/favicon.ico", styles), Route("/{page:path}", page)])


@pytest.fixture(scope="module")
def shop(site: Site) -> Iterator[Shop]:
    widget: dict[str, str] = {}
    with serve(pages_of(site, widget)) as url, serve(pages_of(site, widget)) as elsewhere:
        with site.rest(site.desk.login) as desk:
            wanted = {
                "organization_id": str(site.desk.organization_id), "name": f"Shop {uuid4()}",
                "domains": [url.removeprefix("http://")], "greeting": "Ahoy! What can we do for you?",
            }  # fmt: skip
            made = desk.post("/chat_widgets", json=wanted)
            made.raise_for_status()
            widget["id"] = made.json()[0]["id"]
            # The demo's articles are indexed by and by.
            question = {"organization_id": wanted["organization_id"], "query": "return an item"}
            until(lambda: "Return an item" in desk.post("/rpc/search_articles", json=question).text)
        yield Shop(site, url, elsewhere, widget["id"])


def opened_at(page: Page, url: str) -> Locator:
    """The panel on a page, opened by its button."""
    page.goto(url)
    page.get_by_role("button", name="Ask us").click()
    return page.get_by_role("dialog", name="Help")


def say(panel: Locator, text: str) -> None:
    panel.get_by_label("Write a message…").fill(text)
    panel.get_by_label("Write a message…").press("Enter")


def test_the_loader_and_the_panel_are_small(pages: None) -> None:
    loader = len(gzip.compress((web.DIST / "widget.js").read_bytes()))
    # All that there is, also what only comes with the first article.
    panel = sum(len(gzip.compress(file.read_bytes())) for file in (web.DIST / "widget").glob("*.js"))
    assert loader <= 10_000
    assert loader + panel <= 80_000


def test_a_visitor_looks_asks_is_answered_with_sources_and_finds_it_again(
    shop: Shop, open_page: Callable[..., Page]
) -> None:
    page, before = open_page(), shop.counted()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop.url)
    expect(page.get_by_role("button", name="Ask us")).to_be_visible()
    assert not [url for url in asked if url.startswith(shop.site.settings.api_url)]
    panel = opened_at(page, shop.url)
    expect(panel.get_by_role("heading", name="Ahoy! What can we do for you?")).to_be_visible()
    panel.get_by_label("Search the help articles").fill("return an item")
    panel.get_by_role("button", name=re.compile("^Return an item")).click()
    expect(panel.get_by_role("heading", name="Return an item")).to_be_visible()
    assert shop.counted() == before

    panel.get_by_role("button", name="That did not answer it? Write to us").click()
    say(panel, "How many days do I have to return an item?")
    expect(panel.get_by_text("Answered by AI", exact=True)).to_be_visible(timeout=20_000)
    source = panel.get_by_role("list", name="Sources").get_by_role("button").first
    expect(source).to_be_visible()
    assert [after - then for after, then in zip(shop.counted(), before, strict=True)] == [1, 1, 1, 0]
    shot(page, "widget-answer")
    assert violations(page) == []
    source.click()
    expect(panel.get_by_role("heading", level=1)).to_be_visible()

    page.goto(f"{shop.url}/another")
    panel = page.get_by_role("dialog", name="Help")
    expect(panel.get_by_text("How many days do I have to return an item?")).to_be_visible()
    panel.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.get_by_role("button", name="Ask us")).to_be_focused()


def test_a_person_answers_live_and_what_is_not_seen_is_counted_in_every_tab(
    shop: Shop, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    panel = opened_at(page, shop.url)
    panel.get_by_role("button", name="Write to us").click()
    say(panel, "Hello")
    panel.get_by_role("button", name="Talk to a person").click()
    expect(panel.get_by_text("A person will answer you here.").first).to_be_visible()
    ticket = shop.last_ticket(page)
    other = page.context.new_page()
    other.goto(f"{shop.url}/another")
    panel.press("Escape")

    shop.answer(ticket, "Good morning, this is Ines.")
    for each in (page, other):
        expect(each.get_by_role("button", name="Ask us, 1 new answer")).to_be_visible()
        expect(each).to_have_title("(1) Shop")
    other.get_by_role("button", name="Ask us, 1 new answer").click()
    expect(other.get_by_role("dialog").get_by_text("Good morning, this is Ines.", exact=True)).to_be_visible()
    for each in (page, other):
        expect(each).to_have_title("Shop")
    expect(page.get_by_role("button", name="Ask us", exact=True)).to_be_visible()
    # Between two tabs that are open nothing has to be loaded again.
    say(other.get_by_role("dialog"), "Thank you!")
    page.get_by_role("button", name="Ask us").click()
    expect(panel.get_by_text("Thank you!")).to_be_visible()


def test_where_it_may_not_stand_it_says_so_and_nobody_gets_a_token(
    shop: Shop, open_page: Callable[..., Page], opened: Opened
) -> None:
    opened.expected += ["status of 403"]
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/token/visitor") else None)
    panel = opened_at(page, shop.elsewhere)
    expect(panel.get_by_role("alert")).to_have_text("The chat is not available on this page.")
    page.wait_for_load_state("networkidle")
    assert len(asked) <= 2, asked
    assert page.evaluate("localStorage.length") == 0


@pytest.mark.full
def test_an_answer_is_seen_while_it_is_made_and_forgotten_when_it_is_withdrawn(
    shop: Shop, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    panel = opened_at(page, shop.url)
    panel.get_by_role("button", name="Write to us").click()
    say(panel, "Hello")
    panel.get_by_role("button", name="Talk to a person").click()
    expect(panel.get_by_text("A person will answer you here.").first).to_be_visible()
    ticket = shop.last_ticket(page)
    # The desk's own word about both messages comes first.
    with shop.agent() as desk:
        until(lambda: len(desk.get(f"/triage_results?ticket_id=eq.{ticket['id']}").json()) == 2)
        until(lambda: desk.get(f"/drafts?ticket_id=eq.{ticket['id']}&reasons=cs.{{wants_human}}").json())
    about = {"ticket_id": ticket["id"], "reply_id": "r", "seq": 2}
    shop.hint(ticket, "typing", {"by": "member"})
    expect(panel.get_by_text("Somebody is writing")).to_be_attached()
    shop.hint(ticket, "reply.delta", about | {"index": 0, "text": "You have 30 days."})
    expect(panel.get_by_text("You have 30 days.", exact=True)).to_be_visible()
    shop.hint(ticket, "reply.delta", about | {"index": 1, "text": " Hand it in within 7 days."})
    expect(panel.get_by_text("You have 30 days. Hand it in within 7 days.", exact=True)).to_be_visible()
    # One is missing in between: what comes after it is not shown.
    shop.hint(ticket, "reply.delta", about | {"index": 3, "text": " And 500 euros."})
    shop.hint(ticket, "typing", {"by": "member"})
    expect(panel.get_by_text("500 euros")).to_have_count(0)
    shop.hint(ticket, "reply.withdrawn", about | {"by_person": True})
    expect(panel.get_by_text("You have 30 days.")).to_have_count(0)


@pytest.mark.full
def test_whom_the_site_vouches_for_finds_their_conversation_on_every_device(
    shop: Shop, open_page: Callable[..., Page]
) -> None:
    token = shop.site.session(shop.site.desk.login)["access_token"]
    made = httpx.post(
        f"{shop.site.settings.api_url}/functions/v1/widgets/{shop.widget}/secret",
        headers={"authorization": f"Bearer {token}"},
    )
    word = jwt.encode(
        {"sub": str(uuid4()), "name": "Ann", "exp": int(time.time()) + 600}, made.json()["secret"], "HS256"
    )
    page = open_page()
    panel = opened_at(page, f"{shop.url}/?identity={word}")
    panel.get_by_role("button", name="Write to us").click()
    say(panel, "Which tent is the lightest?")
    expect(panel.get_by_text("Which tent is the lightest?")).to_be_visible()
    device = opened_at(open_page(), f"{shop.url}/?identity={word}")
    expect(device.get_by_text("Which tent is the lightest?")).to_be_visible()
    # Spoken of anew, they go on where they were; signed out, it is not there any more.
    panel.get_by_label("Write a message…").fill("And")
    page.evaluate("word => pgdesk('identify', word)", word)
    expect(panel.get_by_label("Write a message…")).to_have_value("And")
    expect(panel.get_by_text("Which tent is the lightest?")).to_be_visible()
    page.evaluate("pgdesk('identify', null)")
    expect(panel.get_by_text("Which tent is the lightest?")).to_be_hidden()


@pytest.mark.full
def test_files_go_along_and_answers_follow_who_leaves(
    shop: Shop, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page()
    panel = opened_at(page, shop.url)
    panel.get_by_role("button", name="Write to us").click()
    (tmp_path / "bent pole.txt").write_text("It is bent.")
    panel.locator("input[type=file]").set_input_files(tmp_path / "bent pole.txt")
    say(panel, "My pole is bent, I want to talk to a real person.")
    expect(panel.get_by_role("button", name=re.compile("Download .*pole.txt"))).to_be_visible(timeout=20_000)
    with page.expect_download() as download:
        panel.get_by_role("button", name=re.compile("Download .*pole.txt")).click()
    assert download.value.path().read_text() == "It is bent."
    panel.get_by_label("Where do answers reach you when you are gone?").fill("ann@people.example")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("Thank you. Leave whenever you like")).to_be_visible()
    with shop.site.rest(shop.site.desk.login) as desk:
        contact = shop.last_ticket(page)["contact_id"]
        assert desk.get(f"/visitors?contact_id=eq.{contact}").json()[0]["email"] == "ann@people.example"


@pytest.mark.full
def test_who_is_asked_how_it_was_can_say_so(shop: Shop, open_page: Callable[..., Page]) -> None:
    page = open_page()
    panel = opened_at(page, shop.url)
    panel.get_by_role("button", name="Write to us").click()
    say(panel, "Hello")
    panel.get_by_role("button", name="Talk to a person").click()
    expect(panel.get_by_text("A person will answer you here.").first).to_be_visible()
    ticket = shop.last_ticket(page)
    shop.answer(ticket, "Here I am.")
    with shop.site.rest(shop.site.desk.login) as desk:
        organization = f"/organizations?id=eq.{shop.site.desk.organization_id}"
        desk.patch(organization, json={"ask_csat_after": "0"}).raise_for_status()
        desk.patch(f"/tickets?id=eq.{ticket['id']}", json={"status": "solved"}).raise_for_status()
        panel.get_by_role("button", name="4 of 5 stars").click(timeout=30_000)
        panel.get_by_label("Would you like to say more? (optional)").fill("Quick!")
        panel.get_by_role("button", name="Send").first.click()
        expect(panel.get_by_text("Thank you for telling us.")).to_be_visible()
        (rating,) = desk.get(f"/csat_ratings?ticket_id=eq.{ticket['id']}").json()
        desk.patch(organization, json={"ask_csat_after": None}).raise_for_status()
    assert (rating["score"], rating["comment"]) == (4, "Quick!")


@pytest.mark.full
def test_what_is_said_while_the_network_is_gone_is_sent_when_it_is_back(
    shop: Shop, open_page: Callable[..., Page], opened: Opened
) -> None:
    opened.expected += ["ERR_INTERNET_DISCONNECTED", "WebSocket"]
    page = open_page()
    panel = opened_at(page, shop.url)
    panel.get_by_role("button", name="Write to us").click()
    page.context.set_offline(True)
    say(panel, "Is anybody there?")
    expect(panel.get_by_role("alert").filter(has_text="Not sent.")).to_be_visible()
    page.context.set_offline(False)
    panel.get_by_role("button", name="Try again").click()
    expect(panel.get_by_text("Not sent.")).to_be_hidden()
    expect(panel.get_by_text("Sending", exact=True)).to_be_hidden()
    assert shop.last_ticket(page)["subject"] == "Is anybody there?"


@pytest.mark.full
def test_it_speaks_arabic_from_right_to_left_and_fills_a_phone(shop: Shop, open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=PHONE)
    page.goto(f"{shop.url}/?lang=ar")
    page.get_by_role("button", name="اسألنا").click()
    panel = page.get_by_role("dialog", name="المساعدة")
    expect(panel.get_by_role("heading", name="Ahoy! What can we do for you?")).to_be_visible()
    expect(panel.get_by_role("list", name="مقالات المساعدة")).to_be_visible()
    box = panel.bounding_box()
    assert box == {"x": 0, "y": 0, "width": PHONE["width"], "height": PHONE["height"]}
    assert panel.evaluate("panel => getComputedStyle(panel).direction") == "rtl"
    shot(page, "widget-home-phone-ar")
    assert violations(page) == []


@pytest.mark.full
def test_the_page_and_the_widget_leave_each_other_alone(shop: Shop, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(shop.url)
    heading = page.get_by_role("heading", name="Shop", exact=True)
    look = "element => JSON.stringify(['color', 'fontSize', 'fontFamily'].map(name => getComputedStyle(element)[name]))"
    before = heading.evaluate(look)
    page.evaluate("addEventListener('keydown', event => { window.heard = (window.heard ?? '') + event.key })")
    panel = opened_at(page, shop.url)
    field = panel.get_by_label("Search the help articles")
    page.evaluate("addEventListener('keydown', event => { window.heard = (window.heard ?? '') + event.key })")
    field.press("j")
    assert page.evaluate("window.heard") is None
    assert heading.evaluate(look) == before
    style = json.loads(field.evaluate(look))
    assert style[1] == "16px"
    assert "serif" not in style[2].replace("sans-serif", "")


@pytest.mark.full
def test_the_sample_shop_has_it(shop: Shop, open_page: Callable[..., Page]) -> None:
    panel = opened_at(open_page(), f"{shop.site.url}/shop/")
    expect(panel.get_by_role("list", name="Help articles").get_by_role("button").first).to_be_visible()
